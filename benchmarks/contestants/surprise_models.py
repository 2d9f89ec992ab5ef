"""Surprise: SVD and SVD++ for ratings."""

from typing import Any, ClassVar

import numpy as np
from surprise import SVD, SVDpp, Trainset

from benchmarks.contestants import Columns, Ids, Stars


class SurpriseSVD:
    """Biased matrix factorization by stochastic gradient descent."""

    data_format: ClassVar[str] = "Surprise's Trainset"
    kind: ClassVar[type] = SVD

    def prepare(self, train: Columns) -> None:
        """Build the Trainset: dictionaries of lists, under the ids that we have already."""
        by_user: dict[int, list[tuple[int, float]]] = {}
        by_item: dict[int, list[tuple[int, float]]] = {}
        for user, item, stars in zip(train.users.tolist(), train.items.tolist(), train.ratings.tolist(), strict=True):
            by_user.setdefault(user, []).append((item, stars))
            by_item.setdefault(item, []).append((user, stars))
        # Surprise numbers from 0 without gaps, so an item without training ratings would be a hole in its arrays.
        users = {raw: inner for inner, raw in enumerate(sorted(by_user))}
        items = {raw: inner for inner, raw in enumerate(sorted(by_item))}
        ur = {users[user]: [(items[item], stars) for item, stars in rated] for user, rated in by_user.items()}
        ir = {items[item]: [(users[user], stars) for user, stars in rated] for item, rated in by_item.items()}
        self.train = Trainset(ur, ir, len(users), len(items), len(train.users), (1, 5), users, items)

    def fit(self, seed: int, **params: Any) -> None:
        """Fit a new model."""
        self.model = self.kind(random_state=seed, **params).fit(self.train)

    def predict(self, users: Ids, items: Ids) -> Stars:
        """Ask the model, pair by pair, as Surprise does it."""
        pairs = zip(users.tolist(), items.tolist(), strict=True)
        return np.array([self.model.predict(user, item).est for user, item in pairs])


class SurpriseSVDpp(SurpriseSVD):
    """SVD with what somebody rated at all as a further clue."""

    kind = SVDpp
