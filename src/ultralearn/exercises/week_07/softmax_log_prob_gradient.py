"""Week 7: `softmax_log_prob_gradient`."""

from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe


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
    credit = -probs
    credit[action] += 1
    return obs[:, None] * credit


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


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


declaration = Declaration(
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
        Probe("CartPole's size", lambda: _linear(4, 2, action=1, seed=5), times=20),
    ],
)


@declaration.misconception
def points_downhill(weights, obs, action):
    """The sign is flipped: a step along your gradient makes the action less likely. Try it: add a little of it to
    the weights and look at the probability.
    """
    probs = _softmax(obs @ weights)
    return np.outer(obs, probs - np.eye(len(probs))[action])


@declaration.misconception
def forgets_the_other_actions(weights, obs, action):
    """You raise the chosen action's logit and stop there. But the probabilities add up to 1: log π is the logit
    minus the log of the sum of all exponentials, and that sum has a gradient too.
    """
    return np.outer(obs, np.eye(weights.shape[1])[action])


@declaration.misconception
def only_the_chosen_column(weights, obs, action):
    """The column of the chosen action is right, the others are zero. Each action's weights are in the denominator
    of the softmax, so each has a share in the gradient.
    """
    probs = _softmax(obs @ weights)
    chosen = np.eye(len(probs))[action]
    return np.outer(obs, chosen * (1 - probs))


@declaration.misconception
def gradient_of_the_probability(weights, obs, action):
    """You took the gradient of π itself, not of log π: it carries a factor π too many. The logarithm's derivative
    divides that factor away, which is why rare actions get large steps when they turn out well.
    """
    probs = _softmax(obs @ weights)
    return np.outer(obs, np.eye(len(probs))[action] - probs) * probs[action]


@declaration.misconception
def gradient_for_the_likeliest(weights, obs, action):
    """You took the gradient for the likeliest action, whatever `action` says. The policy drew `action`; that is the
    one whose consequences you saw.
    """
    probs = _softmax(obs @ weights)
    return np.outer(obs, np.eye(len(probs))[probs.argmax()] - probs)


@declaration.misconception
def transposed(weights, obs, action):
    """The right numbers, lying on their side: the gradient must have the shape of the weights, (obs_dim, actions),
    or the step adds the wrong number to the wrong weight.
    """
    return softmax_log_prob_gradient(weights, obs, action).T


@declaration.misconception
def exponentials_overflow(weights, obs, action):
    """Right for small logits. For large ones `exp` overflows, infinity over infinity is NaN, and one NaN in the
    weights ends the run. Softmax stays the same when all logits are shifted together.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        probs = np.exp(obs @ weights)
        probs = probs / probs.sum()
    return np.outer(obs, np.eye(len(probs))[action] - probs)


@declaration.misconception
def without_the_observation(weights, obs, action):
    """You stopped at the gradient with respect to the logits, the same for each feature. A weight's share in a logit is
    the feature that it is multiplied with.
    """
    probs = _softmax(obs @ weights)
    return np.outer(np.ones(len(obs)), np.eye(len(probs))[action] - probs)
