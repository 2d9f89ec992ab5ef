"""A sparse table of ones, and the two products of it that models of interactions are made of."""

import warnings

import torch
from scipy import sparse
from torch import Tensor


class Pattern:
    """Which rows interacted with which columns, (n_rows, n_cols): X, a one for each interaction and nothing elsewhere.

    A row's interactions follow each other, columns ascending; n_interactions of them in all. counts: (n_rows,).
    """

    def __init__(self, matrix: sparse.csr_array) -> None:
        """Takes the places of the matrix's entries; what they hold does not matter."""
        self.cols, self.starts = (torch.from_numpy(places).long() for places in (matrix.indices, matrix.indptr))
        self.counts = self.starts.diff()
        self.shape = matrix.shape

    def sums(self, table: Tensor, weights: Tensor | None = None) -> Tensor:
        """Each row's sum over the table's rows for its interactions, X @ table: (n_cols, k) in, (n_rows, k) out.

        weights: (n_interactions,), what each counts, in place of 1. Nothing is gathered, so nothing is allocated.
        """
        return torch.nn.functional.embedding_bag(
            self.cols, table, self.starts, mode="sum", per_sample_weights=weights, include_last_offset=True
        )

    def dots(self, row_factors: Tensor, col_factors: Tensor) -> Tensor:
        """The inner product of row and column at each interaction, (n_interactions,)."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
            ones = torch.sparse_csr_tensor(
                self.starts,
                self.cols,
                torch.ones_like(self.cols, dtype=col_factors.dtype),
                self.shape,
                check_invariants=False,
            )
        products: Tensor = torch.sparse.sampled_addmm(ones, row_factors, col_factors.T, beta=0)
        return products.values()
