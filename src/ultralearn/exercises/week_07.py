"""Week 7: REINFORCE three times."""

# A misconception is written as a learner writes it, without types; and to mypy, NumPy's products are Any.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ultralearn.practice import Probe, Property, Tolerance, Week, gradient_reaches, no_gradient_reaches
from ultralearn.rl import Batch

week = Week(7)
exercise, hint = week.exercise, week.hint


# --- episode_lengths -------------------------------------------------------------------------------------------------


def episode_lengths(terminated: np.ndarray, truncated: np.ndarray) -> np.ndarray:
    """Lengths of the episodes that ended in a flat run of steps.

    terminated, truncated: (steps,), bool, as Gymnasium's `step` returned
    them, one entry a step. Returns (episodes,), int64: how many steps
    each finished episode took, in order. An episode that the run leaves
    unfinished does not count.
    """
    ended = terminated | truncated
    last = np.flatnonzero(ended)
    last_before = np.concatenate([[-1], last[:-1]])
    return last - last_before


def terminated_only(terminated, truncated):
    """You look at `terminated` alone. An episode that the time limit stops is over too: `truncated` says so, and
    after it comes a reset. Your long episodes have swallowed their successors.
    """
    return np.diff(np.flatnonzero(terminated), prepend=-1)


def truncated_only(terminated, truncated):
    """You look at `truncated` alone: that is the time limit. What of the pole that fell?"""
    return np.diff(np.flatnonzero(truncated), prepend=-1)


def both_at_once(terminated, truncated):
    """You ask for both flags at the same step. That happens only if the pole falls exactly at the time limit; one
    of the two is enough to end an episode.
    """
    return np.diff(np.flatnonzero(terminated & truncated), prepend=-1)


def first_is_one_short(terminated, truncated):
    """Your first episode is one step too short; the others are right. An end at index 4 is the fifth step. Where
    did the episode before the first one end, so to speak?
    """
    return np.diff(np.flatnonzero(terminated | truncated), prepend=0)


def first_is_missing(terminated, truncated):
    """The first episode is missing: you have the distances between ends, and there is one distance fewer than
    there are ends.
    """
    return np.diff(np.flatnonzero(terminated | truncated))


def unfinished_counts(terminated, truncated):
    """You count the steps after the last end as an episode. It is not over: its length is not known yet, and
    counting it makes your agent look worse than it is.
    """
    ends = np.flatnonzero(terminated | truncated)
    if len(ends) == 0 or ends[-1] != len(terminated) - 1:
        ends = np.append(ends, len(terminated) - 1)
    return np.diff(ends, prepend=-1)


def where_they_end(terminated, truncated):
    """These are the indices of the steps that ended an episode, not lengths. How far is each from the one before?"""
    return np.flatnonzero(terminated | truncated)


def _flags(lengths: list[int], limit: int, unfinished: int = 0) -> dict[str, np.ndarray]:
    """What `step` returns over episodes of these lengths: those as long as `limit` are truncated."""
    steps = sum(lengths) + unfinished
    terminated, truncated = np.zeros(steps, dtype=bool), np.zeros(steps, dtype=bool)
    for end, length in zip(np.cumsum(lengths) - 1, lengths, strict=True):
        (truncated if length == limit else terminated)[end] = True
    return {"terminated": terminated, "truncated": truncated}


