"""Implicit alternating least squares: every cell counts, those with an interaction more."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ultralearn.recsys.buckets import Bucket, bucketed, padded, solve
from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.recommender import Recommender, Scores


def ials_half_step(buckets: list[Bucket], n_rows: int, col_factors: Tensor, alpha: float, reg: Tensor) -> Tensor:
    """The best factors of one side, (n_rows, k), while the other side's stay: reg (n_rows,) is each row's own.

    x = (Y'Y + alpha F'F + reg I)^-1 (1 + alpha) F'1, with F the factors of what the row interacted with.
    """
    k = col_factors.shape[1]
    factors, eye = padded(col_factors), torch.eye(k)
    gram = col_factors.T @ col_factors
    row_factors = col_factors.new_zeros(n_rows, k)
    for bucket in buckets:
        features = factors[bucket.cols]
        matrices = gram + alpha * features.mT @ features + reg[bucket.rows, None, None] * eye
        row_factors[bucket.rows] = solve(matrices, (1 + alpha) * features.sum(1))
    return row_factors


@dataclass
class IALS(Recommender):
    """Hu, Koren and Volinsky (2008), with the regularization of Rendle et al. (2021)."""

    rank: int = 32
    alpha: float = 4.0
    reg: float = 30.0
    popularity_power: float = 0.0
    sweeps: int = 4
    seed: int = 0
    predicts: ClassVar = "scores"
    state: ClassVar[tuple[str, ...]] = ("user_factors", "item_factors")

    def fit(self, interactions: Ratings) -> Self:
        """Half-steps in turn, users first."""
        self._remember(interactions)
        n_users, n_items = interactions.n_users, interactions.n_items
        users, items = torch.from_numpy(interactions.users), torch.from_numpy(interactions.items)
        ones = torch.ones(len(interactions))
        generator = torch.Generator().manual_seed(self.seed)
        item_factors = 0.1 * torch.randn(n_items, self.rank, generator=generator)
        by_user = bucketed(ones, users, items, n_users, n_items)
        by_item = bucketed(ones, items, users, n_items, n_users)
        user_reg = self.reg * _relative(users.bincount(minlength=n_users), self.popularity_power)
        item_reg = self.reg * _relative(items.bincount(minlength=n_items), self.popularity_power)
        user_factors = torch.zeros(n_users, self.rank)
        for _ in range(self.sweeps):
            user_factors = ials_half_step(by_user, n_users, item_factors, self.alpha, user_reg)
            item_factors = ials_half_step(by_item, n_items, user_factors, self.alpha, item_reg)
        self.user_factors, self.item_factors = user_factors.numpy(), item_factors.numpy()
        return self

    def scores(self, users: Ints) -> Scores:
        """Scores near 1 where an interaction would fit, near 0 elsewhere."""
        return np.asarray(self.user_factors[users] @ self.item_factors.T)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Scores of every item for somebody new, whose factors are one more half-step."""
        features = self.item_factors[np.unique(items)].astype(np.float64)
        y = self.item_factors.astype(np.float64)
        matrix = y.T @ y + self.alpha * features.T @ features + self.reg * np.eye(self.rank)
        return np.asarray(y @ np.linalg.solve(matrix, (1 + self.alpha) * features.sum(0)))


def _relative(counts: Tensor, power: float) -> Tensor:
    weights = counts.clamp(min=1).float() ** power
    return weights / weights.mean()
