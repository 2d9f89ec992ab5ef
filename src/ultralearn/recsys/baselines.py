"""What any model has to beat: the means of items, the offsets of people and items, and what everybody watches."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.recommender import Recommender


@dataclass
class ItemMean(Recommender):
    """Each item's mean rating, for everybody; the overall mean for an item that nobody rated."""

    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("item_means",)

    def fit(self, interactions: Ratings) -> Self:
        """Takes the means."""
        self._remember(interactions)
        totals = np.bincount(interactions.items, interactions.ratings, interactions.n_items)
        counts = np.bincount(interactions.items, minlength=interactions.n_items)
        self.item_means: Floats = np.where(counts > 0, totals / np.maximum(counts, 1), interactions.ratings.mean())
        return self

    def scores(self, users: Ints) -> Floats:
        """Stars, (n, n_items), the same in each row."""
        return np.tile(self.item_means, (len(users), 1))

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars, (n_items,), whoever it is."""
        self._known("item", items)
        return self.item_means.copy()


@dataclass
class Popularity(Recommender):
    """How many people interacted with each item, for everybody."""

    predicts: ClassVar = "scores"
    state: ClassVar[tuple[str, ...]] = ("counts",)

    def fit(self, interactions: Ratings) -> Self:
        """Counts."""
        self._remember(interactions)
        self.counts: Floats = np.bincount(interactions.items, minlength=interactions.n_items).astype(np.float64)
        return self

    def scores(self, users: Ints) -> Floats:
        """Counts, (n, n_items), the same in each row."""
        return np.tile(self.counts, (len(users), 1))

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Counts, (n_items,), whoever it is."""
        self._known("item", items)
        return self.counts.copy()


@dataclass
class Offsets(Recommender):
    """mean + b_u + b_i: how far each person and each item is from the mean, less so where there are few ratings.

    The offset of somebody with n ratings is what is left of them over n + user_reg, as if user_reg more of 0 had come
    in: the best under a squared penalty (Koren 2010, "Factor in the Neighbors", section 2.1).
    """

    user_reg: float = 5.0
    item_reg: float = 3.0
    sweeps: int = 3
    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("mean", "user_biases", "item_biases")

    def fit(self, interactions: Ratings) -> Self:
        """Items and people in turn, each to what the other leaves."""
        self._expect_positive("user_reg", "item_reg", "sweeps")
        self._remember(interactions)
        users, items = interactions.users, interactions.items
        user_counts = np.bincount(users, minlength=interactions.n_users)
        item_counts = np.bincount(items, minlength=interactions.n_items)
        self.mean = np.array(interactions.ratings.mean())
        self.user_biases: Floats = np.zeros(interactions.n_users)
        for _ in range(self.sweeps):
            rest = interactions.ratings - self.mean - self.user_biases[users]
            self.item_biases: Floats = np.bincount(items, rest, interactions.n_items) / (item_counts + self.item_reg)
            rest = interactions.ratings - self.mean - self.item_biases[items]
            self.user_biases = np.bincount(users, rest, interactions.n_users) / (user_counts + self.user_reg)
        return self

    def residuals(self, interactions: Ratings) -> Floats:
        """What the offsets leave of these ratings, (n,), in stars."""
        predictions = self.mean + self.user_biases[interactions.users] + self.item_biases[interactions.items]
        return np.asarray(interactions.ratings - predictions)

    def scores(self, users: Ints) -> Floats:
        """Stars, (n, n_items), not cut to the range that can be given."""
        return np.asarray(self.mean + self.user_biases[users, None] + self.item_biases)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars of every item, (n_items,), with the offset that fit would give to somebody with these ratings."""
        items, ratings = self._rated(items, ratings)
        bias = np.sum(ratings - self.mean - self.item_biases[items]) / (len(items) + self.user_reg)
        return np.asarray(self.mean + bias + self.item_biases)
