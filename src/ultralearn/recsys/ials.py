"""Implicit alternating least squares: every cell of the table counts, those with an interaction more."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.pattern import Pattern
from ultralearn.recsys.recommender import Recommender, Scores


def ials_half_step(
    pattern: Pattern, row_factors: Tensor, col_factors: Tensor, alpha: float, reg: Tensor, steps: int
) -> Tensor:
    """Better factors of one side, (n_rows, k), while those of the other, (n_cols, k), stay as they are.

    So many steps of conjugate gradients from row_factors; after enough of them, the best there are. reg: (n_rows,),
    each row's own. With Y the col_factors, and Y_u those that row u interacted with, its best factors x
    solve A x = b, with (Hu, Koren and Volinsky 2008, eq. 4)

        A = Y'Y + alpha Y_u'Y_u + reg_u I,    b = (1 + alpha) Y_u'1.

    Y'Y is the same for all rows: the blank cells, most of the table, cost one small product. No A is ever formed; all
    rows take their steps side by side.
    """
    gram = col_factors.T @ col_factors

    def applied(x: Tensor) -> Tensor:
        """A x, row by row."""
        own = pattern.sums(col_factors, alpha * pattern.dots(x, col_factors))
        return x @ gram + reg[:, None] * x + own

    # What the rows share makes all their systems alike, and its inverse turns one step of each into a long one.
    shared = gram + reg.mean() * torch.eye(len(gram), dtype=gram.dtype)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(shared))
    x = row_factors
    rest = (1 + alpha) * pattern.sums(col_factors) - applied(x)
    direction = torch.zeros_like(x)
    previous = torch.ones(len(x), 1, dtype=x.dtype)
    for _ in range(steps):
        downhill = rest @ inverse
        decrease = (rest * downhill).sum(1, keepdim=True)
        direction = downhill + decrease / previous * direction
        curved = applied(direction)
        tiny = torch.finfo(x.dtype).tiny  # a row that has arrived stays: 0 / tiny is 0
        length = decrease / (direction * curved).sum(1, keepdim=True).clamp(min=tiny)
        x = x + length * direction
        rest = rest - length * curved
        previous = decrease.clamp(min=tiny)
    return x


@dataclass
class IALS(Recommender):
    """Hu, Koren and Volinsky (2008), tuned as by Rendle, Krichene, Zhang and Koren (2021, arXiv 2110.14037).

    Minimizes, with p = 1 where somebody interacted and 0 elsewhere, over all cells and rows of factors,

        sum c (p - x . y)^2 + sum reg_u |x|^2 + sum reg_i |y|^2

    rank: number of factors. alpha: an interaction weighs c = 1 + alpha, a blank 1. popularity_power: a row with n
    interactions, n' being the mean of its side, pays reg_u = reg (n / n')^popularity_power; at 0, all pay reg.
    sweeps: pairs of half-steps, each of so many steps of conjugate gradients.
    """

    rank: int = 64
    alpha: float = 2.0
    reg: float = 25.0
    popularity_power: float = 0.3
    sweeps: int = 6
    steps: int = 2
    seed: int = 0
    predicts: ClassVar = "scores"
    state: ClassVar[tuple[str, ...]] = ("user_factors", "item_factors")

    def fit(self, interactions: Ratings) -> Self:
        """Half-steps in turn, users first, from small random factors of the items."""
        self._expect_positive("rank", "alpha", "reg", "sweeps", "steps")
        self._remember(interactions)
        by_user, by_item = Pattern(self.seen), Pattern(self.seen.T.tocsr())
        user_reg, item_reg = self._reg(by_user.counts), self._reg(by_item.counts)
        generator = torch.Generator().manual_seed(self.seed)
        item_factors = 0.1 * torch.randn(interactions.n_items, self.rank, generator=generator)
        item_factors[by_item.counts == 0] = 0  # their best, and no step leaves it
        user_factors = torch.zeros(interactions.n_users, self.rank)
        for _ in range(self.sweeps):
            user_factors = ials_half_step(by_user, user_factors, item_factors, self.alpha, user_reg, self.steps)
            item_factors = ials_half_step(by_item, item_factors, user_factors, self.alpha, item_reg, self.steps)
        self.user_factors: NDArray[np.float32] = user_factors.numpy()
        self.item_factors: NDArray[np.float32] = item_factors.numpy()
        return self

    def scores(self, users: Ints) -> Scores:
        """Near 1 where an interaction would fit, near 0 where not, (n, n_items)."""
        return np.asarray(self.user_factors[users] @ self.item_factors.T)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Scores of every item, (n_items,): factors by one exact half-step, for somebody with these interactions."""
        items = np.unique(self._known("item", items))
        col_factors = self.item_factors.astype(np.float64)
        own = col_factors[items]
        count, mean_count = len(items), self.seen.nnz / self.seen.shape[0]
        reg = self.reg * (max(count, 1) / mean_count) ** self.popularity_power
        system = col_factors.T @ col_factors + self.alpha * own.T @ own + reg * np.eye(self.rank)
        return np.asarray(col_factors @ np.linalg.solve(system, (1 + self.alpha) * own.sum(axis=0)))

    def _reg(self, counts: Tensor) -> Tensor:
        """What each row of one side pays, (n_rows,); one without interactions as if it had one."""
        relative = counts.clamp(min=1) / counts.float().mean()
        return self.reg * relative**self.popularity_power
