import numpy as np


def returns_by_matrix(rewards, discount):
    distance = np.subtract.outer(np.arange(len(rewards)), np.arange(len(rewards))).T
    factors = np.where(distance >= 0, float(discount) ** np.maximum(distance, 0), 0.0)
    return factors @ rewards


def past_rewards(rewards, discount):
    return np.array([sum(r * discount ** (t - k) for k, r in enumerate(rewards[: t + 1])) for t in range(len(rewards))])


def starts_with_the_next(rewards, discount):
    result = [sum(r * discount**k for k, r in enumerate(rewards[t + 1 :])) for t in range(len(rewards))]
    return np.array(result, dtype=float)


def plain_sums(rewards, discount):
    return np.array([float(np.sum(rewards[t:])) for t in range(len(rewards))])


def integers_in_place(rewards, discount):
    returns = np.array(rewards)
    for t in range(len(returns) - 2, -1, -1):
        returns[t] = returns[t] + discount * returns[t + 1]
    return returns


SECOND = returns_by_matrix
VARIANTS = {
    "sums_from_the_front": past_rewards,
    "reward_is_left_out": starts_with_the_next,
    "without_discount": plain_sums,
    "whole_numbers": integers_in_place,
}
EQUIVALENT: dict[str, str] = {}
