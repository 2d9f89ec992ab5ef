"""implicit: alternating least squares for rankings."""

from typing import Any, ClassVar

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse

from benchmarks.contestants import Columns, Ids


class ImplicitALS:
    """Conjugate gradients, three steps a row, warm-started: the library's default solver."""

    data_format: ClassVar[str] = "csr_matrix of users and items, float32"

    def prepare(self, train: Columns) -> None:
        """Build the matrix."""
        ones = np.ones(len(train.users), dtype=np.float32)
        self.matrix = sparse.csr_matrix((ones, (train.users, train.items)), shape=(train.n_users, train.n_items))
        self.users = np.arange(train.n_users)

    def fit(self, seed: int, **params: Any) -> None:
        """Fit a new model."""
        self.model = AlternatingLeastSquares(num_threads=1, random_state=seed, **params)
        self.model.fit(self.matrix, show_progress=False)

    def recommend(self, k: int) -> tuple[Ids, Any]:
        """All users in one call."""
        return self.model.recommend(self.users, self.matrix, N=k, filter_already_liked_items=True)

    def lists(self, recommended: tuple[Ids, Any], k: int) -> Ids:
        """Their ids; what implicit fills up with has the lowest score there is."""
        ids, scores = recommended
        return np.where(scores > -1e38, ids, -1).astype(np.int64)

    def quick_lists(self, k: int) -> Ids:
        """The same."""
        return self.lists(self.recommend(k), k)
