"""Rows in padded buckets: each rating once, little padding, and the half-step of week 3's exercise."""

import numpy as np
import pytest
import torch

from ultralearn.exercises.week_03.als_half_step import als_half_step as reference
from ultralearn.recsys import data
from ultralearn.recsys.buckets import als_half_step, bucketed


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


@pytest.mark.parametrize("rank", [1, 4, 16])
@pytest.mark.parametrize("seed", [0, 1])
def test_half_step_equals_the_exercise(rank, seed):
    """Rows with none, with fewer and with more ratings than factors, and a pair that occurs twice."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.repeat([0, 2, 3], [3, 40, 9]), rng.integers(5, 60, 300)])
    cols = rng.integers(0, 25, len(rows))
    cols[1] = cols[0]
    ratings, col_factors = rng.normal(size=len(rows)), rng.normal(size=(25, rank))
    shuffled = rng.permutation(len(rows))
    ratings, rows, cols = ratings[shuffled], rows[shuffled], cols[shuffled]
    buckets = bucketed(*tensors(ratings, rows, cols), 61, 25)
    result = als_half_step(buckets, 61, torch.from_numpy(col_factors), 0.7)
    expected = reference(ratings, rows, cols, 61, col_factors, 0.7)
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-10)
    assert not result[1].any()


def test_buckets_hold_every_rating_once_and_are_at_most_half_padding():
    ratings = data.simulate(80, 60, 1500, seed=4).ratings
    columns = tensors(np.arange(1.0, 1501.0), ratings.users, ratings.items)
    buckets = bucketed(*columns, 80, 60)
    held = torch.cat([bucket.ratings[bucket.ratings > 0] for bucket in buckets])
    assert sorted(held.tolist()) == columns[0].tolist()
    for bucket in buckets:
        real = bucket.cols < 60
        assert torch.equal(real, bucket.ratings > 0)
        assert real.float().mean() >= 0.5
        assert real.any(dim=0).all()
    rows = torch.cat([bucket.rows for bucket in buckets])
    assert sorted(rows.tolist()) == np.unique(ratings.users).tolist()
