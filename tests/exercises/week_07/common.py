"""What several answers of week 7 are made with."""

import itertools

import numpy as np
import torch


def returns_episode_by_episode(rewards, episode_ends, discount):
    starts = [0, *(np.flatnonzero(episode_ends) + 1).tolist(), len(rewards)]
    result = np.zeros(len(rewards))
    for first, stop in itertools.pairwise(starts):
        total = 0.0
        for t in range(stop - 1, first - 1, -1):
            total = total * discount + float(rewards[t])
            result[t] = total
    return result


def advantages_by_hand(returns, values):
    with torch.no_grad():
        better = returns - values
        better -= better.sum() / better.numel()
        spread = better.pow(2).mean().sqrt()
        return better / (spread + 1e-8)


def graph_through_values(returns, values):
    better = returns - values
    return (better - better.mean()) / (torch.sqrt(better.var(unbiased=False)) + 1e-8)
