"""What every recommender can do, and the k best of many scores."""

from typing import ClassVar, Literal, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from ultralearn.recsys.data import Floats, Ints, Ratings

Scores = NDArray[np.float32] | NDArray[np.float64]


class NotFitted(AttributeError):
    """A model was asked for something that only fit gives it."""


class Recommender(Protocol):
    """Fitted to interactions, predicts, and recommends.

    A model of the package inherits from this, names in `state` what fit learns, and writes fit, scores and fold_in.
    seen: (n_users, n_items), an entry where a person rated an item in fit.
    """

    predicts: ClassVar[Literal["stars", "scores"]]
    state: ClassVar[tuple[str, ...]] = ()
    seen: sparse.csr_array

    def fit(self, interactions: Ratings) -> Self:
        """Learns from the interactions alone; returns itself. Raises ValueError where there are none."""
        ...

    def scores(self, users: Ints) -> Scores:
        """What each of users, (b,), would give each item, (b, n_items): stars, or scores where more is better."""
        ...

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Scores of every item, (n_items,), for somebody who was not there at fit.

        items: (n,) what they chose; ratings: (n,) their stars, which a model of ratings needs and others ignore.
        """
        ...

    def predict(self, users: Ints, items: Ints) -> Floats:
        """Stars, or scores, (n,), of users[j] for items[j]. Raises ValueError for ids that were not there at fit."""
        users, items = self._known(users, 0), self._known(items, 1)
        people, places = np.unique(users, return_inverse=True)
        return self.scores(people)[places, items].astype(np.float64)

    def recommend(self, users: Ints, k: int = 10, exclude_seen: bool = True) -> Ints:
        """The k items with the best scores for each of users, (len(users), k), best first, -1 where fewer are left.

        Of equal scores the lower id comes first. Raises ValueError for users that were not there at fit, and k < 1.
        """
        users = self._known(users, 0)
        if k < 1:
            raise ValueError(f"k={k}: recommend at least one item")
        found = [np.empty((0, k), dtype=np.int64)]
        for start in range(0, len(users), 1024):  # scores of a thousand people at a time
            batch = users[start : start + 1024]
            scores = self.scores(batch)
            if exclude_seen:
                scores = scores.copy()
                rows = self.seen[batch]
                scores[np.repeat(np.arange(len(batch)), np.diff(rows.indptr)), rows.indices] = -np.inf
            found.append(top_k(scores, k))
        return np.concatenate(found)

    def __getattr__(self, name: str) -> Floats:
        if name == "seen" or name in type(self).state:
            raise NotFitted(f"{type(self).__name__} is not fitted yet: call fit(interactions) first")
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def _remember(self, interactions: Ratings) -> None:
        """Checks the interactions and keeps who has seen what."""
        if len(interactions) == 0:
            raise ValueError(f"{type(self).__name__} needs at least one interaction, and was given none")
        for name, ids, count in (
            ("user", interactions.users, interactions.n_users),
            ("item", interactions.items, interactions.n_items),
        ):
            if ids.min() < 0 or ids.max() >= count:
                raise ValueError(f"{name} ids run from {ids.min()} to {ids.max()}, expected 0 to {count - 1}")
        self.seen = interactions.matrix()

    def _known(self, ids: Ints, axis: int) -> Ints:
        ids = np.asarray(ids, dtype=np.int64)
        if ids.ndim != 1:
            raise ValueError(f"ids of shape {ids.shape}: expected one dimension")
        if len(ids) and (ids.min() < 0 or ids.max() >= self.seen.shape[axis]):
            raise ValueError(
                f"{('user', 'item')[axis]} ids run from {ids.min()} to {ids.max()}, "
                f"but fit knew 0 to {self.seen.shape[axis] - 1}"
            )
        return ids


def top_k(scores: Scores, k: int) -> Ints:
    """The places of the k largest scores in each row, (n, k), largest first, -1 where fewer are above -inf.

    scores: (n, n_items), without NaN. Of equal scores the lower place comes first.
    """
    table = torch.from_numpy(scores)
    values, places = torch.sort(table, dim=1, descending=True, stable=True)
    best = torch.where(values[:, :k] > -torch.inf, places[:, :k], -1)
    missing = k - best.shape[1]
    return torch.nn.functional.pad(best, (0, max(missing, 0)), value=-1).numpy()
