"""Whole episodes from vector environments, held against Gymnasium's scalar ones."""

import dataclasses

import gymnasium as gym
import numpy as np
import pytest
import torch

from ultralearn.rl import Batch, collect_episodes, make_envs


def at_random(seed, actions=2):
    generator = np.random.default_rng(seed)
    return lambda obs: generator.integers(actions, size=len(obs))


def split(batch):
    """The episodes of a batch as (obs, actions, rewards, ends)."""
    parts = np.split(np.arange(len(batch)), np.flatnonzero(batch.episode_ends)[:-1] + 1)
    return [(batch.obs[p], batch.actions[p], batch.rewards[p], batch.episode_ends[p]) for p in parts]


def replay(name, obs, actions, start):
    """Play the same actions from the same start in a scalar environment."""
    env = gym.make(name)
    env.reset(seed=0)
    env.unwrapped.state = start
    seen, rewards, ends = [obs[0].numpy()], [], []
    for action in actions.tolist():
        assert not any(ends), "the recorded episode goes on where the scalar one has ended"
        following, reward, terminated, truncated, _ = env.step(action)
        seen.append(following)
        rewards.append(reward)
        ends.append(terminated or truncated)
    return np.array(seen[:-1]), np.array(rewards), np.array(ends)


def test_episodes_of_cartpole_are_those_of_the_scalar_environment():
    """No dummy step of the automatic reset is in it, none is missing, and each end is an end there."""
    envs = make_envs("CartPole-v1", 8)
    starts = []

    def remember_the_start(obs):
        if not starts:
            starts.extend(np.array(envs.unwrapped.state).T.copy())
        return choose(obs)

    choose = at_random(1)
    batch = collect_episodes(envs, remember_the_start, seed=3)
    episodes = split(batch)
    assert len(episodes) == 8
    assert len({len(actions) for _, actions, _, _ in episodes}) > 3
    for (obs, actions, rewards, ends), start in zip(episodes, starts, strict=True):
        expected_obs, expected_rewards, expected_ends = replay("CartPole-v1", obs, actions, tuple(start))
        np.testing.assert_allclose(obs, expected_obs, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(rewards, expected_rewards)
        np.testing.assert_array_equal(ends, expected_ends)
        assert ends[-1]
        assert not ends[:-1].any()


def test_the_dummy_step_that_is_kept_out_exists():
    """What this package guards against: after an end, Gymnasium's next step pays nothing and ignores the action."""
    envs = make_envs("CartPole-v1", 1)
    envs.reset(seed=0)
    ended = False
    while not ended:
        _, rewards, terminated, _, _ = envs.step(np.ones(1, dtype=np.int64))
        ended = bool(terminated[0])
    _, rewards, terminated, truncated, _ = envs.step(np.ones(1, dtype=np.int64))
    assert rewards[0] == 0
    assert not terminated[0]
    assert not truncated[0]
    batch = collect_episodes(envs, lambda obs: np.ones(1, dtype=np.int64), seed=0)
    assert batch.rewards.tolist() == [1.0] * len(batch)


def test_an_episode_that_the_time_limit_cuts_off_ends_at_500():
    def balance(obs):
        return (obs @ np.array([0.0, 8.0, 9.0, 15.0]) > 0).astype(np.int64)

    batch = collect_episodes(make_envs("CartPole-v1", 4), balance, seed=0)
    assert len(batch) == 4 * 500
    assert np.flatnonzero(batch.episode_ends).tolist() == [499, 999, 1499, 1999]


def test_acrobot_is_stepped_in_a_loop_and_cut_off_at_500():
    envs = make_envs("Acrobot-v1", 2)
    batch = collect_episodes(envs, lambda obs: np.ones(2, dtype=np.int64), seed=0)
    assert np.flatnonzero(batch.episode_ends).tolist() == [499, 999]
    assert batch.rewards.tolist() == [-1.0] * 1000
    assert batch.obs.shape == (1000, 6)


def test_shapes_and_dtypes():
    batch = collect_episodes(make_envs("CartPole-v1", 3), at_random(0), seed=0)
    assert batch.obs.shape == (len(batch), 4)
    assert batch.obs.dtype == torch.float32
    assert batch.actions.shape == (len(batch),)
    assert batch.actions.dtype == torch.int64
    assert batch.rewards.dtype == np.float64
    assert batch.episode_ends.dtype == bool
    assert batch.episode_ends.sum() == 3


def test_a_seed_repeats_the_episodes_and_none_goes_on():
    envs = make_envs("CartPole-v1", 3)
    first = collect_episodes(envs, at_random(0), seed=5)
    goes_on = collect_episodes(envs, at_random(0))
    again = collect_episodes(envs, at_random(0), seed=5)
    other = collect_episodes(envs, at_random(0), seed=6)
    assert torch.equal(first.obs, again.obs)
    assert not torch.equal(first.obs[0], goes_on.obs[0])
    assert not torch.equal(first.obs[0], other.obs[0])


def test_a_batch_is_frozen_and_its_parts_are_of_one_length():
    batch = Batch(torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64), np.ones(2), np.array([False, True]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.rewards = np.zeros(2)
    with pytest.raises(ValueError, match=r"actions 3, rewards 2.*one entry a step"):
        dataclasses.replace(batch, actions=torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        ("CartPole-v1", 0, "count=0, expected at least 1"),
        ("CartPull-v1", 2, "makes no environment 'CartPull-v1'"),
        ("Pendulum-v1", 2, "expected discrete ones"),
    ],
)
def test_errors_say_what_is_wrong(name, count, message):
    with pytest.raises(ValueError, match=message):
        make_envs(name, count)


def test_environments_that_never_reset_are_refused():
    envs = gym.vector.SyncVectorEnv([lambda: gym.make("CartPole-v1")], autoreset_mode=gym.vector.AutoresetMode.DISABLED)
    with pytest.raises(ValueError, match="never reset themselves"):
        collect_episodes(envs, at_random(0))
