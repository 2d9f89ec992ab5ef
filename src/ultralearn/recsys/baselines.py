"""What any model has to beat: the mean of each film, the offsets of people and films, and what everybody watches."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.recommender import Recommender


@dataclass
class ItemMean(Recommender):
    """Predicts each item's mean rating; the overall mean for an item that nobody rated."""

    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("item_means",)

    def fit(self, interactions: Ratings) -> Self:
        """Takes the means."""
        self._remember(interactions)
        totals = np.bincount(interactions.items, interactions.ratings, interactions.n_items)
        counts = np.bincount(interactions.items, minlength=interactions.n_items)
        mean = interactions.ratings.mean()
        self.item_means: Floats = np.where(counts > 0, totals / np.maximum(counts, 1), mean)
        return self

    def scores(self, users: Ints) -> Floats:
        """The same for everybody, in stars."""
        return np.tile(self.item_means, (len(users), 1))

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """The same for everybody, in stars."""
        return self.item_means.copy()


@dataclass
class Popularity(Recommender):
    """Recommends to everybody what most people interacted with."""

    predicts: ClassVar = "scores"
    state: ClassVar[tuple[str, ...]] = ("counts",)

    def fit(self, interactions: Ratings) -> Self:
        """Counts."""
        self._remember(interactions)
        self.counts: Floats = np.bincount(interactions.items, minlength=interactions.n_items).astype(np.float64)
        return self

    def scores(self, users: Ints) -> Floats:
        """How many people interacted with each item."""
        return np.tile(self.counts, (len(users), 1))

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """The same for everybody."""
        return self.counts.copy()


@dataclass
class Offsets(Recommender):
    """mean + b_u + b_i: how much each person and each item is above the mean, pulled to zero where ratings are few."""

    user_reg: float = 5.0
    item_reg: float = 3.0
    sweeps: int = 3
    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("mean", "user_biases", "item_biases")

    def fit(self, interactions: Ratings) -> Self:
        """Items and people in turn, each to what the other leaves."""
        self._remember(interactions)
        users, items = interactions.users, interactions.items
        self.mean = np.array(interactions.ratings.mean())
        residuals = interactions.ratings - self.mean
        user_counts = np.bincount(users, minlength=interactions.n_users)
        item_counts = np.bincount(items, minlength=interactions.n_items)
        self.user_biases: Floats = np.zeros(interactions.n_users)
        for _ in range(self.sweeps):
            rest = residuals - self.user_biases[users]
            self.item_biases: Floats = np.bincount(items, rest, interactions.n_items) / (item_counts + self.item_reg)
            rest = residuals - self.item_biases[items]
            self.user_biases = np.bincount(users, rest, interactions.n_users) / (user_counts + self.user_reg)
        return self

    def scores(self, users: Ints) -> Floats:
        """Stars."""
        return self.mean + self.user_biases[users, None] + self.item_biases

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars, with the offset that fit would give this person."""
        items, ratings = self._rated(items, ratings)
        bias = np.sum(ratings - self.mean - self.item_biases[items]) / (len(items) + self.user_reg)
        return np.asarray(self.mean + bias + self.item_biases)
