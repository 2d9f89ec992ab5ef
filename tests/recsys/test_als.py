"""Batched least squares: equal to the exercise, and able to find factors that are known."""

import numpy as np
import pytest
import torch

from ultralearn.exercises import week_03
from ultralearn.recsys import als, data
from ultralearn.recsys.buckets import bucketed


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
    result = als.als_half_step(buckets, 61, torch.from_numpy(col_factors), 0.7)
    expected = week_03.als_half_step(ratings, rows, cols, 61, col_factors, 0.7)
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


def test_als_finds_ratings_that_it_has_not_seen():
    simulation = data.simulate(120, 80, 4000, rank=2, noise=0.1, seed=2)
    train_rows, test_rows = data.folds(4000, 5)[0]
    train, test = simulation.ratings.take(train_rows), simulation.ratings.take(test_rows)
    columns = tensors(train.ratings - simulation.mean, train.users, train.items)
    users, items = als.factorize(*columns, 120, 80, rank=2, reg=0.1, sweeps=20)
    predictions = simulation.mean + (users[test.users] * items[test.items]).sum(1).numpy()
    assert np.sqrt(np.mean((predictions - test.ratings) ** 2)) < 0.2
    assert np.std(test.ratings) > 0.8


def test_als_is_seeded_and_keeps_the_type():
    ratings = data.simulate(30, 20, 200, seed=3).ratings
    columns = tensors((ratings.ratings - 3.5).astype(np.float32), ratings.users, ratings.items)
    first, again, other = (als.factorize(*columns, 30, 20, 3, 1.0, 2, seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == torch.float32
    assert first.shape == (30, 3)
