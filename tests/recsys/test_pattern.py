"""Sums over interactions, against the same sums with dense matrices."""

import warnings

import numpy as np
import pytest
import torch
from scipy import sparse

from ultralearn.recsys.pattern import Pattern


def some_table(seed: int = 0) -> sparse.csr_array:
    """7 x 11, with an empty row, an empty column, a full row, and an entry that holds 0."""
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(7, 11)) * (rng.random((7, 11)) < 0.4)
    dense[2], dense[:, 4], dense[5, :4] = 0, 0, 1
    table = sparse.csr_array(dense)
    table.data[0] = 0
    return table


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_sum_is_that_of_the_dense_matrices(dtype):
    table = some_table()
    ones = torch.from_numpy(table.toarray() != 0).to(dtype)
    ones[tuple(index[0] for index in table.tocoo().coords)] = 1  # where the 0 stands
    pattern = Pattern(table)
    rows, cols = (torch.randn(n, 3, dtype=dtype, generator=torch.Generator().manual_seed(n)) for n in (7, 11))
    weights = torch.rand(table.nnz, dtype=dtype)
    weighted = torch.from_numpy(sparse.csr_array((weights.numpy(), table.indices, table.indptr), table.shape).toarray())
    torch.testing.assert_close(pattern.sums(cols), ones @ cols)
    torch.testing.assert_close(pattern.sums(cols, weights), weighted @ cols)
    torch.testing.assert_close(pattern.grams(cols), torch.einsum("ui,ik,il->ukl", ones, cols, cols))
    torch.testing.assert_close(pattern.dots(rows, cols), (rows @ cols.T)[ones.bool()])
    assert pattern.counts.tolist() == ones.sum(1).tolist()
    assert not pattern.sums(cols)[2].any()


def test_no_warning_reaches_the_reader():
    pattern = Pattern(some_table())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pattern.dots(torch.ones(7, 2), torch.ones(11, 2))


def test_it_takes_indices_of_either_width():
    table = some_table()
    narrow = sparse.csr_array((table.data, table.indices.astype(np.int32), table.indptr.astype(np.int32)), table.shape)
    assert torch.equal(Pattern(narrow).sums(torch.ones(11, 1)), Pattern(table).sums(torch.ones(11, 1)))
