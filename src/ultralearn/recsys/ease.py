"""EASE: a weight from every item to every other, the best in closed form."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.pattern import Pattern
from ultralearn.recsys.recommender import Recommender, Scores


@dataclass
class EASE(Recommender):
    """Embarrassingly shallow autoencoder (Steck 2019, arXiv 1905.03375).

    With X the table of ones, (n_users, n_items), minimizes |X - X B|^2 + reg |B|^2 over B, (n_items, n_items), whose
    diagonal has to be zero: an item may not recommend itself.
    """

    reg: float = 500.0
    predicts: ClassVar = "scores"
    state: ClassVar[tuple[str, ...]] = ("weights",)

    def fit(self, interactions: Ratings) -> Self:
        """One inverse, of items x items, or of users x users where there are fewer of them."""
        self._expect_positive("reg")
        self._remember(interactions)
        ones = torch.from_numpy(self.seen.toarray()).float()
        by_user, by_item = Pattern(self.seen), Pattern(self.seen.T.tocsr())
        n_users, n_items = self.seen.shape
        if n_items <= n_users:
            # P = (X'X + reg I)^-1,   B_ij = -P_ij / P_jj   (Steck's eq. 8)
            inverse = _inverse(by_item.sums(ones), self.reg)
            weights = inverse / -inverse.diagonal()
        else:
            # The same without P: S = (X'X + reg I)^-1 X'X = I - reg P, so that B_ij = S_ij / (1 - S_jj),
            # and by the push-through identity S = X'(X X' + reg I)^-1 X.
            inverse = _inverse(by_user.sums(ones.T.contiguous()), self.reg)
            shares = by_item.sums(by_item.sums(inverse).T.contiguous())
            weights = shares / (1 - shares.diagonal())
        weights.fill_diagonal_(0)
        self.weights: NDArray[np.float32] = weights.numpy()
        return self

    def scores(self, users: Ints) -> Scores:
        """For each item the sum of its weights from what the person interacted with, (n, n_items)."""
        return np.asarray(Pattern(self.seen[users]).sums(torch.from_numpy(self.weights)))

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """The same sum, (n_items,), for somebody who interacted with these items."""
        items = np.unique(self._known("item", items))
        return np.asarray(self.weights[items].sum(axis=0), dtype=np.float64)


def _inverse(gram: torch.Tensor, reg: float) -> torch.Tensor:
    """(gram + reg I)^-1, by Cholesky; writes into gram."""
    gram.diagonal().add_(reg)
    return torch.cholesky_inverse(torch.linalg.cholesky(gram)).contiguous()
