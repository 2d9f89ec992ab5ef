import numpy as np

from tests.exercises.week_07.common import returns_episode_by_episode


def one_long_episode(rewards, episode_ends, discount):
    result = np.array(rewards, dtype=float)
    for t in range(len(result) - 2, -1, -1):
        result[t] += discount * result[t + 1]
    return result


def forgets_too_late(rewards, episode_ends, discount):
    result, total = [], 0.0
    for reward, end in zip(rewards[::-1], episode_ends[::-1], strict=True):
        total = reward + discount * total
        result.append(total)
        total = 0.0 if end else total
    return np.array(result[::-1], dtype=float)


def falls_only(rewards, episode_ends, discount):
    """Ends are taken for falls, and a fall comes before the time is up."""
    ends = np.flatnonzero(episode_ends)
    lengths = np.diff(ends, prepend=-1)
    fell = np.zeros(len(rewards), dtype=bool)
    fell[ends[lengths < 500]] = True
    return returns_episode_by_episode(rewards, fell, discount)


def next_rewards_only(rewards, episode_ends, discount):
    result, total = np.zeros(len(rewards)), 0.0
    for t in range(len(rewards) - 1, -1, -1):
        if episode_ends[t]:
            total = 0.0
        result[t] = discount * total
        total = rewards[t] + discount * total
    return result


def fixed_discount(rewards, episode_ends, discount):
    return returns_episode_by_episode(rewards, episode_ends, 0.99)


SECOND = returns_episode_by_episode
VARIANTS = {
    "ends_are_ignored": one_long_episode,
    "cut_one_step_late": forgets_too_late,
    "runs_on_after_the_time_limit": falls_only,
    "own_reward_is_missing": next_rewards_only,
    "discount_is_always_099": fixed_discount,
}
EQUIVALENT: dict[str, str] = {}
