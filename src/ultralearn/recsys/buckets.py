"""The half-step of week 3 in PyTorch batches: rows sorted by length and padded in groups."""

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


def als_half_step(buckets: list[Bucket], n_rows: int, col_factors: Tensor, reg: float) -> Tensor:
    """The best factors of one side, (n_rows, k), while the other side's, (n_cols, k), stay as they are.

    Equals week 3's exercise of the same name (a test holds it). Buckets with fewer ratings than factors go through the
    push-through identity (C + X'X)^-1 X' = C^-1 X' (I + X C^-1 X')^-1, with C = reg I and reg positive.
    """
    k = col_factors.shape[1]
    padded = torch.cat([col_factors, col_factors.new_zeros(1, k)])
    row_factors = col_factors.new_zeros(n_rows, k)
    for bucket in buckets:
        features, targets = padded[bucket.cols], bucket.ratings[:, :, None]
        length = features.shape[1]
        if length < k:
            kernel = features @ features.mT / reg + torch.eye(length, dtype=features.dtype, device=features.device)
            weights = features.mT @ _solve(kernel, targets) / reg
        else:
            gram = features.mT @ features + reg * torch.eye(k, dtype=features.dtype, device=features.device)
            weights = _solve(gram, features.mT @ targets)
        row_factors[bucket.rows] = weights.squeeze(2)
    return row_factors


def _solve(matrices: Tensor, right_sides: Tensor) -> Tensor:
    """Solutions of a batch of symmetric, positive definite systems."""
    return torch.cholesky_solve(right_sides, torch.linalg.cholesky(matrices))
