"""Alternating least squares: equal to the exercise, and able to find ratings that it has not seen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from ultralearn.exercises.week_03.als_half_step import als_half_step
from ultralearn.recsys import als, data
from ultralearn.recsys.baselines import Offsets
from ultralearn.recsys.evaluation import rmse
from ultralearn.recsys.pattern import Pattern


@pytest.mark.parametrize("rank", [1, 4, 16])
@pytest.mark.parametrize("seed", [0, 1])
def test_half_step_equals_the_exercise(rank, seed):
    """Rows with none, with fewer and with more ratings than factors."""
    rng = np.random.default_rng(seed)
    table = sparse.csr_array(rng.normal(size=(61, 45)) * (rng.random((61, 45)) < np.linspace(0, 0.9, 61)[:, None]))
    col_factors = rng.normal(size=(45, rank))
    result = als.als_half_step(Pattern(table), torch.from_numpy(table.data), torch.from_numpy(col_factors), 0.7)
    rows, cols = table.nonzero()
    expected = als_half_step(table.data, rows, cols, 61, col_factors, 0.7)
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-10)
    assert not result[0].any()


def test_als_finds_ratings_that_it_has_not_seen():
    simulation = data.simulate(120, 80, 4000, rank=2, noise=0.1, seed=2)
    train_rows, test_rows = data.folds(4000, 5)[0]
    train, test = simulation.ratings.take(train_rows), simulation.ratings.take(test_rows)
    centered = replace(train, ratings=train.ratings - simulation.mean).matrix()
    users, items = als.factorize(centered, rank=2, reg=0.1, sweeps=20)
    predictions = simulation.mean + (users[test.users] * items[test.items]).sum(1).numpy()
    assert rmse(predictions, test.ratings) < 0.2
    assert np.std(test.ratings) > 0.8


def test_factorize_is_seeded_and_keeps_the_type():
    ratings = data.simulate(30, 20, 200, seed=3).ratings
    table = replace(ratings, ratings=ratings.ratings - 3.5).matrix().astype(np.float32)
    first, again, other = (als.factorize(table, 3, 1.0, 2, seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == torch.float32
    assert first.shape == (30, 3)


def held_out(seed: int = 2) -> tuple[data.Ratings, data.Ratings]:
    ratings = data.simulate(120, 80, 4000, rank=2, noise=0.1, seed=seed).ratings
    train_rows, test_rows = data.folds(4000, 5)[0]
    return ratings.take(train_rows), ratings.take(test_rows)


def test_the_model_predicts_what_it_has_not_seen_better_than_offsets_do():
    train, test = held_out()
    model = als.ALS(rank=2, reg=0.1, sweeps=20).fit(train)
    offsets = Offsets().fit(train)
    assert rmse(model.predict(test.users, test.items), test.ratings) < 0.25
    assert rmse(offsets.predict(test.users, test.items), test.ratings) > 0.5


def test_no_prediction_leaves_the_range_of_the_stars_given():
    train, _ = held_out()
    model = als.ALS(rank=8, reg=0.01).fit(train)
    users, items = np.repeat(np.arange(120), 80), np.tile(np.arange(80), 120)
    predictions = model.predict(users, items)
    assert model.scores(np.arange(120)).max() > train.ratings.max() == predictions.max()
    assert model.scores(np.arange(120)).min() < train.ratings.min() == predictions.min()


def test_fold_in_is_one_more_half_step():
    train, _ = held_out()
    model = als.ALS(rank=3, reg=2.0).fit(train)
    items, stars = np.array([3, 0, 7, 20]), np.array([4.0, 2.0, 5.0, 3.5])
    bias = (stars - model.mean - model.item_biases[items]).sum() / (4 + 5)
    rest = stars - model.mean - model.item_biases[items] - bias
    factors = model.item_factors.astype(float)
    taste = als_half_step(rest, np.zeros(4, dtype=int), items, 1, factors, 2.0)[0]
    expected = model.mean + bias + model.item_biases + factors @ taste
    np.testing.assert_allclose(model.fold_in(items, stars), expected)
