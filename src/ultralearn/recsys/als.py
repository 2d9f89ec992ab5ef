"""Alternating least squares for ratings."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ultralearn.recsys.baselines import Offsets
from ultralearn.recsys.buckets import Bucket, bucketed, padded, solve
from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.recommender import Recommender


def als_half_step(buckets: list[Bucket], n_rows: int, col_factors: Tensor, reg: float) -> Tensor:
    """The best factors of one side, (n_rows, k), while the other side's, (n_cols, k), stay as they are.

    Equals week 3's exercise of the same name (a test holds it). Buckets with fewer ratings than factors go through the
    push-through identity (C + X'X)^-1 X' = C^-1 X' (I + X C^-1 X')^-1, with C = reg I and reg positive.
    """
    k = col_factors.shape[1]
    factors = padded(col_factors)
    row_factors = col_factors.new_zeros(n_rows, k)
    for bucket in buckets:
        features, targets = factors[bucket.cols], bucket.ratings
        length = features.shape[1]
        if length < k:
            kernel = features @ features.mT / reg + torch.eye(length, dtype=features.dtype, device=features.device)
            weights = (features.mT @ solve(kernel, targets)[:, :, None]).squeeze(2) / reg
        else:
            gram = features.mT @ features + reg * torch.eye(k, dtype=features.dtype, device=features.device)
            weights = solve(gram, (features.mT @ targets[:, :, None]).squeeze(2))
        row_factors[bucket.rows] = weights
    return row_factors


def factorize(
    ratings: Tensor,
    users: Tensor,
    items: Tensor,
    n_users: int,
    n_items: int,
    rank: int,
    reg: float,
    sweeps: int,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """User and item factors, (n_users, rank) and (n_items, rank), after `sweeps` pairs of half-steps, users first.

    ratings: (n,) centered, their type is that of the result; users, items: (n,). The item factors start as normal
    noise of standard deviation 0.1. Zhou et al. (2008), with the same reg for every row.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = 0.1 * torch.randn(n_items, rank, generator=generator, dtype=ratings.dtype)
    item_factors = noise.to(ratings.device)
    user_factors = ratings.new_zeros(n_users, rank)
    by_user = bucketed(ratings, users, items, n_users, n_items)
    by_item = bucketed(ratings, items, users, n_items, n_users)
    for _ in range(sweeps):
        user_factors = als_half_step(by_user, n_users, item_factors, reg)
        item_factors = als_half_step(by_item, n_items, user_factors, reg)
    return user_factors, item_factors


@dataclass
class ALS(Recommender):
    """Biased matrix factorization of ratings: r = mean + b_u + b_i + p_u . q_i, the factors by least squares."""

    rank: int = 16
    reg: float = 12.0
    sweeps: int = 8
    seed: int = 0
    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("mean", "user_biases", "item_biases", "user_factors", "item_factors")

    def fit(self, interactions: Ratings) -> Self:
        """Offsets first, then factors for what they leave."""
        self._remember(interactions)
        offsets = Offsets().fit(interactions)
        self.mean, self.user_biases, self.item_biases = offsets.mean, offsets.user_biases, offsets.item_biases
        usual = self.mean + self.user_biases[interactions.users] + self.item_biases[interactions.items]
        columns = (
            torch.from_numpy(interactions.ratings - usual).float(),
            torch.from_numpy(interactions.users),
            torch.from_numpy(interactions.items),
        )
        sizes = interactions.n_users, interactions.n_items
        factors = factorize(*columns, *sizes, self.rank, self.reg, self.sweeps, self.seed)
        self.user_factors, self.item_factors = (side.double().numpy() for side in factors)
        return self

    def scores(self, users: Ints) -> Floats:
        """Stars."""
        tastes = self.user_factors[users] @ self.item_factors.T
        return np.asarray(self.mean + self.user_biases[users, None] + self.item_biases + tastes)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars of every item for somebody new."""
        items, ratings = self._rated(items, ratings)
        rest = ratings - self.mean - self.item_biases[items]
        bias = rest.sum() / (len(items) + Offsets.user_reg)
        features = self.item_factors[items]
        gram = features.T @ features + self.reg * np.eye(self.rank)
        taste = np.linalg.solve(gram, features.T @ (rest - bias))
        return np.asarray(self.mean + bias + self.item_biases + self.item_factors @ taste)
