"""Bayesian MF: draws equal to the exercise's, moments as they should be, and honest about what it does not know."""

import numpy as np
import pytest
import torch
from scipy import sparse

from ultralearn.exercises.week_04.gibbs_user_step import gibbs_user_step
from ultralearn.recsys import data
from ultralearn.recsys.bayesian_mf import BayesianMF, draw_prior, gibbs_half_step
from ultralearn.recsys.evaluation import rmse
from ultralearn.recsys.pattern import Pattern


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def prior(k: int) -> tuple[torch.Tensor, torch.Tensor]:
    root = torch.randn(k, k, generator=seeded(1))
    return torch.randn(k, generator=seeded(2)), root @ root.T + torch.eye(k)


@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("n", [0, 2, 20])
def test_a_half_step_for_one_person_is_the_draw_of_the_exercise(k, n):
    """Number for number: the same noise goes through another factorization."""
    generator = np.random.default_rng(n)
    item_factors = torch.from_numpy(generator.normal(size=(30, k))).float()
    items = np.sort(generator.choice(30, n, replace=False))
    table = sparse.csr_array((np.ones(n), items, np.array([0, n])), shape=(1, 30))
    ratings = torch.from_numpy(generator.normal(size=n)).float()
    drawn = gibbs_half_step(Pattern(table), ratings, item_factors, 1.7, *prior(k), seeded(7))
    expected = gibbs_user_step(ratings, item_factors[items], 1.7, *prior(k), seeded(7))
    torch.testing.assert_close(drawn[0], expected, rtol=1e-3, atol=1e-4)


def test_a_half_step_draws_each_row_from_its_own_normal_distribution():
    """20,000 draws for each of three people: those of week 4's formula, by NumPy's dense inverse."""
    copies, k = 20_000, 2
    mean, precision = prior(k)
    item_factors = torch.randn(5, k, generator=seeded(3))
    dense = np.array([[1.0, 0, -2, 0, 0], [0, 0, 0, 0, 0], [0.5, 1, 1, -1, 2]])
    table = sparse.csr_array(np.repeat(dense, copies, axis=0))
    ratings = torch.from_numpy(table.data).float()
    draws = gibbs_half_step(Pattern(table), ratings, item_factors, 1.3, mean, precision, seeded(4)).view(3, copies, k)
    for person in range(3):
        rated = np.flatnonzero(dense[person])
        features = item_factors[rated].double().numpy()
        covariance = np.linalg.inv(precision.double().numpy() + 1.3 * features.T @ features)
        pull = precision.double().numpy() @ mean.double().numpy() + 1.3 * features.T @ dense[person, rated]
        np.testing.assert_allclose(draws[person].mean(0), covariance @ pull, atol=0.03)
        np.testing.assert_allclose(np.cov(draws[person].T), covariance, atol=0.03)


def test_the_prior_is_drawn_around_the_moments_of_the_factors():
    """Normal-Wishart: the mean's expectation is n / (n + 2) of the factors', the precision's (n + k) / spread."""
    factors = torch.tensor([1.0, -2.0]) + torch.randn(50, 2, generator=seeded(5)) * torch.tensor([0.5, 2.0])
    generator = seeded(6)
    means, precisions = zip(*(draw_prior(factors, generator) for _ in range(4000)), strict=True)
    f = factors.double().numpy()
    center = f.mean(axis=0)
    spread = np.eye(2) + (f - center).T @ (f - center) + 2 * 50 / 52 * np.outer(center, center)
    np.testing.assert_allclose(torch.stack(precisions).mean(0), 52 * np.linalg.inv(spread), rtol=0.03, atol=0.03)
    np.testing.assert_allclose(torch.stack(means).mean(0), 50 / 52 * center, atol=0.02)
    # Its covariance is E[(52 precision)^-1]; the inverse of a Wishart draw has the mean spread / (52 - 2 - 1).
    np.testing.assert_allclose(np.cov(torch.stack(means).T), spread / 49 / 52, rtol=0.1, atol=0.003)