def _lengths(count: int, limit: int, seed: int) -> list[int]:
    """Random episode lengths of which about a third reach the limit."""
    drawn = np.random.default_rng(seed).integers(1, limit * 3 // 2, size=count)
    return np.minimum(drawn, limit).tolist()


def _fell_at_the_limit() -> dict[str, np.ndarray]:
    flags = _flags([2, 4, 3], limit=4, unfinished=1)
    flags["terminated"][5] = True  # the pole falls in the very step in which the time is up
    return flags


week.declare(
    episode_lengths,
    question="Gymnasium says in two ways that an episode is over. Which are they, and which of them needs a reset?",
    nudge="Find the indices of all steps that ended an episode. A length is the distance from one end to the next; "
    "think about what stands before the first.",
    probes=[
        Probe("two episodes that fall", lambda: _flags([2, 3], limit=9)),
        Probe("the second runs into the time limit", lambda: _flags([2, 4, 1], limit=4)),
        Probe("the last one is unfinished", lambda: _flags([3, 1, 5, 2], limit=5, unfinished=3)),
        Probe("fell in the last step allowed", _fell_at_the_limit),
        Probe("no episode ended", lambda: _flags([], limit=9, unfinished=4)),
        Probe("twelve episodes, seed 1", lambda: _flags(_lengths(12, 20, 1), 20, 1)),
        Probe("twelve episodes, seed 2", lambda: _flags(_lengths(12, 20, 2), 20, 2)),
        Probe("2,000 episodes of CartPole", lambda: _flags(_lengths(2000, 500, 3), 500, 7), seconds=0.8),
    ],
    misconceptions=[
        terminated_only,
        truncated_only,
        both_at_once,
        first_is_one_short,
        first_is_missing,
        unfinished_counts,
        where_they_end,
    ],
)


# --- categorical_sample ----------------------------------------------------------------------------------------------


def categorical_sample(logits: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw one action per row, with the probabilities softmax(logits).

    logits: (batch, actions), any size, also in the thousands. generator:
    the only source of randomness; the same generator state gives the
    same actions. Returns (batch,), int64, each in 0 … actions - 1. Each
    row is drawn independently of the others.
    """
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    cumulative = weights.cumsum(axis=1)
    thresholds = generator.random((len(logits), 1)) * cumulative[:, -1:]
    return (cumulative > thresholds).argmax(axis=1)


def takes_the_likeliest(logits, generator):
    """You always take the likeliest action. A policy that never tries anything else never finds out that something
    else is better; and the gradient assumes that the actions were drawn from the policy.
    """
    return logits.argmax(axis=1)


def ignores_the_logits(logits, generator):
    """All actions come up equally often: the logits play no part in your draw."""
    return generator.integers(logits.shape[1], size=len(logits))


def logits_taken_for_weights(logits, generator):
    """You use the logits as if they were probabilities already, up to a factor. They can be negative, and a
    difference of 1 should mean a factor of e. What turns a logit into a weight?
    """
    weights = np.maximum(logits, 0) + 1e-9
    cumulative = weights.cumsum(axis=1)
    thresholds = generator.random((len(logits), 1)) * cumulative[:, -1:]
    return (cumulative > thresholds).argmax(axis=1)


def overflows(logits, generator):
    """Right until the logits are large: exp(1000) is infinity, infinity over infinity is NaN, and NaN compares as
    False with everything. Softmax does not change if the same number is taken off each logit of a row; which
    number makes all of them harmless?
    """
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.exp(logits)
        cumulative = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
    return (cumulative > generator.random((len(logits), 1))).argmax(axis=1)


def softmax_down_the_columns(logits, generator):
    """You normalize down the columns, so an action competes with the same action in other rows. Each row is one
    observation: its actions share a probability of 1 among themselves. Which axis is that?
    """
    weights = np.exp(logits - logits.max(axis=0))
    weights = weights / weights.sum(axis=0)
    cumulative = weights.cumsum(axis=1)
    thresholds = generator.random((len(logits), 1)) * cumulative[:, -1:]
    return (cumulative > thresholds).argmax(axis=1)


def one_draw_for_all_rows(logits, generator):
    """Each row taken alone is right, but you draw a single random number and use it for all rows: in equal states
    all your environments do the same thing, and 16 of them teach you as much as one.
    """
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    cumulative = weights.cumsum(axis=1)
    thresholds = generator.random() * cumulative[:, -1:]
    return (cumulative > thresholds).argmax(axis=1)


def its_own_randomness(logits, generator):
    """The actions have the right frequencies, but the same generator state gives other actions the next time. You
    draw from a source of your own; use the generator that you are given, so that a run can be repeated.
    """
    return categorical_sample(logits, np.random.default_rng())


def starts_over_at_each_call(logits, generator):
    """You seed anew at each call, so each call makes the same draw. It looks random once and never again. The
    generator that you are given moves on by itself.
    """
    return categorical_sample(logits, np.random.default_rng(0))


def other_dtype(logits, generator):
    """The right actions in the wrong dtype: Gymnasium's vector environments refuse anything but int64."""
    return categorical_sample(logits, generator).astype(np.float64)


COPIES, CALLS = 16, 1000


def _tally(function: Callable[..., Any], logits: np.ndarray, generator: np.random.Generator) -> Any:
    """How often each action comes up, and whether draws differ between rows, between calls, and repeat by seed."""
    first = function(logits.copy(), generator)
    if not isinstance(first, np.ndarray) or first.shape != (len(logits),):
        return first
    rows = np.repeat(logits, COPIES, axis=0)
    draws = np.stack([function(rows.copy(), generator) for _ in range(CALLS)]).reshape(CALLS, len(logits), COPIES)
    again = [function(rows.copy(), np.random.default_rng(5)) for _ in range(2)]
    rows_alike, calls_alike = draws[:, :, 1:] == draws[:, :, :-1], draws[1:] == draws[:-1]
    if calls_alike.all() and not rows_alike.all():
        return "actions that are the same at each call"  # whose frequencies are those of one draw: an accident
    return {
        "the actions": str(first.dtype),
        "the frequency of each action": np.stack([(draws == k).mean(axis=(0, 2)) for k in range(logits.shape[1])], 1),
        "equal rows that draw alike": rows_alike.mean(),
        "equal calls that draw alike": calls_alike.mean(),
        "the same generator state gives the same actions": bool(np.array_equal(*again)),
        "rows drawn independently of each other": _independent(draws, logits.shape[1]),
    }


def _independent(draws: np.ndarray, actions: int) -> bool:
    """Whether the count of each action in a call varies from call to call as it does for independent rows.

    draws: (calls, different rows, copies). Rows that share draws vary more, rows that make up for each other less.
    """
    for action in range(actions):
        drawn = draws == action
        p = drawn.mean(axis=(0, 2))
        expected = COPIES * p * (1 - p)
        counts = drawn.sum(axis=2)
        seen = [*counts.var(axis=0), counts.sum(axis=1).var()]
        for spread, due in zip(seen, [*expected, expected.sum()], strict=True):
            if due > 0.05 * COPIES and not 0.65 < spread / due < 1.45:
                return False
    return True


def _frequencies_are_those_of_softmax(
    function: Callable[..., Any], logits: np.ndarray, generator: np.random.Generator
) -> str | None:
    copies = 30_000 // len(logits)
    draws = function(np.tile(logits, (copies, 1)), generator).reshape(copies, len(logits))
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = weights / weights.sum(axis=1, keepdims=True)
    seen = np.stack([(draws == k).mean(axis=0) for k in range(logits.shape[1])], axis=1)
    off = np.abs(seen - probs) > 5 * np.sqrt(probs * (1 - probs) / copies) + 3 / copies
    if not off.any():
        return None
    row, action = np.argwhere(off)[0]
    return (
        f"With logits {logits[row].round(2).tolist()}, action {action} came up in {seen[row, action]:.2%} of "
        f"{copies} rows; its probability is {probs[row, action]:.2%}."
    )


def _logits(batch: int, actions: int, seed: int, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(batch, actions)) * scale


def _sampling(logits: list[list[float]] | np.ndarray, seed: int = 0) -> dict[str, Any]:
    return {"logits": np.array(logits, dtype=float), "generator": np.random.default_rng(seed)}


def _one_call(function: Callable[..., Any], logits: np.ndarray, generator: np.random.Generator) -> Any:
    if len(logits) < 1000:
        return _tally(function, logits, generator)
    actions = function(logits, generator)  # the big one is for the time; its frequency over rows is enough
    if not isinstance(actions, np.ndarray) or actions.shape != (len(logits),):
        return actions
    if (actions == actions[0]).all():
        return "one action in all rows"  # which one it is says nothing
    return np.bincount(actions.astype(int), minlength=logits.shape[1]) / len(logits)


week.declare(
    categorical_sample,
    question="Lay the probabilities end to end on a ruler of length 1 and throw a dart at it. Which did you hit?",
    nudge="Cumulative sums are the marks on the ruler, one uniform number per row is the dart. Before that: what can "
    "you subtract from a row of logits so that `exp` never overflows and softmax stays the same?",
    probes=[
        Probe("one row, three actions", lambda: _sampling([[0.0, 1.0, -1.0]])),
        Probe("rows that prefer different actions", lambda: _sampling([[2.0, 0.0, -1.0], [-1.0, 0.5, 1.5]], 1)),
        Probe("large logits", lambda: _sampling([[1000.0, 1001.0, 999.0], [-2000.0, -2000.0, -2001.0]], 2)),
        Probe("one action is all but certain", lambda: _sampling([[0.0, 3000.0], [12.0, -12.0], [0.5, 0.0]], 3)),
        Probe("four actions, seed 4", lambda: _sampling(_logits(3, 4, 4), 4)),
        Probe("5,000 rows", lambda: _sampling(np.tile([[0.3, -0.3, 1.0]], (5000, 1)), 5), seconds=0.5),
    ],
    observe=_one_call,
    properties=[Property("the frequencies are those of softmax", _frequencies_are_those_of_softmax)],
    tolerance=Tolerance(rtol=0, atol=0.1),
    misconceptions=[
        takes_the_likeliest,
        ignores_the_logits,
        logits_taken_for_weights,
        overflows,
        softmax_down_the_columns,
        one_draw_for_all_rows,
        its_own_randomness,
        starts_over_at_each_call,
        other_dtype,
    ],
)


# --- discounted_returns ----------------------------------------------------------------------------------------------


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


def sums_from_the_front(rewards, discount):
    """Your return at step t adds up the rewards until t. An action cannot change what happened before it: only
    what comes from t on belongs to step t.
    """
    returns, past = np.empty(len(rewards)), 0.0
    for t in range(len(rewards)):
        past = rewards[t] + discount * past
        returns[t] = past
    return returns


def reward_is_left_out(rewards, discount):
    """Off by one: your return starts with the reward after the step. The reward that a step earns itself belongs
    to it, undiscounted.
    """
    returns, following = np.empty(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        returns[t] = following
        following = rewards[t] + discount * following
    return returns


def own_reward_discounted(rewards, discount):
    """You discount one time too often: the reward of the step itself counts in full, the next one is the first to
    be discounted.
    """
    returns, following = np.empty(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        following = discount * (rewards[t] + following)
        returns[t] = following
    return returns


def discounts_from_the_start(rewards, discount):
    """You discount each reward by its distance from the start of the episode. For the return of step t the clock
    starts at t: its own reward counts in full, however late it comes.
    """
    weighted = rewards * discount ** np.arange(len(rewards))
    return weighted[::-1].cumsum()[::-1]


def one_return_for_all_steps(rewards, discount):
    """You give each step the return of the whole episode. It is not wrong on average, but step 400 is paid for 400
    rewards that it had no part in, and that is noise. Let each step begin at itself.
    """
    return np.full(len(rewards), float(np.sum(rewards * discount ** np.arange(len(rewards)))))


def without_discount(rewards, discount):
    """You add up all later rewards in full: `discount` plays no part."""
    return np.cumsum(rewards[::-1])[::-1].astype(float)


def discount_always_099(rewards, discount):
    """Your discount is 0.99 whatever `discount` says. Right today, and a long evening of searching when you try
    another.
    """
    return discounted_returns(rewards, 0.99)


def whole_numbers(rewards, discount):
    """Your returns are whole numbers: an array made like integer rewards is an integer array, and cuts off what is
    written into it.
    """
    returns, following = np.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + discount * following
        returns[t] = following
    return returns


def _rewards(steps: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=steps)


week.declare(
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
        Probe("20 steps, seed 1", lambda: {"rewards": _rewards(20, 1), "discount": 0.8}),
        Probe("30 steps, seed 2", lambda: {"rewards": _rewards(30, 2), "discount": 0.95}),
        Probe("500 steps, as in CartPole", lambda: {"rewards": np.ones(500), "discount": 0.99}, seconds=0.3),
    ],
    misconceptions=[
        sums_from_the_front,
        reward_is_left_out,
        own_reward_discounted,
        discounts_from_the_start,
        one_return_for_all_steps,
        without_discount,
        discount_always_099,
        whole_numbers,
    ],
)


# --- softmax_log_prob_gradient ---------------------------------------------------------------------------------------


def softmax_log_prob_gradient(weights: np.ndarray, obs: np.ndarray, action: int) -> np.ndarray:
    """Gradient of log π(action | obs) with respect to the weights of a
    linear softmax policy.

    The policy's logits are obs @ weights, its probabilities their softmax.
    weights: (obs_dim, actions). obs: (obs_dim,). action: an integer. Logits
    may be in the thousands. Returns (obs_dim, actions), float64.
    Williams (1992), section 4; Sutton and Barto (2018), exercise 13.3.
    """
    logits = obs @ weights
    probs = np.exp(logits - logits.max())
    probs = probs / probs.sum()
    chosen = np.eye(len(probs))[action]
    return np.outer(obs, chosen - probs)


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def points_downhill(weights, obs, action):
    """The sign is flipped: a step along your gradient makes the action less likely. Try it: add a little of it to
    the weights and look at the probability.
    """
    probs = _softmax(obs @ weights)
    return np.outer(obs, probs - np.eye(len(probs))[action])


def forgets_the_other_actions(weights, obs, action):
    """You raise the chosen action's logit and stop there. But the probabilities add up to 1: log π is the logit
    minus the log of the sum of all exponentials, and that sum has a gradient too.
    """
    return np.outer(obs, np.eye(weights.shape[1])[action])


def only_the_chosen_column(weights, obs, action):
    """The column of the chosen action is right, the others are zero. Each action's weights are in the denominator
    of the softmax, so each has a share in the gradient.
    """
    probs = _softmax(obs @ weights)
    chosen = np.eye(len(probs))[action]
    return np.outer(obs, chosen * (1 - probs))


def gradient_of_the_probability(weights, obs, action):
    """You took the gradient of π itself, not of log π: it carries a factor π too many. The logarithm's derivative
    divides that factor away, which is why rare actions get large steps when they turn out well.
    """
    probs = _softmax(obs @ weights)
    return np.outer(obs, np.eye(len(probs))[action] - probs) * probs[action]


def gradient_for_the_likeliest(weights, obs, action):
    """You took the gradient for the likeliest action, whatever `action` says. The policy drew `action`; that is the
    one whose consequences you saw.
    """
    probs = _softmax(obs @ weights)
    return np.outer(obs, np.eye(len(probs))[probs.argmax()] - probs)


def transposed(weights, obs, action):
    """The right numbers, lying on their side: the gradient must have the shape of the weights, (obs_dim, actions),
    or the step adds the wrong number to the wrong weight.
    """
    return softmax_log_prob_gradient(weights, obs, action).T


def exponentials_overflow(weights, obs, action):
    """Right for small logits. For large ones `exp` overflows, infinity over infinity is NaN, and one NaN in the
    weights ends the run. Softmax stays the same when all logits are shifted together.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        probs = np.exp(obs @ weights)
        probs = probs / probs.sum()
    return np.outer(obs, np.eye(len(probs))[action] - probs)


def without_the_observation(weights, obs, action):
    """You stopped at the gradient with respect to the logits, the same for each feature. A weight's share in a logit is
    the feature that it is multiplied with.
    """
    probs = _softmax(obs @ weights)
    return np.outer(np.ones(len(obs)), np.eye(len(probs))[action] - probs)


def _linear(obs_dim: int, actions: int, action: int, seed: int, scale: float = 1.0) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    return {
        "weights": generator.normal(size=(obs_dim, actions)) * scale,
        "obs": generator.normal(size=obs_dim),
        "action": action,
    }


def _shifted_logits(shift: float) -> dict[str, Any]:
    weights = np.array([[0.5, -0.25, 0.0], [shift, shift, shift]])
    return {"weights": weights, "obs": np.array([2.0, 1.0]), "action": 1}


week.declare(
    softmax_log_prob_gradient,
    question="log π(a) = logit_a − log Σ exp(logit_b). What is its derivative with respect to logit_a? And with "
    "respect to another action's logit?",
    nudge="With respect to the logits it is “what happened minus what was expected”: 1 for the action taken, 0 for "
    "the others, minus the probabilities. One more step leads from logits to weights.",
    probes=[
        Probe("even odds", lambda: {"weights": np.zeros((2, 2)), "obs": np.array([1.0, 2.0]), "action": 0}),
        Probe("three actions", lambda: _linear(2, 3, action=1, seed=1)),
        Probe("another action", lambda: _linear(4, 3, action=2, seed=2)),
        Probe("large logits", lambda: _linear(3, 3, action=0, seed=3, scale=3000)),
        Probe("large logits, close to each other", lambda: _shifted_logits(2000.0)),
        Probe("logits far below zero", lambda: _shifted_logits(-2000.0)),
        Probe("as many features as actions", lambda: _linear(3, 3, action=2, seed=4)),
        Probe("CartPole's size", lambda: _linear(4, 2, action=1, seed=5), seconds=0.2),
    ],
    misconceptions=[
        points_downhill,
        forgets_the_other_actions,
        only_the_chosen_column,
        gradient_of_the_probability,
        gradient_for_the_likeliest,
        transposed,
        exponentials_overflow,
        without_the_observation,
    ],
)


# --- policy_gradient_loss --------------------------------------------------------------------------------------------


def policy_gradient_loss(log_probs: Tensor, returns: Tensor) -> Tensor:
    """Loss whose gradient is minus the REINFORCE estimate of the policy
    gradient.

    log_probs: (steps,), of the actions taken; gradients flow into them.
    returns: (steps,); treated as constants, also if they carry a graph.
    Returns a scalar tensor: minus the mean over steps of log-probability
    times return. Williams (1992); Sutton and Barto (2018), section 13.3.
    """
    weights = returns.detach()
    gain = (log_probs * weights).sum()
    steps = len(log_probs)
    loss = -gain / steps
    return loss


def climbs_the_wrong_way(log_probs, returns):
    """The sign: an optimizer makes a loss smaller, and you want good actions to become more likely."""
    return (log_probs * returns.detach()).mean()


def summed_over_steps(log_probs, returns):
    """You sum where the mean is asked for. The better the agent, the longer the batch, and the larger your step:
    with plain gradient descent the learning rate that was right for 20 steps is 200 times too large for 4,000.
    """
    return -(log_probs * returns.detach()).sum()


def returns_not_detached(log_probs, returns):
    """The value is right, but a gradient flows into the returns. If they come from a network, as a baseline does,
    this loss will teach that network to make the loss small, not to predict.
    """
    return -(log_probs * returns).mean()


def nothing_flows(log_probs, returns):
    """The value is right, but no gradient reaches the log-probabilities, so the policy cannot learn. Only the
    returns are constants here.
    """
    return -(log_probs.detach() * returns.detach()).mean()


def probabilities_instead(log_probs, returns):
    """You weight the probabilities, not their logarithms. The logarithm is what makes up for how often an action is
    drawn; without it, what is frequent is favored for being frequent.
    """
    return -(log_probs.exp() * returns.detach()).mean()


def means_multiplied(log_probs, returns):
    """You take the mean of each and multiply. Then no step is tied to its own return: which action was good gets
    lost. Multiply first.
    """
    return -log_probs.mean() * returns.detach().mean()


def one_loss_a_step(log_probs, returns):
    """You return one number a step. `backward` needs a single number; how does one get it here so that the size of
    the batch does not matter?
    """
    return -(log_probs * returns.detach())


def no_longer_a_tensor(log_probs, returns):
    """You return a plain number. It has forgotten how it was computed, and nothing can be backpropagated from it:
    return the tensor, and take the number out when you print it.
    """
    return -(log_probs * returns.detach()).mean().item()


def _log_probs(steps: int, seed: int, with_graph: bool = False) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    log_probs = -torch.rand(steps, generator=generator) * 2 - 0.01
    returns = torch.randn(steps, generator=generator) * 20 + 10
    return {"log_probs": log_probs.requires_grad_(), "returns": returns.requires_grad_(with_graph)}


def _gradient_is_that_of_the_loss(function: Callable[..., Any], log_probs: Tensor, returns: Tensor) -> str | None:
    source = log_probs.detach().clone().requires_grad_()
    result = function(log_probs=source, returns=returns)
    if getattr(result, "requires_grad", False):
        result.sum().backward()
    if source.grad is None:
        return None  # said already: no gradient reaches log_probs
    expected = -returns.detach() / len(returns)
    if torch.allclose(source.grad, expected, rtol=1e-4, atol=1e-6):
        return None
    worst = int((source.grad - expected).abs().argmax())
    return (
        f"The loss has the right value, its gradient has not: with respect to `log_probs[{worst}]` it is "
        f"{float(source.grad[worst]):.4g}, expected {float(expected[worst]):.4g}."
    )


week.declare(
    policy_gradient_loss,
    question="Autograd gives you the gradient of whatever you write down. What must you write down so that its "
    "gradient is the one that you computed by hand, and what must it take for a given?",
    nudge="An optimizer goes downhill, you want to go up. And the returns say how much each step counts: they are "
    "measured, and no knob of the policy moves them.",
    probes=[
        Probe(
            "two steps",
            lambda: {
                "log_probs": torch.tensor([-0.5, -2.0], requires_grad=True),
                "returns": torch.tensor([1.0, 3.0]),
            },
        ),
        Probe(
            "returns with a graph of their own",
            lambda: {
                "log_probs": torch.tensor([-0.1, -1.0, -0.7], requires_grad=True),
                "returns": torch.tensor([2.0, -1.0, 0.5], requires_grad=True),
            },
        ),
        Probe("50 steps, seed 1", lambda: _log_probs(50, 1)),
        Probe("80 steps, seed 2", lambda: _log_probs(80, 2, with_graph=True)),
        Probe("8,000 steps", lambda: _log_probs(8000, 3), seconds=0.3),
    ],
    properties=[
        gradient_reaches("log_probs"),
        no_gradient_reaches("returns"),
        Property("the gradient is that of the loss", _gradient_is_that_of_the_loss),
    ],
    tolerance=Tolerance(rtol=1e-4, atol=1e-5),
    misconceptions=[
        climbs_the_wrong_way,
        summed_over_steps,
        returns_not_detached,
        nothing_flows,
        probabilities_instead,
        means_multiplied,
        one_loss_a_step,
        no_longer_a_tensor,
    ],
)


# --- reward_to_go ----------------------------------------------------------------------------------------------------


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


def ends_are_ignored(rewards, episode_ends, discount):
    """Your returns run on over the ends of episodes: the step in which the pole fell is paid for the whole next
    episode. Where an episode ends, nothing follows.
    """
    return discounted_returns(rewards, discount)


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


def own_reward_is_missing(rewards, episode_ends, discount):
    """Off by one: each of your returns starts with the reward of the next step. CartPole pays 1 for every step, so
    there it looks fine; the step's own reward belongs to it all the same.
    """
    return reward_to_go(rewards, episode_ends, discount) - rewards


def discount_is_always_099(rewards, episode_ends, discount):
    """Your discount is 0.99 whatever `discount` says."""
    return reward_to_go(rewards, episode_ends, 0.99)


def discount_is_forgotten(rewards, episode_ends, discount):
    """You add up the later rewards of the episode in full: `discount` plays no part."""
    return reward_to_go(rewards, episode_ends, 1.0)


def unfinished_is_dropped(rewards, episode_ends, discount):
    """The steps after the last end get zero. They were taken and paid, though their episode is unfinished: count
    what was seen of it.
    """
    returns = reward_to_go(rewards, episode_ends, discount)
    last = np.flatnonzero(episode_ends)[-1] if np.any(episode_ends) else -1
    returns[last + 1 :] = 0.0
    return returns


def episode_total_everywhere(rewards, episode_ends, discount):
    """Each step of an episode has the same return, that of its first step. The name says it: reward *to go*. What
    was earned before a step is not its merit.
    """
    returns = reward_to_go(rewards, episode_ends, discount)
    starts = np.concatenate([[True], np.asarray(episode_ends)[:-1]])
    return returns[np.maximum.accumulate(np.where(starts, np.arange(len(rewards)), 0))]


def summed_from_the_front(rewards, episode_ends, discount):
    """You add up from the front: each step has the rewards that came before it. They were earned already."""
    returns, past = np.empty(len(rewards)), 0.0
    for t in range(len(rewards)):
        past = rewards[t] + discount * past
        returns[t] = past
        if episode_ends[t]:
            past = 0.0
    return returns


def _flat_batch(lengths: list[int], discount: float, seed: int, unfinished: int = 0) -> dict[str, Any]:
    ends = np.zeros(sum(lengths) + unfinished, dtype=bool)
    ends[np.cumsum(lengths) - 1] = True
    return {"rewards": _rewards(len(ends), seed), "episode_ends": ends, "discount": discount}


def _small_batch(rewards: list[float], ends: list[int], discount: float) -> dict[str, Any]:
    return {"rewards": np.array(rewards), "episode_ends": np.array(ends, dtype=bool), "discount": discount}


week.declare(
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
        Probe("the second reaches the limit of 500", lambda: _flat_batch([3, 500, 4], 0.98, seed=1)),
        Probe("six episodes, seed 2", lambda: _flat_batch(_lengths(6, 20, 2), 0.8, 2, unfinished=2)),
        Probe("six episodes, seed 3", lambda: _flat_batch(_lengths(6, 20, 3), 0.9, 3, unfinished=3)),
        Probe("16 episodes of CartPole", lambda: _flat_batch([500] * 12 + [380, 211, 500, 77], 0.99, 4), seconds=0.5),
    ],
    misconceptions=[
        ends_are_ignored,
        cut_one_step_late,
        runs_on_after_the_time_limit,
        own_reward_is_missing,
        discount_is_always_099,
        discount_is_forgotten,
        unfinished_is_dropped,
        episode_total_everywhere,
        summed_from_the_front,
    ],
)


# --- advantages_with_baseline ----------------------------------------------------------------------------------------


def advantages_with_baseline(returns: Tensor, values: Tensor) -> Tensor:
    """How much better each step went than the baseline predicted, in
    standard deviations.

    returns: (steps,). values: (steps,), the baseline's predictions, treated
    as constants. Returns (steps,): returns minus values, shifted to mean 0,
    then divided by their population standard deviation plus 1e-8. Where
    there is no spread, all advantages are 0.
    """
    advantages = returns - values.detach()
    centered = advantages - advantages.mean()
    return centered / (advantages.std(correction=0) + 1e-8)


def values_not_detached(returns, values):
    """The numbers are right, but a gradient flows into `values`. The policy's loss would then move the baseline,
    which is to predict returns and nothing else.
    """
    advantages = returns - values
    return (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)


def sample_deviation(returns, values):
    """Nearly: you divide by the sample standard deviation, the one with n - 1. PyTorch's `std` does that by default;
    here the population's is asked for.
    """
    advantages = returns - values.detach()
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


def not_shifted(returns, values):
    """You divide without shifting to mean 0 first. If the baseline is off by a constant, as it is in the first
    updates, all your advantages have the same sign and every action is praised, or every one blamed.
    """
    advantages = returns - values.detach()
    return advantages / (advantages.std(correction=0) + 1e-8)


def zero_over_zero(returns, values):
    """Where all advantages are equal the spread is 0 and you divide by it: NaN, which spreads to every weight.
    The 1e-8 is there for that batch.
    """
    advantages = returns - values.detach()
    return (advantages - advantages.mean()) / advantages.std(correction=0)


def divided_by_the_variance(returns, values):
    """You divide by the variance. It is in squared units; the standard deviation is its root."""
    advantages = returns - values.detach()
    return (advantages - advantages.mean()) / (advantages.var(correction=0) + 1e-8)


def better_is_negative(returns, values):
    """The sign: a step that went better than predicted must have a positive advantage."""
    advantages = values.detach() - returns
    return (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)


def baseline_left_out(returns, values):
    """You normalize the returns; `values` plays no part. Taking off the mean is a baseline too, but one that does
    not know the state: whoever starts with a tilted pole is blamed for it.
    """
    return (returns - returns.mean()) / (returns.std(correction=0) + 1e-8)


def normalized_before_subtracting(returns, values):
    """You normalize the returns first and subtract the values then. The two are in different units by that time.
    First the difference, then its scale.
    """
    normalized = (returns - returns.mean()) / (returns.std(correction=0) + 1e-8)
    return normalized - values.detach()


def only_shifted(returns, values):
    """Mean 0 is right, but the scale is missing: a return of CartPole is up to 100, one of Acrobot down to -100,
    and the learning rate would have to know.
    """
    advantages = returns - values.detach()
    return advantages - advantages.mean()


def _advantages(steps: int, seed: int, spread: float = 20.0, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    returns = torch.randn(steps, generator=generator, dtype=torch.float64) * spread + 60
    values = torch.randn(steps, generator=generator, dtype=torch.float64) * spread / 2 + 40
    return {"returns": returns.to(dtype), "values": values.to(dtype).requires_grad_()}


def _values_are_constants(function: Callable[..., Any], returns: Tensor, values: Tensor) -> str | None:
    if float((returns - values).detach().std()) == 0:
        return None  # the slope of a spread of 0 is 0 or NaN, as one writes it
    source = values.detach().clone().requires_grad_()
    result = function(returns=returns, values=source)
    if result.requires_grad:
        weights = torch.arange(1, len(result) + 1, dtype=result.dtype)  # the plain sum is 0 whatever the values are
        (result * weights).sum().backward()
    if source.grad is None or not source.grad.any():
        return None
    return "A gradient flows from your result into `values`. It is to be treated as a constant there."


def _check_scale(function: Callable[..., Any], returns: Tensor, values: Tensor) -> str | None:
    result = function(returns=returns, values=values).detach()
    if not torch.isfinite(result).all():
        return "There are NaNs or infinities among your advantages."
    if abs(float(result.mean())) > 1e-3:
        return f"The mean of your advantages is {float(result.mean()):.3g}, expected 0."
    return None


week.declare(
    advantages_with_baseline,
    question="All returns of CartPole are positive. If every action is praised, some more and some less, what do you "
    "learn from a batch, and what would you rather compare each return with?",
    nudge="Subtract the prediction, as a constant. Then make what is left independent of the environment's scale: "
    "mean 0, standard deviation 1; and think of the batch in which everything is equal.",
    probes=[
        Probe(
            "three steps",
            lambda: {
                "returns": torch.tensor([1.0, 2.0, 6.0]),
                "values": torch.tensor([0.0, 2.0, 2.0], requires_grad=True),
            },
        ),
        Probe(
            "no spread",
            lambda: {"returns": torch.full((4,), 3.0), "values": torch.full((4,), 1.0, requires_grad=True)},
        ),
        Probe(
            "equal returns",
            lambda: {
                "returns": torch.full((4,), 8.0),
                "values": torch.tensor([1.0, 2.0, 4.0, 5.0], requires_grad=True),
            },
        ),
        Probe("40 steps, seed 1", lambda: _advantages(40, 1)),
        Probe("hardly any spread, float64", lambda: _advantages(30, 2, spread=1e-7, dtype=torch.float64)),
        Probe("60 steps, seed 3", lambda: _advantages(60, 3, spread=3.0)),
        Probe("8,000 steps", lambda: _advantages(8000, 4), seconds=0.3),
    ],
    properties=[
        Property("no gradient reaches values", _values_are_constants),
        Property("their mean is 0 and none is NaN", _check_scale),
    ],
    tolerance=Tolerance(rtol=1e-4, atol=1e-4),
    misconceptions=[
        values_not_detached,
        sample_deviation,
        not_shifted,
        zero_over_zero,
        divided_by_the_variance,
        better_is_negative,
        baseline_left_out,
        normalized_before_subtracting,
        only_shifted,
    ],
)


# --- reinforce_step --------------------------------------------------------------------------------------------------


def reinforce_step(policy: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch, discount: float) -> float:
    """One update of REINFORCE with a learned baseline. Changes the
    policy's parameters; returns the loss.

    policy: `policy(batch.obs)` gives (logits, values), of the shapes
    (steps, actions) and (steps,). optimizer: over all of its parameters;
    gradients left from earlier are thrown away, one step is made. batch:
    obs, actions (tensors), rewards, episode_ends (arrays), one entry a
    step. discount: in [0, 1].
    The loss is minus the mean over steps of log-probability times
    advantage, plus half the mean squared error of the values against the
    discounted rewards to go. Advantages: as in `advantages_with_baseline`.
    Williams (1992); Sutton and Barto (2018), section 13.4.
    """
    returns = np.empty(len(batch))
    following = 0.0
    for t in reversed(range(len(batch))):
        following = batch.rewards[t] + discount * following * (not batch.episode_ends[t])
        returns[t] = following
    targets = torch.from_numpy(returns).float()
    logits, values = policy(batch.obs)
    log_probs = torch.log_softmax(logits, dim=1)[torch.arange(len(batch)), batch.actions]
    advantages = targets - values.detach()
    advantages = (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)
    loss = -(log_probs * advantages).mean() + (values - targets).square().mean() / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _parts(policy, batch, discount, returns=reward_to_go):
    """What all the wrong steps below get right: log-probabilities, values, targets and advantages."""
    targets = torch.from_numpy(returns(batch.rewards, batch.episode_ends, discount)).float()
    logits, values = policy(batch.obs)
    log_probs = torch.log_softmax(logits, dim=1)[torch.arange(len(batch)), batch.actions]
    return log_probs, values, targets, advantages_with_baseline(targets, values)


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _misfit(values, targets):
    return (values - targets).square().mean() / 2


def stale_gradients(policy, optimizer, batch, discount):
    """The loss is right, the step is not: gradients of an earlier batch are still in it. PyTorch adds to what is
    there until you clear it.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    loss = -(log_probs * advantages).mean() + _misfit(values, targets)
    loss.backward()
    optimizer.step()
    return loss.item()


def learns_to_fail(policy, optimizer, batch, discount):
    """The sign of the policy's part: your agent makes bad actions likelier, and gets worse with each batch."""
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    return _descend(optimizer, (log_probs * advantages).mean() + _misfit(values, targets))


def summed_loss(policy, optimizer, batch, discount):
    """You sum over the steps where the mean is asked for: your steps grow with the batch. Adam hides it, because it
    divides the scale away; plain gradient descent does not.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    return _descend(optimizer, -(log_probs * advantages).sum() + (values - targets).square().sum() / 2)


def baseline_not_detached(policy, optimizer, batch, discount):
    """The loss has the right value, the gradient has not: through the advantages, the policy's loss moves the
    baseline as well. The baseline is to learn from its own error only.
    """
    log_probs, values, targets, _ = _parts(policy, batch, discount)
    advantages = values_not_detached(targets, values)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


def returns_run_across_episodes(policy, optimizer, batch, discount):
    """Your returns run on over the ends of episodes. The last action before a fall is paid for all of the next
    episode, which others played.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount, ends_are_ignored)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


def returns_start_one_late(policy, optimizer, batch, discount):
    """Off by one in the rewards to go: each starts with the next step's reward instead of its own."""
    log_probs, values, targets, advantages = _parts(policy, batch, discount, own_reward_is_missing)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


def cuts_one_step_late(policy, optimizer, batch, discount):
    """Off by one at the ends of episodes: the ending step still gets the next episode's return, and the step before
    it loses its own.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount, cut_one_step_late)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


def discount_hard_coded(policy, optimizer, batch, discount):
    """Your discount is 0.99 whatever `discount` says."""
    return reinforce_step(policy, optimizer, batch, 0.99)


def silently_broadcast(policy, optimizer, batch, discount):
    """One of your tensors has the shape (steps, 1) and the other (steps,): PyTorch multiplies each log-probability
    with each advantage, steps × steps of them, without a word. The mean of that table is the product of two means,
    and the advantages' mean is 0. Print the shapes before you multiply.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    loss = -(log_probs[:, None] * advantages).mean() + _misfit(values, targets)
    return _descend(optimizer, loss)


def no_logarithm(policy, optimizer, batch, discount):
    """You weight the probabilities of the actions taken instead of their logarithms."""
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    return _descend(optimizer, -(log_probs.exp() * advantages).mean() + _misfit(values, targets))


def baseline_never_learns(policy, optimizer, batch, discount):
    """The policy's part is right. But nothing in your loss makes the values predict the returns, so the baseline
    stays as it was born.
    """
    log_probs, _, _, advantages = _parts(policy, batch, discount)
    return _descend(optimizer, -(log_probs * advantages).mean())


def advantages_not_normalized(policy, optimizer, batch, discount):
    """You subtract the baseline and stop there: mean 0 and standard deviation 1 are missing."""
    log_probs, values, targets, _ = _parts(policy, batch, discount)
    loss = -(log_probs * (targets - values.detach())).mean() + _misfit(values, targets)
    return _descend(optimizer, loss)


def returns_without_baseline(policy, optimizer, batch, discount):
    """You normalize the returns, and the baseline learns, but nobody asks it: the advantages do not depend on the
    values.
    """
    log_probs, values, targets, _ = _parts(policy, batch, discount)
    advantages = baseline_left_out(targets, values)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


def loss_stays_a_tensor(policy, optimizer, batch, discount):
    """The step is right. Return the loss as a plain number: a tensor keeps its whole graph in memory, and a list of
    a thousand losses keeps a thousand graphs.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    loss = -(log_probs * advantages).mean() + _misfit(values, targets)
    _descend(optimizer, loss)
    return loss


def never_steps(policy, optimizer, batch, discount):
    """The loss is right and its gradients are there, but the parameters are what they were. Who moves them?"""
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    loss = -(log_probs * advantages).mean() + _misfit(values, targets)
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


class _TwoHeads(nn.Module):
    """A small policy with a baseline, its parameters drawn from a seed, its gradients not clean."""

    def __init__(self, obs_dim: int, actions: int, seed: int, shared: bool = False) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        if shared:
            self.trunk = nn.Parameter(torch.randn(obs_dim, obs_dim, generator=generator))
        self.shared = shared
        self.policy = nn.Parameter(torch.randn(obs_dim, actions, generator=generator))
        self.value = nn.Parameter(torch.randn(obs_dim, generator=generator))
        for parameter in self.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        features = torch.tanh(obs @ self.trunk) if self.shared else obs
        return features @ self.policy, features @ self.value


def _stepping(
    lengths: list[int], discount: float, seed: int, obs_dim: int = 3, actions: int = 3, unfinished: int = 0
) -> dict[str, Any]:
    flat = _flat_batch(lengths, discount, seed, unfinished)
    generator = torch.Generator().manual_seed(seed)
    steps = len(flat["rewards"])
    policy = _TwoHeads(obs_dim, actions, seed)
    return {
        "policy": policy,
        "optimizer": torch.optim.SGD(policy.parameters(), lr=0.1 * seed),
        "batch": Batch(
            obs=torch.randn(steps, obs_dim, generator=generator),
            actions=torch.randint(actions, (steps,), generator=generator),
            rewards=flat["rewards"],
            episode_ends=flat["episode_ends"],
        ),
        "discount": discount,
    }


def _equal_returns() -> dict[str, Any]:
    inputs = _stepping([1, 1, 1, 1], 0.5, seed=3)
    inputs["batch"] = replace(inputs["batch"], rewards=np.full(4, 2.0))
    return inputs


def _shared_trunk() -> dict[str, Any]:
    """Both heads read one trunk, and the optimizer does more than plain descent."""
    inputs = _stepping([3, 2, 4], 0.7, seed=6)
    policy = _TwoHeads(3, 3, seed=6, shared=True)
    optimizer = torch.optim.SGD(policy.parameters(), lr=0.5, momentum=0.9, weight_decay=0.3)
    return {**inputs, "policy": policy, "optimizer": optimizer}


def _large_logits() -> dict[str, Any]:
    """Logits in the hundreds, and returns that make for a large gradient."""
    inputs = _stepping([3, 5], 0.6, seed=7)
    with torch.no_grad():
        inputs["policy"].policy.mul_(300)
    inputs["batch"] = replace(inputs["batch"], rewards=inputs["batch"].rewards * 100)
    return inputs


def _tiny_spread() -> dict[str, Any]:
    """Advantages whose standard deviation is 1e-8, as large as what is added to it."""
    inputs = _stepping([1, 1, 1, 1], 0.5, seed=8)
    with torch.no_grad():
        inputs["policy"].value.zero_()
    inputs["batch"] = replace(inputs["batch"], rewards=np.array([1e-8, -1e-8, -1e-8, 1e-8]))
    return inputs


def _after_the_step(
    function: Callable[..., Any],
    policy: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    discount: float,
) -> dict[str, Any]:
    """The loss, the parameters after the step, and whether the batch is as it was."""
    arrays = batch.obs.numpy(), batch.actions.numpy(), batch.rewards, batch.episode_ends
    before = [array.copy() for array in arrays]
    loss = function(policy=policy, optimizer=optimizer, batch=batch, discount=discount)
    after = {f"the parameters after it ({name})": p.detach().clone() for name, p in policy.named_parameters()}
    untouched = all(np.array_equal(old, new) for old, new in zip(before, arrays, strict=True))
    return {"the loss": loss, **after, "the batch is as it was": untouched}


week.declare(
    reinforce_step,
    question="Say it aloud before you type: from rewards to returns, from returns to advantages, from advantages to a "
    "loss, from the loss to a step. Which of these needs the network, and which must not send a gradient into it?",
    nudge="Six moves: rewards to go; logits and values from the policy; log-probabilities of the actions taken; "
    "advantages, with the values as constants; the loss with its two parts; clear, backpropagate, step.",
    probes=[
        Probe("two episodes", lambda: _stepping([2, 3], 0.5, seed=1)),
        Probe("the last episode unfinished", lambda: _stepping([3, 4], 0.9, seed=2, obs_dim=4, unfinished=2)),
        Probe("equal returns", _equal_returns),
        Probe("two actions", lambda: _stepping([4, 1, 6], 1.0, seed=4, obs_dim=2, actions=2)),
        Probe("a trunk that both heads share", _shared_trunk),
        Probe("large logits", _large_logits),
        Probe("hardly any spread", _tiny_spread),
        Probe("twelve episodes", lambda: _stepping(_lengths(12, 20, 5), 0.95, seed=5, actions=4)),
        Probe("8,000 steps", lambda: _stepping([500] * 16, 0.99, seed=1, obs_dim=4, actions=2), seconds=1.5),
    ],
    observe=_after_the_step,
    tolerance=Tolerance(rtol=1e-4, atol=1e-5),
    mutates=True,
    misconceptions=[
        stale_gradients,
        learns_to_fail,
        summed_loss,
        baseline_not_detached,
        returns_run_across_episodes,
        returns_start_one_late,
        cuts_one_step_late,
        discount_hard_coded,
        silently_broadcast,
        no_logarithm,
        baseline_never_learns,
        advantages_not_normalized,
        returns_without_baseline,
        loss_stays_a_tensor,
        never_steps,
    ],
)
