"""EASE: one weight from every item to every other, in closed form."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.recommender import Recommender, Scores


@dataclass
class EASE(Recommender):
    """Steck (2019): B = I - P / diag(P), with P = (X'X + reg I)^-1."""

    reg: float = 300.0
    predicts: ClassVar = "scores"
    state: ClassVar[tuple[str, ...]] = ("weights",)

    def fit(self, interactions: Ratings) -> Self:
        """One inverse."""
        self._remember(interactions)
        ones = self.seen.astype(np.float32)
        ones.data[:] = 1
        gram = torch.from_numpy((ones.T @ ones).toarray())
        gram.diagonal().add_(self.reg)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        weights = inverse / -inverse.diagonal()
        weights.fill_diagonal_(0)
        self.weights: NDArray[np.float32] = weights.numpy()
        return self

    def scores(self, users: Ints) -> Scores:
        """Sums of the weights from what each person interacted with."""
        rows = self.seen[users].astype(np.float32)
        rows.data[:] = 1
        return np.asarray(rows @ self.weights)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """The same sum for somebody new."""
        return np.asarray(self.weights[np.unique(items)].sum(0), dtype=np.float64)
