"""Alternating least squares for ratings: both sides in turn, each exactly, all of its rows at once."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from ultralearn.recsys.baselines import Offsets
from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.pattern import Pattern
from ultralearn.recsys.recommender import Recommender


def als_half_step(pattern: Pattern, ratings: Tensor, col_factors: Tensor, reg: float) -> Tensor:
    """The best factors of one side, (n_rows, k), while the other side's, (n_cols, k), stay as they are.

    ratings: (n_interactions,), centered, in the pattern's order. Each row's factors solve a ridge regression,

        (Q'Q + reg I) p = Q'r,    with Q the factors of what the row rated, and r its ratings.
    """
    systems = pattern.grams(col_factors)
    systems.diagonal(dim1=1, dim2=2).add_(reg)
    right_sides = pattern.sums(col_factors, ratings)
    return torch.cholesky_solve(right_sides[:, :, None], torch.linalg.cholesky(systems)).squeeze(2)


def factorize(table: sparse.csr_array, rank: int, reg: float, sweeps: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """User and item factors, (n_users, rank) and (n_items, rank), after `sweeps` pairs of half-steps, users first.

    table: (n_users, n_items), centered ratings; their type is that of the result. The item factors start as normal
    noise of standard deviation 0.1.
    """
    by_item = table.T.tocsr()
    user_pattern, user_ratings = Pattern(table), torch.from_numpy(table.data)
    item_pattern, item_ratings = Pattern(by_item), torch.from_numpy(by_item.data)
    generator = torch.Generator().manual_seed(seed)
    item_factors = 0.1 * torch.randn(table.shape[1], rank, generator=generator, dtype=user_ratings.dtype)
    user_factors = item_factors.new_zeros(table.shape[0], rank)
    for _ in range(sweeps):
        user_factors = als_half_step(user_pattern, user_ratings, item_factors, reg)
        item_factors = als_half_step(item_pattern, item_ratings, user_factors, reg)
    return user_factors, item_factors


@dataclass
class ALS(Recommender):
    """Biased matrix factorization, r = mean + b_u + b_i + p_u . q_i, its factors by least squares in turn.

    Zhou, Wilkinson, Schreiber and Pan (2008), with the same reg for every row; the offsets are fitted first (Offsets),
    the factors to what these leave.
    """

    rank: int = 16
    reg: float = 14.0
    sweeps: int = 6
    seed: int = 0
    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("mean", "user_biases", "item_biases", "user_factors", "item_factors")

    def fit(self, interactions: Ratings) -> Self:
        """Offsets first, then factors for what they leave, in float32."""
        self._expect_positive("rank", "reg", "sweeps")
        self._remember(interactions)
        offsets = Offsets().fit(interactions)
        self.mean, self.user_biases, self.item_biases = offsets.mean, offsets.user_biases, offsets.item_biases
        table = replace(interactions, ratings=offsets.residuals(interactions)).matrix().astype(np.float32)
        user_factors, item_factors = factorize(table, self.rank, self.reg, self.sweeps, self.seed)
        self.user_factors: NDArray[np.float32] = user_factors.numpy()
        self.item_factors: NDArray[np.float32] = item_factors.numpy()
        return self

    def scores(self, users: Ints) -> Floats:
        """Stars, (n, n_items), not cut to the range that can be given: the order is what matters here."""
        tastes = self.user_factors[users] @ self.item_factors.T
        return np.asarray(self.mean + self.user_biases[users, None] + self.item_biases + tastes)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars of every item, (n_items,): an offset and a half-step for somebody with these ratings."""
        items, ratings = self._rated(items, ratings)
        rest = ratings - self.mean - self.item_biases[items]
        bias = rest.sum() / (len(rest) + Offsets.user_reg)
        col_factors = self.item_factors.astype(np.float64)
        features = col_factors[items]
        system = features.T @ features + self.reg * np.eye(self.rank)
        taste = np.linalg.solve(system, features.T @ (rest - bias))
        return np.asarray(self.mean + bias + self.item_biases + col_factors @ taste)
