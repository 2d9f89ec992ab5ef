"""iALS: the half-step against the exercise, the loss against a dense table, planted tastes found again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from ultralearn.exercises.week_04.fold_in_user import fold_in_user
from ultralearn.exercises.week_04.ials_half_step import ials_half_step as reference
from ultralearn.recsys.data import Floats, Ratings, simulate
from ultralearn.recsys.evaluation import ranking_quality, ranking_split
from ultralearn.recsys.ials import IALS, ials_half_step
from ultralearn.recsys.pattern import Pattern

SIMULATED = simulate(60, 45, 700, seed=1).ratings


def loss(model: IALS, interactions: Ratings) -> float:
    """The docstring's formula, cell by cell."""
    p = interactions.matrix().toarray() != 0
    x, y = model.user_factors.astype(float), model.item_factors.astype(float)
    counts = [np.maximum(p.sum(axis=axis), 1) for axis in (1, 0)]
    means = p.sum() / p.shape[0], p.sum() / p.shape[1]
    rents = [model.reg * (count / mean) ** model.popularity_power for count, mean in zip(counts, means, strict=True)]
    weights = 1 + model.alpha * p
    return float(np.sum(weights * (p - x @ y.T) ** 2) + rents[0] @ (x**2).sum(1) + rents[1] @ (y**2).sum(1))


def clubs(seed: int = 0) -> Ratings:
    """90 people in three clubs of 30; each likes 8 of their club's 20 films, and one film of another club."""
    rng = np.random.default_rng(seed)
    pairs = []
    for person in range(90):
        own, other = person // 30, (person // 30 + 1) % 3
        pairs += [(person, 20 * own + film) for film in rng.choice(20, 8, replace=False)]
        pairs.append((person, 20 * other + int(rng.integers(20))))
    users, items = np.array(sorted(pairs)).T
    return replace(
        simulate(90, 60, len(users)).ratings, users=users, items=items, ratings=np.ones(len(users), dtype=float)
    )


@pytest.mark.parametrize("rank", [1, 4, 24])
@pytest.mark.parametrize(("alpha", "reg"), [(4.0, 3.0), (0.5, 20.0), (40.0, 0.5)])
def test_enough_steps_are_the_exact_half_step_of_the_exercise(rank, alpha, reg):
    """Rows with none, with few and with many interactions, from any start."""
    rng = np.random.default_rng(rank)
    dense = (rng.random((40, 30)) < np.linspace(0, 0.95, 40)[:, None]) * rng.integers(1, 6, size=(40, 30))
    table, item_factors = sparse.csr_array(dense.astype(float)), rng.normal(size=(30, rank))
    start, regs = torch.from_numpy(rng.normal(size=(40, rank))), torch.full((40,), reg, dtype=torch.float64)
    result = ials_half_step(Pattern(table), start, torch.from_numpy(item_factors), alpha, regs, steps=4 * rank + 20)
    np.testing.assert_allclose(result, reference(table, item_factors, alpha, reg), atol=1e-8)


def test_two_steps_from_a_near_start_are_close_already():
    model = IALS(rank=8, sweeps=6).fit(SIMULATED)
    rows, cols = torch.from_numpy(model.user_factors), torch.from_numpy(model.item_factors)
    arguments = Pattern(model.seen), rows, cols, model.alpha, torch.full((60,), model.reg)
    two, exact = (ials_half_step(*arguments, steps=steps) for steps in (2, 40))
    assert (two - exact).norm() < 0.01 * exact.norm()


def test_each_row_pays_its_own_rent():
    table = SIMULATED.matrix()
    cols = torch.randn(45, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    regs = torch.linspace(1, 60, 60, dtype=torch.float64)
    together = ials_half_step(Pattern(table), torch.zeros(60, 5, dtype=torch.float64), cols, 3.0, regs, steps=60)
    for row in (0, 31, 59):
        alone = reference(table[[row]], cols.numpy(), 3.0, float(regs[row]))[0]
        np.testing.assert_allclose(together[row], alone, atol=1e-8)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_fit_ends_where_no_small_change_helps(power):
    model = IALS(rank=4, alpha=3.0, reg=2.0, popularity_power=power, sweeps=300).fit(SIMULATED)
    best = loss(model, SIMULATED)
    rng = np.random.default_rng(0)
    for name in ("user_factors", "item_factors"):
        factors = getattr(model, name)
        for _ in range(5):
            setattr(model, name, factors + 0.02 * rng.normal(size=factors.shape))
            assert loss(model, SIMULATED) > best
        setattr(model, name, factors)


def test_every_sweep_lowers_the_loss():
    losses = [loss(IALS(rank=6, sweeps=sweeps).fit(SIMULATED), SIMULATED) for sweeps in range(1, 8)]
    assert (np.diff(losses) < 0).all()


def test_planted_clubs_are_found():
    """Of the films that they have not seen, people are shown those of their club."""
    interactions = clubs()
    best = IALS(rank=3, alpha=4.0, reg=1.0, sweeps=10).fit(interactions).recommend(np.arange(90), 5)
    assert np.mean(best // 20 == np.arange(90)[:, None] // 30) > 0.95
    train, test = ranking_split(interactions)
    assert ranking_quality(IALS(rank=3, alpha=4.0, reg=1.0).fit(train), train, test)["recall"] > 0.6


@pytest.mark.parametrize("power", [0.0, 0.6])
def test_fold_in_is_the_exercise_and_the_exact_half_step(power):
    model = IALS(rank=6, alpha=2.5, reg=4.0, popularity_power=power).fit(SIMULATED)
    items = np.array([3, 17, 4])
    factors: Floats = model.item_factors.astype(float)
    reg = 4.0 * (3 / (700 / 60)) ** power
    expected = factors @ fold_in_user(factors, items, 2.5, reg)
    np.testing.assert_allclose(model.fold_in(items), expected)


def test_nobody_and_nothing_is_zero():
    wider = replace(SIMULATED, titles=(*SIMULATED.titles, "New"), n_users=61)
    model = IALS(rank=4, popularity_power=1.0).fit(wider)
    assert not model.user_factors[60].any()
    assert not model.item_factors[45].any()
    assert not model.fold_in(np.array([], dtype=np.int64)).any()


def test_other_seeds_give_other_factors():
    first, other = (IALS(rank=4, seed=seed).fit(SIMULATED).user_factors for seed in (0, 1))
    assert not np.array_equal(first, other)