def test_ratings_not_seen_are_predicted_and_the_uncertainty_is_honest():
    """Noise of 0.5 and 2 known factors: hardly worse than the noise itself; intervals of 2 standard deviations hold the
    truth about 19 times in 20; whoever rated little is uncertain.
    """
    simulation = data.simulate(150, 100, 5000, rank=2, noise=0.5, seed=3)
    train_rows, test_rows = data.folds(5000, 5)[0]
    train, test = simulation.ratings.take(train_rows), simulation.ratings.take(test_rows)
    model = BayesianMF(rank=2, sweeps=220, burn_in=20, noise_precision=4.0).fit(train)
    assert rmse(model.predict(test.users, test.items), test.ratings) < 0.6
    truth = simulation.mean + simulation.user_factors @ simulation.item_factors.T
    people = np.arange(150)
    users, items = np.repeat(people, 100), np.tile(np.arange(100), 150)
    deviations = model.uncertainty(users, items).reshape(150, 100)
    inside = np.abs(model.scores(people) - truth) < 2 * deviations
    assert 0.9 < inside.mean() < 0.98
    counts = np.bincount(train.users, minlength=150)
    order = np.argsort(counts)
    assert deviations[order[:30]].mean() > 1.4 * deviations[order[-30:]].mean()
    assert deviations.dtype == np.float64


def test_folding_in_somebody_who_was_there_gives_what_they_had():
    ratings = data.simulate(100, 80, 3000, rank=2, noise=0.3, seed=4).ratings
    model = BayesianMF(rank=2, sweeps=120, burn_in=20, noise_precision=10.0).fit(ratings)
    mine = ratings.users == 3
    folded = model.fold_in(ratings.items[mine], ratings.ratings[mine])
    assert rmse(folded, model.scores(np.array([3]))[0]) < 0.05


def test_folding_in_nobody_gives_the_prior():
    ratings = data.simulate(40, 30, 500, seed=4).ratings
    model = BayesianMF(rank=2, sweeps=12, burn_in=2).fit(ratings)
    expected = model.mean + np.einsum("isk,sk->i", model.item_draws, model.prior_means) / 10
    np.testing.assert_allclose(model.fold_in(np.array([], dtype=int), np.array([])), expected, rtol=1e-4)


def test_every_sweep_after_the_first_few_is_kept():
    ratings = data.simulate(40, 30, 500, seed=4).ratings
    model = BayesianMF(rank=3, sweeps=9, burn_in=4).fit(ratings)
    assert model.user_draws.shape == (40, 5, 3)
    assert model.item_draws.shape == (30, 5, 3)
    assert model.prior_precisions.shape == (5, 3, 3)
    # The burn-in draws are the same and are not kept.
    longer = BayesianMF(rank=3, sweeps=9, burn_in=0).fit(ratings)
    assert np.array_equal(longer.user_draws[:, 4:], model.user_draws)


@pytest.mark.parametrize(("sweeps", "burn_in"), [(5, 5), (5, -1), (0, 0)])
def test_a_burn_in_that_leaves_nothing_is_refused(sweeps, burn_in):
    ratings = data.simulate(20, 10, 60).ratings
    with pytest.raises(ValueError, match=f"burn_in={burn_in} of sweeps={sweeps}; expected 0 <= burn_in < sweeps"):
        BayesianMF(sweeps=sweeps, burn_in=burn_in).fit(ratings)


def test_uncertainty_refuses_ids_that_were_not_there():
    model = BayesianMF(rank=2, sweeps=2, burn_in=0).fit(data.simulate(20, 10, 60).ratings)
    with pytest.raises(ValueError, match="user ids from 20 to 20; expected 0 to 19"):
        model.uncertainty(np.array([20]), np.array([0]))
    with pytest.raises(ValueError, match="1 users and 2 items; expected as many"):
        model.uncertainty(np.array([0]), np.array([0, 1]))
