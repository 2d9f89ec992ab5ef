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

    So many steps of conjugate gradients from row_factors; after enough of them, the best factors. reg: (n_rows,), each
    row's own. With Y the col_factors, and Y_u those that row u interacted with, the best factors x of row u solve
    A x = b, with (Hu, Koren and Volinsky 2008, eq. 4)

        A = Y'Y + alpha Y_u'Y_u + reg_u I,    b = (1 + alpha) Y_u'1.

    Y'Y is the same for all rows: the blank cells, most of the table, cost one small product. No A is ever formed; all
    rows take their steps side by side (Takacs, Pilaszy and Tikk 2011 take them row by row).
    """
    gram = col_factors.T @ col_factors

    def times_a(x: Tensor) -> Tensor:
        """A x for each row."""
        return x @ gram + reg[:, None] * x + alpha * pattern.sums(col_factors, pattern.dots(x, col_factors))

    # The preconditioner is what all rows share. What is left of A then is the identity and one direction for each
    # interaction, which is why two steps go far.
    shared = gram + reg.mean() * torch.eye(len(gram), dtype=gram.dtype)
    preconditioner = torch.cholesky_inverse(torch.linalg.cholesky(shared))
    tiny = torch.finfo(gram.dtype).tiny  # a row that has arrived stays: 0 / tiny is 0
    x = row_factors
    residuals = (1 + alpha) * pattern.sums(col_factors) - times_a(x)
    directions, previous = torch.zeros_like(x), torch.ones_like(x[:, :1])
    for _ in range(steps):
        preconditioned = residuals @ preconditioner
        squares = (residuals * preconditioned).sum(1, keepdim=True)
        directions = preconditioned + squares / previous * directions
        products = times_a(directions)
        lengths = squares / (directions * products).sum(1, keepdim=True).clamp(min=tiny)
        x = x + lengths * directions
        residuals = residuals - lengths * products
        previous = squares.clamp(min=tiny)
    return x


@dataclass
class IALS(Recommender):
    """Matrix factorization of implicit feedback (Hu, Koren and Volinsky 2008).

    Minimizes, with p = 1 where somebody interacted and 0 elsewhere, over all cells and rows of factors,

        sum c (p - x . y)^2 + sum reg_u |x|^2 + sum reg_i |y|^2

    rank: number of factors. alpha: an interaction weighs c = 1 + alpha, a blank 1. popularity_power: a row with n
    interactions, where the mean row of its side has n', pays reg_u = reg (n / n')^popularity_power: at 0 all pay reg,
    at 1 in proportion (after Rendle, Krichene, Zhang and Koren 2021, arXiv 2110.14037, whose n counts blanks, too).
    sweeps: pairs of half-steps; steps: of conjugate gradients in each. Two are as good as exact half-steps here.
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
