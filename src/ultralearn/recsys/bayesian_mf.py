"""Bayesian matrix factorization by Gibbs sampling."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ultralearn.recsys.buckets import Bucket, bucketed, padded
from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.recommender import Recommender


def gibbs_half_step(
    buckets: list[Bucket],
    n_rows: int,
    col_factors: Tensor,
    noise_precision: float,
    prior_mean: Tensor,
    prior_precision: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """A draw of one side's factors, (n_rows, k), given the other side's and the ratings."""
    k = col_factors.shape[1]
    factors = padded(col_factors)
    noise = torch.randn(n_rows, k, generator=generator, dtype=col_factors.dtype)
    pull = prior_precision @ prior_mean
    drawn: Tensor = prior_mean + torch.linalg.solve_triangular(
        torch.linalg.cholesky(prior_precision).mT, noise[:, :, None], upper=True
    ).squeeze(2)
    for bucket in buckets:
        features = factors[bucket.cols]
        precision = prior_precision + noise_precision * features.mT @ features
        right = pull + noise_precision * (features.mT @ bucket.ratings[:, :, None]).squeeze(2)
        lower = torch.linalg.cholesky(precision)
        half = torch.linalg.solve_triangular(lower, right[:, :, None], upper=False)
        sample = torch.linalg.solve_triangular(lower.mT, half + noise[bucket.rows, :, None], upper=True)
        drawn[bucket.rows] = sample.squeeze(2)
    return drawn


@dataclass
class BayesianMF(Recommender):
    """Salakhutdinov and Mnih (2008), with fixed precisions for now."""

    rank: int = 8
    sweeps: int = 40
    burn_in: int = 8
    prior: float = 5.0
    noise_precision: float = 1.5
    seed: int = 0
    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("mean", "user_samples", "item_samples")

    def fit(self, interactions: Ratings) -> Self:
        """Draws the two sides in turn; the sweeps after burn_in are kept."""
        self._remember(interactions)
        n_users, n_items, k = interactions.n_users, interactions.n_items, self.rank + 2
        users, items = torch.from_numpy(interactions.users), torch.from_numpy(interactions.items)
        generator = torch.Generator().manual_seed(self.seed)
        self.mean = np.array(interactions.ratings.mean())
        centered = torch.from_numpy(interactions.ratings - self.mean).float()
        by_user = bucketed(centered, users, items, n_users, n_items)
        by_item = bucketed(centered, items, users, n_items, n_users)
        item_factors = 0.1 * torch.randn(n_items, k, generator=generator)
        precision = self.prior * torch.eye(k)
        zero = torch.zeros(k)
        kept = []
        for sweep in range(self.sweeps):
            user_factors = gibbs_half_step(
                by_user, n_users, item_factors, self.noise_precision, zero, precision, generator
            )
            item_factors = gibbs_half_step(
                by_item, n_items, user_factors, self.noise_precision, zero, precision, generator
            )
            if sweep >= self.burn_in:
                kept.append((user_factors, item_factors))
        self.user_samples = torch.stack([user for user, _ in kept]).numpy()
        self.item_samples = torch.stack([item for _, item in kept]).numpy()
        return self

    def scores(self, users: Ints) -> Floats:
        """Stars: the posterior mean."""
        total = np.einsum("suk,sik->ui", self.user_samples[:, users], self.item_samples, optimize=True)
        return np.asarray(self.mean + total / len(self.user_samples))

    def uncertainty(self, users: Ints, items: Ints) -> Floats:
        """Posterior standard deviation, (n,), of what users[j] would feel about items[j], without the noise."""
        users, items = self._known("user", users), self._known("item", items)
        draws = np.einsum("snk,snk->sn", self.user_samples[:, users], self.item_samples[:, items])
        return np.asarray(draws.std(axis=0), dtype=np.float64)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars of every item for somebody new: the mean over the draws of the items."""
        items, ratings = self._rated(items, ratings)
        v = self.item_samples.astype(np.float64)
        rated = v[:, items]
        gram = self.noise_precision * rated.transpose(0, 2, 1) @ rated + self.prior * np.eye(v.shape[2])
        right = self.noise_precision * rated.transpose(0, 2, 1) @ (ratings - self.mean)
        people = np.linalg.solve(gram, right[:, :, None])
        return np.asarray(self.mean + (v @ people).squeeze(2).mean(axis=0))
