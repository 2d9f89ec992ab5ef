"""Bayesian matrix factorization: not the best factors but a crowd of plausible ones, drawn by Gibbs sampling."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.pattern import Pattern
from ultralearn.recsys.recommender import Recommender

Draws = NDArray[np.float32]


def gibbs_half_step(
    pattern: Pattern,
    ratings: Tensor,
    col_factors: Tensor,
    noise_precision: float,
    prior_mean: Tensor,
    prior_precision: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Draws the factors of one side, (n_rows, k), given the ratings and those of the other, (n_cols, k).

    ratings: (n_interactions,), centered, in the pattern's order. With Q the factors of what a row rated, and r its
    ratings, its factors p are normal (Salakhutdinov and Mnih 2008, eq. 11 to 13):

        precision = prior_precision + noise_precision Q'Q
        mean = precision^-1 (prior_precision prior_mean + noise_precision Q'r)
    """
    precisions = prior_precision + noise_precision * pattern.grams(col_factors)
    pulls = prior_precision @ prior_mean + noise_precision * pattern.sums(col_factors, ratings)
    noise = torch.randn(pulls.shape, generator=generator, dtype=pulls.dtype)
    # With precision = L L', L'^-1 (L^-1 pull + noise) has mean precision^-1 pull and covariance L'^-1 L^-1.
    lower = torch.linalg.cholesky(precisions)
    half = torch.linalg.solve_triangular(lower, pulls[:, :, None], upper=False)
    drawn: Tensor = torch.linalg.solve_triangular(lower.mT, half + noise[:, :, None], upper=True)
    return drawn.squeeze(2)


def draw_prior(factors: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draws the mean (k,) and the precision (k, k) of the normal distribution that a side's factors, (n, k), came from.

    Normal-Wishart, the conjugate one, and a vague one (eq. 14, with their mu_0 = 0, beta_0 = 2, nu_0 = k, W_0 = I).
    """
    n, k = factors.shape
    mean = factors.mean(0)
    around = factors - mean
    spread = torch.eye(k) + around.T @ around + 2 * n / (2 + n) * torch.outer(mean, mean)
    # Wishart by its definition: the sum of x x' over n + k normal x with covariance spread^-1.
    x = _normal(spread, n + k, generator)
    precision = x.T @ x
    return n * mean / (2 + n) + _normal((2 + n) * precision, 1, generator)[0], precision


def _normal(precision: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draws (count, k) from the normal distribution of mean 0 and this precision, L L': L'^-1 times noise."""
    noise = torch.randn(len(precision), count, generator=generator)
    drawn: Tensor = torch.linalg.solve_triangular(torch.linalg.cholesky(precision).T, noise, upper=True)
    return drawn.T


@dataclass
class BayesianMF(Recommender):
    """Bayesian probabilistic matrix factorization (Salakhutdinov and Mnih 2008) of ratings less their mean.

    r = mean + p_u . q_i + noise; p_u and q_i are normal, with means and precisions that are drawn, too: nothing to
    tune but the noise. Predictions are means over the draws, so that what is uncertain cancels out.

    rank: number of factors. sweeps: of draws, those after the first burn_in are kept. noise_precision: 1 / variance of
    a rating around what the person feels, in stars^-2.
    """

    rank: int = 8
    sweeps: int = 80
    burn_in: int = 10
    noise_precision: float = 1.3
    seed: int = 0
    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("mean", "user_draws", "item_draws", "prior_means", "prior_precisions")

    def fit(self, interactions: Ratings) -> Self:
        """Draws items, people and what either share, in turn. Raises ValueError where no draw would be kept."""
        self._expect_positive("rank", "noise_precision")
        if not 0 <= self.burn_in < self.sweeps:
            raise ValueError(f"burn_in={self.burn_in} of sweeps={self.sweeps}; expected 0 <= burn_in < sweeps")
        self._remember(interactions)
        self.mean = np.array(interactions.ratings.mean())
        table = replace(interactions, ratings=interactions.ratings - self.mean).matrix().astype(np.float32)
        by_item = table.T.tocsr()
        user_pattern, user_ratings = Pattern(table), torch.from_numpy(table.data)
        item_pattern, item_ratings = Pattern(by_item), torch.from_numpy(by_item.data)
        generator = torch.Generator().manual_seed(self.seed)
        user_factors = torch.randn(interactions.n_users, self.rank, generator=generator)
        item_factors = torch.randn(interactions.n_items, self.rank, generator=generator)
        kept = []
        for sweep in range(self.sweeps):
            item_prior = draw_prior(item_factors, generator)
            item_factors = gibbs_half_step(
                item_pattern, item_ratings, user_factors, self.noise_precision, *item_prior, generator
            )
            user_prior = draw_prior(user_factors, generator)
            user_factors = gibbs_half_step(
                user_pattern, user_ratings, item_factors, self.noise_precision, *user_prior, generator
            )
            if sweep >= self.burn_in:
                kept.append((user_factors, item_factors, *user_prior))
        users, items, means, precisions = zip(*kept, strict=True)
        # (n_users, n_kept, rank), (n_items, n_kept, rank), (n_kept, rank), (n_kept, rank, rank)
        self.user_draws: Draws = torch.stack(users, 1).numpy()
        self.item_draws: Draws = torch.stack(items, 1).numpy()
        self.prior_means: Draws = torch.stack(means).numpy()
        self.prior_precisions: Draws = torch.stack(precisions).numpy()
        return self

    def scores(self, users: Ints) -> Floats:
        """Stars, (n, n_items): posterior means, not cut to the range that can be given."""
        n_items, n_kept, rank = self.item_draws.shape
        # The sum of p . q over the draws is one long inner product, of all draws side by side.
        side_by_side = self.user_draws[users].reshape(len(users), n_kept * rank)
        totals = side_by_side @ self.item_draws.reshape(n_items, n_kept * rank).T
        return np.asarray(self.mean + totals / n_kept)

    def uncertainty(self, users: Ints, items: Ints) -> Floats:
        """How sure the model is of what users[j] feels about items[j]: posterior standard deviations, (n,), in stars.

        A rating scatters around that feeling by another 1 / sqrt(noise_precision). Raises ValueError for ids that were
        not there at fit.
        """
        users, items = self._pairs(users, items)
        draws = [
            np.einsum("nk,nk->n", self.user_draws[users, s], self.item_draws[items, s])
            for s in range(self.user_draws.shape[1])
        ]
        return np.asarray(np.std(draws, axis=0), dtype=np.float64)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars of every item, (n_items,), for somebody with these ratings: the mean over the draws of the items."""
        items, ratings = self._rated(items, ratings)
        item_draws = self.item_draws.swapaxes(0, 1).astype(np.float64)  # (n_kept, n_items, rank)
        features = item_draws[:, items]
        precisions = self.prior_precisions + self.noise_precision * features.swapaxes(1, 2) @ features
        pulls = np.einsum("skl,sl->sk", self.prior_precisions, self.prior_means)
        pulls = pulls + self.noise_precision * (ratings - self.mean) @ features
        person = np.linalg.solve(precisions, pulls[:, :, None])
        return np.asarray(self.mean + (item_draws @ person).mean(axis=0).squeeze(1))
