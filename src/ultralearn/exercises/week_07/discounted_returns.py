"""Week 7: `discounted_returns`."""

import numpy as np

from ultralearn.practice import Declaration, Probe


def discounted_returns(rewards: np.ndarray, discount: float) -> np.ndarray:
    """Return of each step of one episode: its reward and all later ones,
    discounted.

    rewards: (steps,), floats or integers. discount: in [0, 1]. Returns
    (steps,), float64: G_t = r_t + discount r_(t+1) + discount² r_(t+2) + …
    up to the last reward. Sutton and Barto (2018), equation 3.9, except
    that the reward of step t has the index t here.
    """
    steps = len(rewards)
    returns = np.empty(steps)
    following = 0.0
    for t in reversed(range(steps)):
        following = rewards[t] + discount * following
        returns[t] = following
    return returns


def random_rewards(steps: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=steps)


declaration = Declaration(
    discounted_returns,
    question="How are the return of step t and that of step t + 1 related? Write one in terms of the other.",
    nudge="Start at the end, where the return is the last reward, and walk backward: each return needs one reward "
    "and the return that you have already.",
    probes=[
        Probe("two rewards", lambda: {"rewards": np.array([1.0, 2.0]), "discount": 0.5}),
        Probe("integer rewards", lambda: {"rewards": np.array([1, 1]), "discount": 0.9}),
        Probe("no discounting", lambda: {"rewards": np.array([1.0, -2.0, 3.0]), "discount": 1.0}),
        Probe("nothing but the moment", lambda: {"rewards": np.array([4.0, 5.0, 6.0]), "discount": 0.0}),
        Probe("one step", lambda: {"rewards": np.array([7.0]), "discount": 0.3}),
        Probe("20 steps, seed 1", lambda: {"rewards": random_rewards(20, 1), "discount": 0.8}),
        Probe("30 steps, seed 2", lambda: {"rewards": random_rewards(30, 2), "discount": 0.95}),
        Probe("500 steps, as in CartPole", lambda: {"rewards": np.ones(500), "discount": 0.99}, times=30),
    ],
)


@declaration.misconception
def sums_from_the_front(rewards, discount):
    """Your return at step t adds up the rewards until t. An action cannot change what happened before it: only
    what comes from t on belongs to step t.
    """
    returns, past = np.empty(len(rewards)), 0.0
    for t in range(len(rewards)):
        past = rewards[t] + discount * past
        returns[t] = past
    return returns


@declaration.misconception
def reward_is_left_out(rewards, discount):
    """Off by one: your return starts with the reward after the step. The reward that a step earns itself belongs
    to it, undiscounted.
    """
    returns, following = np.empty(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        returns[t] = following
        following = rewards[t] + discount * following
    return returns


@declaration.misconception
def own_reward_discounted(rewards, discount):
    """You discount one time too often: the reward of the step itself counts in full, the next one is the first to
    be discounted.
    """
    returns, following = np.empty(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        following = discount * (rewards[t] + following)
        returns[t] = following
    return returns


@declaration.misconception
def discounts_from_the_start(rewards, discount):
    """You discount each reward by its distance from the start of the episode. For the return of step t the clock
    starts at t: its own reward counts in full, however late it comes.
    """
    weighted = rewards * discount ** np.arange(len(rewards))
    return weighted[::-1].cumsum()[::-1]


@declaration.misconception
def one_return_for_all_steps(rewards, discount):
    """You give each step the return of the whole episode. It is not wrong on average, but step 400 is paid for 400
    rewards that it had no part in, and that is noise. Let each step begin at itself.
    """
    return np.full(len(rewards), float(np.sum(rewards * discount ** np.arange(len(rewards)))))


@declaration.misconception
def without_discount(rewards, discount):
    """You add up all later rewards in full: `discount` plays no part."""
    return np.cumsum(rewards[::-1])[::-1].astype(float)


@declaration.misconception
def discount_always_099(rewards, discount):
    """Your discount is 0.99 whatever `discount` says. Right today, and a long evening of searching when you try
    another.
    """
    return discounted_returns(rewards, 0.99)


@declaration.misconception
def whole_numbers(rewards, discount):
    """Your returns are whole numbers: an array made like integer rewards is an integer array, and cuts off what is
    written into it.
    """
    returns, following = np.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + discount * following
        returns[t] = following
    return returns
