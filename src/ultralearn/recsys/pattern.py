"""Who interacted with what, and the few sums over it that all models here are made of."""

import warnings

import torch
from scipy import sparse
from torch import Tensor


class Pattern:
    """Which rows interacted with which columns: a table X, (n_rows, n_cols), of ones, and nothing elsewhere.

    counts: (n_rows,) interactions of each row. The interactions stand in the order of the matrix that it is made from:
    row by row. No method below gathers the factors of all interactions in memory, which is what makes them fast.
    """

    def __init__(self, matrix: sparse.csr_array) -> None:
        """Takes the places of the matrix's entries; what they hold does not matter."""
        self.cols, self.starts = (torch.from_numpy(places).long() for places in (matrix.indices, matrix.indptr))
        self.counts = self.starts.diff()
        self.shape = matrix.shape

    def sums(self, table: Tensor, weights: Tensor | None = None) -> Tensor:
        """Each row's sum of the table's rows over its interactions, X @ table: (n_cols, k) in, (n_rows, k) out.

        weights: (n_interactions,) what each counts, 1 where None.
        """
        return torch.nn.functional.embedding_bag(
            self.cols, table, self.starts, mode="sum", per_sample_weights=weights, include_last_offset=True
        )

    def grams(self, col_factors: Tensor) -> Tensor:
        """Each row's sum of q q' over its interactions, q the columns' factors: (n_cols, k) in, (n_rows, k, k) out.

        A sum like any other, of rows k^2 long: right for k up to about 30.
        """
        k = col_factors.shape[1]
        outer = col_factors[:, :, None] * col_factors[:, None, :]
        return self.sums(outer.flatten(1)).view(-1, k, k)

    def dots(self, row_factors: Tensor, col_factors: Tensor) -> Tensor:
        """The inner product of row and column at each interaction, (n_interactions,)."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
            zeros = torch.zeros(len(self.cols), dtype=col_factors.dtype)
            here = torch.sparse_csr_tensor(self.starts, self.cols, zeros, self.shape, check_invariants=False)
        products: Tensor = torch.sparse.sampled_addmm(here, row_factors, col_factors.T)
        return products.values()
