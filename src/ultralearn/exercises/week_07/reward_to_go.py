"""Week 7: `reward_to_go`."""

from typing import Any

import numpy as np

from ultralearn.exercises.week_07.discounted_returns import discounted_returns, random_rewards
from ultralearn.exercises.week_07.episode_lengths import random_lengths
from ultralearn.practice import Declaration, Probe


def reward_to_go(rewards: np.ndarray, episode_ends: np.ndarray, discount: float) -> np.ndarray:
    """Discounted return of each step of a flat batch of episodes, laid end
    to end.

    rewards: (steps,), floats or integers. episode_ends: (steps,), bool: the
    step ended its episode, be it terminated or truncated. discount: in
    [0, 1]. Returns (steps,), float64: at each step the sum of its reward
    and the discounted later ones of the same episode; nothing leaks over
    an end. The last episode may be unfinished: what was seen of it counts.
    """
    returns = np.empty(len(rewards))
    following = 0.0
    for t in reversed(range(len(rewards))):
        if episode_ends[t]:
            following = 0.0
        following = rewards[t] + discount * following
        returns[t] = following
    return returns


def flat_batch(lengths: list[int], discount: float, seed: int, unfinished: int = 0) -> dict[str, Any]:
    ends = np.zeros(sum(lengths) + unfinished, dtype=bool)
    ends[np.cumsum(lengths) - 1] = True
    return {"rewards": random_rewards(len(ends), seed), "episode_ends": ends, "discount": discount}


def _small_batch(rewards: list[float], ends: list[int], discount: float) -> dict[str, Any]:
    return {"rewards": np.array(rewards), "episode_ends": np.array(ends, dtype=bool), "discount": discount}


declaration = Declaration(
    reward_to_go,
    question="Two episodes lie end to end in one array. Going backward from the end, what must you forget, and at "
    "which step exactly?",
    nudge="It is `discounted_returns` with one more line. Look at a step that ended its episode: what follows it in "
    "the array belongs to someone else, and must be gone before that step is paid.",
    probes=[
        Probe("two episodes of two steps", lambda: _small_batch([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1], 0.5)),
        Probe("integer rewards, unfinished", lambda: _small_batch([1, 1, 1, 1, 1], [0, 0, 1, 0, 0], 0.9)),
        Probe("no episode ended", lambda: _small_batch([1.0, 2.0, 3.0], [0, 0, 0], 0.8)),
        Probe("episodes of one step", lambda: _small_batch([1.0, 2.0, 3.0, 4.0], [1, 1, 0, 1], 0.7)),
        Probe("no discounting", lambda: _small_batch([1.0, -2.0, 3.0, 5.0], [0, 1, 0, 0], 1.0)),
        Probe("nothing but the moment", lambda: _small_batch([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 0], 0.0)),
        Probe("short-sighted", lambda: _small_batch([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 0], 0.1)),
        Probe("the second reaches the limit of 500", lambda: flat_batch([3, 500, 4], 0.98, seed=1)),
        Probe("six episodes, seed 2", lambda: flat_batch(random_lengths(6, 20, 2), 0.8, 2, unfinished=2)),
        Probe("six episodes, seed 3", lambda: flat_batch(random_lengths(6, 20, 3), 0.9, 3, unfinished=3)),
        Probe("16 episodes of CartPole", lambda: flat_batch([500] * 12 + [380, 211, 500, 77], 0.99, 4), times=50),
    ],
)


@declaration.misconception
def ends_are_ignored(rewards, episode_ends, discount):
    """Your returns run on over the ends of episodes: the step in which the pole fell is paid for the whole next
    episode. Where an episode ends, nothing follows.
    """
    return discounted_returns(rewards, discount)


@declaration.misconception
def cut_one_step_late(rewards, episode_ends, discount):
    """Off by one at the boundary: going backward you forget the next episode only after the ending step has taken
    its share. That step should see nothing behind it; and the one before it lost what it should have seen.
    """
    returns, following = np.empty(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + discount * following
        returns[t] = following
        if episode_ends[t]:
            following = 0.0
    return returns


@declaration.misconception
def runs_on_after_the_time_limit(rewards, episode_ends, discount):
    """Your returns stop where the pole fell, but run on into the next episode where the time limit of 500 steps
    cut one off. `episode_ends` means terminated or truncated: after both comes a reset, and what follows is
    another episode.
    """
    ends, length = np.array(episode_ends), 0
    for t in range(len(ends)):
        length += 1
        if ends[t]:
            ends[t], length = length < 500, 0
    return reward_to_go(rewards, ends, discount)


@declaration.misconception
def own_reward_is_missing(rewards, episode_ends, discount):
    """Off by one: each of your returns starts with the reward of the next step. CartPole pays 1 for every step, so
    there it looks fine; the step's own reward belongs to it all the same.
    """
    return reward_to_go(rewards, episode_ends, discount) - rewards


@declaration.misconception
def discount_is_always_099(rewards, episode_ends, discount):
    """Your discount is 0.99 whatever `discount` says."""
    return reward_to_go(rewards, episode_ends, 0.99)


@declaration.misconception
def discount_is_forgotten(rewards, episode_ends, discount):
    """You add up the later rewards of the episode in full: `discount` plays no part."""
    return reward_to_go(rewards, episode_ends, 1.0)


@declaration.misconception
def unfinished_is_dropped(rewards, episode_ends, discount):
    """The steps after the last end get zero. They were taken and paid, though their episode is unfinished: count
    what was seen of it.
    """
    returns = reward_to_go(rewards, episode_ends, discount)
    last = np.flatnonzero(episode_ends)[-1] if np.any(episode_ends) else -1
    returns[last + 1 :] = 0.0
    return returns


@declaration.misconception
def episode_total_everywhere(rewards, episode_ends, discount):
    """Each step of an episode has the same return, that of its first step. The name says it: reward *to go*. What
    was earned before a step is not its merit.
    """
    returns = reward_to_go(rewards, episode_ends, discount)
    starts = np.concatenate([[True], np.asarray(episode_ends)[:-1]])
    return returns[np.maximum.accumulate(np.where(starts, np.arange(len(rewards)), 0))]


@declaration.misconception
def summed_from_the_front(rewards, episode_ends, discount):
    """You add up from the front: each step has the rewards that came before it. They were earned already."""
    returns, past = np.empty(len(rewards)), 0.0
    for t in range(len(rewards)):
        past = rewards[t] + discount * past
        returns[t] = past
        if episode_ends[t]:
            past = 0.0
    return returns
