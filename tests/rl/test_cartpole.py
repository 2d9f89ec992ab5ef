"""Our faster CartPoles, held against Gymnasium's: bit by bit, draw by draw."""

import gymnasium as gym
import numpy as np
import pytest

from ultralearn.rl import make_envs
from ultralearn.rl.cartpole import CartPoles


def at_random(obs, generator):
    return generator.integers(2, size=len(obs))


def against_the_lean(obs, generator):
    """Good enough to reach the time limit."""
    return (obs[:, 2] + 0.5 * obs[:, 3] > 0).astype(np.int64)


@pytest.mark.parametrize("choose", [at_random, against_the_lean])
@pytest.mark.parametrize("count", [1, 5, 16])
@pytest.mark.parametrize("name", ["CartPole-v0", "CartPole-v1"])
@pytest.mark.filterwarnings("ignore:.*CartPole-v0 is out of date")
def test_every_step_is_gymnasiums(name, count, choose):
    ours, theirs = make_envs(name, count), gym.make_vec(name, count, vectorization_mode="vector_entry_point")
    assert isinstance(ours, CartPoles)
    assert not isinstance(theirs, CartPoles)
    generator, ended = np.random.default_rng(0), np.zeros(2, dtype=int)
    for seed in (3, None):  # a second reset goes on with the same draws
        obs, expected = ours.reset(seed=seed)[0], theirs.reset(seed=seed)[0]
        for _ in range(700):
            np.testing.assert_array_equal(obs, expected)
            actions = choose(obs, generator)
            (obs, *rest, info), (expected, *others, other_info) = ours.step(actions), theirs.step(actions)
            for mine, other in zip(rest, others, strict=True):
                assert mine.dtype == other.dtype
                np.testing.assert_array_equal(mine, other)
            assert obs.dtype == expected.dtype
            assert info == other_info == {}
            ended += [others[1].any(), others[2].any()]
    assert ended[0 if choose is at_random else 1] > 0  # falls, or time limits, were among them
