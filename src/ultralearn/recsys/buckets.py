"""Rows of a sparse table sorted by length and padded in groups, so that one batched call solves for many of them."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Bucket:
    """Rows with about equally many ratings, padded to one length, so that one batched call serves them all.

    rows: (b,) which rows. cols: (b, length) what each rated, padded with n_cols, where a row of zeros will stand.
    ratings: (b, length), padded with 0.
    """

    rows: Tensor
    cols: Tensor
    ratings: Tensor


def bucketed(ratings: Tensor, rows: Tensor, cols: Tensor, n_rows: int, n_cols: int) -> list[Bucket]:
    """Sorts ratings, rows and cols, each (n,), into buckets whose lengths double: at most half of a bucket is padding.

    Rows without ratings are in no bucket.
    """
    order = torch.argsort(rows, stable=True)
    counts = torch.bincount(rows, minlength=n_rows)
    starts = counts.cumsum(0) - counts
    buckets = []
    shortest = 1
    while shortest <= int(counts.max()):
        members = torch.nonzero((counts >= shortest) & (counts < 2 * shortest)).squeeze(1)
        shortest *= 2
        if len(members) == 0:
            continue
        places = torch.arange(int(counts[members].max()), device=rows.device)
        real = places < counts[members, None]
        source = order[torch.where(real, starts[members, None] + places, 0)]
        buckets.append(
            Bucket(members, torch.where(real, cols[source], n_cols), torch.where(real, ratings[source], 0.0))
        )
    return buckets


def padded(col_factors: Tensor) -> Tensor:
    """col_factors, (n_cols, k), with the row of zeros that padding points to, (n_cols + 1, k)."""
    return torch.cat([col_factors, col_factors.new_zeros(1, col_factors.shape[1])])


def solve(matrices: Tensor, right_sides: Tensor) -> Tensor:
    """Solutions (b, k) of a batch of symmetric, positive definite systems, (b, k, k), right_sides (b, k)."""
    return torch.cholesky_solve(right_sides[:, :, None], torch.linalg.cholesky(matrices)).squeeze(2)
