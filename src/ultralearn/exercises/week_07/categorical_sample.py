"""Week 7: `categorical_sample`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe, Property, Tolerance


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


declaration = Declaration(
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
        Probe("5,000 rows", lambda: _sampling(np.tile([[0.3, -0.3, 1.0]], (5000, 1)), 5), times=50),
    ],
    observe=_one_call,
    properties=[Property("the frequencies are those of softmax", _frequencies_are_those_of_softmax)],
    tolerance=Tolerance(rtol=0, atol=0.1),
)


@declaration.misconception
def takes_the_likeliest(logits, generator):
    """You always take the likeliest action. A policy that never tries anything else never finds out that something
    else is better; and the gradient assumes that the actions were drawn from the policy.
    """
    return logits.argmax(axis=1)


@declaration.misconception
def ignores_the_logits(logits, generator):
    """All actions come up equally often: the logits play no part in your draw."""
    return generator.integers(logits.shape[1], size=len(logits))


@declaration.misconception
def logits_taken_for_weights(logits, generator):
    """You use the logits as if they were probabilities already, up to a factor. They can be negative, and a
    difference of 1 should mean a factor of e. What turns a logit into a weight?
    """
    weights = np.maximum(logits, 0) + 1e-9
    cumulative = weights.cumsum(axis=1)
    thresholds = generator.random((len(logits), 1)) * cumulative[:, -1:]
    return (cumulative > thresholds).argmax(axis=1)


@declaration.misconception
def overflows(logits, generator):
    """Right until the logits are large: exp(1000) is infinity, infinity over infinity is NaN, and NaN compares as
    False with everything. Softmax does not change if the same number is taken off each logit of a row; which
    number makes all of them harmless?
    """
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.exp(logits)
        cumulative = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
    return (cumulative > generator.random((len(logits), 1))).argmax(axis=1)


@declaration.misconception
def softmax_down_the_columns(logits, generator):
    """You normalize down the columns, so an action competes with the same action in other rows. Each row is one
    observation: its actions share a probability of 1 among themselves. Which axis is that?
    """
    weights = np.exp(logits - logits.max(axis=0))
    weights = weights / weights.sum(axis=0)
    cumulative = weights.cumsum(axis=1)
    thresholds = generator.random((len(logits), 1)) * cumulative[:, -1:]
    return (cumulative > thresholds).argmax(axis=1)


@declaration.misconception
def one_draw_for_all_rows(logits, generator):
    """Each row taken alone is right, but you draw a single random number and use it for all rows: in equal states
    all your environments do the same thing, and 16 of them teach you as much as one.
    """
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    cumulative = weights.cumsum(axis=1)
    thresholds = generator.random() * cumulative[:, -1:]
    return (cumulative > thresholds).argmax(axis=1)


@declaration.misconception
def its_own_randomness(logits, generator):
    """The actions have the right frequencies, but the same generator state gives other actions the next time. You
    draw from a source of your own; use the generator that you are given, so that a run can be repeated.
    """
    return categorical_sample(logits, np.random.default_rng())


@declaration.misconception
def starts_over_at_each_call(logits, generator):
    """You seed anew at each call, so each call makes the same draw. It looks random once and never again. The
    generator that you are given moves on by itself.
    """
    return categorical_sample(logits, np.random.default_rng(0))


@declaration.misconception
def other_dtype(logits, generator):
    """The right actions in the wrong dtype: Gymnasium's vector environments refuse anything but int64."""
    return categorical_sample(logits, generator).astype(np.float64)
