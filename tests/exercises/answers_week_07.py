"""Week 7: second solutions, misconceptions written another way, and mutants that change nothing."""

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Categorical

# --- a second, independently written right solution for each exercise ---


def lengths_by_counting(terminated, truncated):
    lengths, count = [], 0
    for fell, out_of_time in zip(terminated.tolist(), truncated.tolist(), strict=True):
        count += 1
        if fell or out_of_time:
            lengths.append(count)
            count = 0
    return np.array(lengths, dtype=np.int64)


def sample_by_gumbel(logits, generator):
    return (logits - np.log(generator.exponential(size=logits.shape))).argmax(axis=-1)


def returns_by_matrix(rewards, discount):
    distance = np.subtract.outer(np.arange(len(rewards)), np.arange(len(rewards))).T
    factors = np.where(distance >= 0, float(discount) ** np.maximum(distance, 0), 0.0)
    return factors @ rewards


def gradient_column_by_column(weights, obs, action):
    logits = weights.T.dot(obs)
    log_normalizer = np.logaddexp.reduce(logits)
    gradient = np.empty(weights.shape)
    for other in range(weights.shape[1]):
        expected = np.exp(logits[other] - log_normalizer)
        gradient[:, other] = ((1.0 if other == action else 0.0) - expected) * obs
    return gradient


def loss_by_dot_product(log_probs, returns):
    constants = torch.tensor(returns.tolist(), dtype=log_probs.dtype)
    return torch.dot(log_probs, constants).neg() / constants.numel()


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


def step_with_distributions(policy, optimizer, batch, discount):
    optimizer.zero_grad()
    goals = torch.tensor(returns_episode_by_episode(batch.rewards, batch.episode_ends, discount), dtype=torch.float32)
    logits, predicted = policy(batch.obs)
    credit = advantages_by_hand(goals, predicted)
    actor_loss = (Categorical(logits=logits).log_prob(batch.actions) * credit).sum() / -len(credit)
    total = actor_loss + 0.5 * F.mse_loss(predicted, goals)
    total.backward()
    optimizer.step()
    return total.detach().item()


SECOND = {
    "episode_lengths": lengths_by_counting,
    "categorical_sample": sample_by_gumbel,
    "discounted_returns": returns_by_matrix,
    "softmax_log_prob_gradient": gradient_column_by_column,
    "policy_gradient_loss": loss_by_dot_product,
    "reward_to_go": returns_episode_by_episode,
    "advantages_with_baseline": advantages_by_hand,
    "reinforce_step": step_with_distributions,
}

# --- misconceptions, written differently: each must earn the same hint ---


def counts_falls_only(terminated, truncated):
    lengths, count = [], 0
    for fell in terminated:
        count += 1
        if fell:
            lengths.append(count)
            count = 0
    return np.array(lengths, dtype=np.int64)


def counts_the_rest_too(terminated, truncated):
    lengths, count = [], 0
    for over in np.logical_or(terminated, truncated):
        count += 1
        if over:
            lengths.append(count)
            count = 0
    if count:
        lengths.append(count)
    return np.array(lengths, dtype=np.int64)


def indices_of_ends(terminated, truncated):
    return np.where(np.logical_or(terminated, truncated))[0]


def differences_of_ends(terminated, truncated):
    ends = np.nonzero(np.logical_or(terminated, truncated))[0]
    return ends[1:] - ends[:-1]


def list_of_maxima(logits, generator):
    return np.array([int(np.argmax(row)) for row in logits])


def naive_choice(logits, generator):
    with np.errstate(over="ignore", invalid="ignore"):
        probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        marks = np.cumsum(probs, axis=1)
        return np.argmax(generator.uniform(size=(len(logits), 1)) < marks, axis=1)


def global_randomness(logits, generator):
    return (logits + np.random.gumbel(size=logits.shape)).argmax(axis=1)


def same_dart(logits, generator):
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = probs / probs.sum(axis=1, keepdims=True)
    dart = generator.uniform()
    return np.array([min(np.searchsorted(np.cumsum(row), dart), len(row) - 1) for row in probs])


def reseeded(logits, generator):
    mine = np.random.default_rng(42)
    return (logits + mine.gumbel(size=logits.shape)).argmax(axis=1)


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


def minus_the_gradient(weights, obs, action):
    return -gradient_column_by_column(weights, obs, action)


def raises_one_logit(weights, obs, action):
    gradient = np.zeros(weights.shape)
    gradient[:, action] = obs
    return gradient


def scaled_by_the_probability(weights, obs, action):
    logits = obs @ weights
    prob = np.exp(logits[action] - np.logaddexp.reduce(logits))
    return prob * gradient_column_by_column(weights, obs, action)


def lies_on_its_side(weights, obs, action):
    return np.array(gradient_column_by_column(weights, obs, action)).T


def naive_softmax(weights, obs, action):
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(weights.T @ obs)
        e = -e / e.sum()
    e[action] += 1
    return obs[:, None] * e[None, :]


def uphill_loss(log_probs, returns):
    return torch.mean(returns.detach() * log_probs)


def total_loss(log_probs, returns):
    return -torch.sum(log_probs * returns.detach())


def graph_through_returns(log_probs, returns):
    return torch.mean(-log_probs * returns)


def without_graph(log_probs, returns):
    with torch.no_grad():
        return -(log_probs * returns).mean()


def elementwise(log_probs, returns):
    return -log_probs * returns.detach()


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


def graph_through_values(returns, values):
    better = returns - values
    return (better - better.mean()) / (torch.sqrt(better.var(unbiased=False)) + 1e-8)


def default_deviation(returns, values):
    better = returns - values.detach()
    return (better - torch.mean(better)) / (torch.std(better) + 1e-8)


def scaled_only(returns, values):
    better = returns - values.detach()
    return better / (torch.std(better, unbiased=False) + 1e-8)


def no_epsilon(returns, values):
    better = advantages_raw(returns, values)
    better = better - better.mean()
    return better / better.pow(2).mean().sqrt()


def advantages_raw(returns, values):
    return (returns - values).detach()


def centered_only(returns, values):
    better = advantages_raw(returns, values)
    return better - better.mean()


def _everything(policy, batch, discount):
    goals = torch.tensor(returns_episode_by_episode(batch.rewards, batch.episode_ends, discount), dtype=torch.float32)
    logits, predicted = policy(batch.obs)
    taken = F.log_softmax(logits, dim=-1).gather(1, batch.actions.unsqueeze(1))
    return goals, predicted, taken


def accumulates(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = advantages_by_hand(goals, predicted)
    loss = -(taken.squeeze(1) * credit).mean() + 0.5 * F.mse_loss(predicted, goals)
    loss.backward()
    optimizer.step()
    return loss.item()


def forgot_to_squeeze(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = advantages_by_hand(goals, predicted)
    loss = -(taken * credit).mean() + 0.5 * F.mse_loss(predicted, goals)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def values_in_the_graph(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = graph_through_values(goals, predicted)
    loss = -(taken.squeeze(1) * credit).mean() + 0.5 * F.mse_loss(predicted, goals)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def forgets_the_values(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = advantages_by_hand(goals, predicted)
    loss = (-taken.squeeze(1) * credit).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def sums_everything(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = advantages_by_hand(goals, predicted)
    loss = -(taken[:, 0] * credit).sum() + 0.5 * F.mse_loss(predicted, goals, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


VARIANTS = {
    "episode_lengths": {
        "terminated_only": counts_falls_only,
        "unfinished_counts": counts_the_rest_too,
        "where_they_end": indices_of_ends,
        "first_is_missing": differences_of_ends,
    },
    "categorical_sample": {
        "takes_the_likeliest": list_of_maxima,
        "overflows": naive_choice,
        "its_own_randomness": global_randomness,
        "one_draw_for_all_rows": same_dart,
        "starts_over_at_each_call": reseeded,
    },
    "discounted_returns": {
        "sums_from_the_front": past_rewards,
        "reward_is_left_out": starts_with_the_next,
        "without_discount": plain_sums,
        "whole_numbers": integers_in_place,
    },
    "softmax_log_prob_gradient": {
        "points_downhill": minus_the_gradient,
        "forgets_the_other_actions": raises_one_logit,
        "gradient_of_the_probability": scaled_by_the_probability,
        "transposed": lies_on_its_side,
        "exponentials_overflow": naive_softmax,
    },
    "policy_gradient_loss": {
        "climbs_the_wrong_way": uphill_loss,
        "summed_over_steps": total_loss,
        "returns_not_detached": graph_through_returns,
        "nothing_flows": without_graph,
        "one_loss_a_step": elementwise,
    },
    "reward_to_go": {
        "ends_are_ignored": one_long_episode,
        "cut_one_step_late": forgets_too_late,
        "runs_on_after_the_time_limit": falls_only,
        "own_reward_is_missing": next_rewards_only,
        "discount_is_always_099": fixed_discount,
    },
    "advantages_with_baseline": {
        "values_not_detached": graph_through_values,
        "sample_deviation": default_deviation,
        "not_shifted": scaled_only,
        "zero_over_zero": no_epsilon,
        "only_shifted": centered_only,
    },
    "reinforce_step": {
        "stale_gradients": accumulates,
        "silently_broadcast": forgot_to_squeeze,
        "baseline_not_detached": values_in_the_graph,
        "baseline_never_learns": forgets_the_values,
        "summed_loss": sums_everything,
    },
}

EQUIVALENT = {
    "categorical_sample": {
        "cumulative > thresholds → cumulative >= thresholds": "The two differ only where a random float hits a "
        "cumulative sum exactly, about once in 10^16 draws.",
    },
}
