"""Week 6: `percentile`."""

import math

import numpy as np

from ultralearn.exercises.week_06.common import Seen
from ultralearn.practice import Declaration, Probe


def percentile(seconds: np.ndarray, answered: np.ndarray, percent: int) -> float:
    """The time within which so many of 100 requests were answered.

    seconds: (n,), how long each took; answered: (n,), bool, False where
    no good answer came, however soon. percent: 1 to 100. Returns one of
    the times: the smallest that at least percent % of all n requests did
    not exceed, those without an answer counted as infinitely slow.
    """
    counted = np.sort(np.where(answered, seconds, np.inf))
    rank = math.ceil(percent * len(counted) / 100)
    return float(counted[rank - 1])


def _waits(n: int, failed: int, percent: int, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    answered = np.ones(n, dtype=bool)
    answered[rng.permutation(n)[:failed]] = False
    failed_after = rng.choice([0.002, 0.2, 10.0], size=n)  # refused at once, cut off, timed out
    seconds = np.where(answered, rng.lognormal(-3, 1, size=n), failed_after)
    return {"seconds": seconds, "answered": answered, "percent": percent}


declaration = Declaration(
    percentile,
    question="Of 20 requests, 19 took a millisecond and one was refused at once. What is the p95? And the p99?",
    nudge="Give the failed ones the time that they deserve, with `np.where`; sort; then ask how many of n make percent "
    "% of them, rounded up, and where the last of those stands.",
    probes=[
        Probe("seven requests", lambda: _waits(7, 1, 50, seed=1)),
        Probe("forty, p95", lambda: _waits(40, 1, 95, seed=2)),
        Probe("forty, p95, three failed", lambda: _waits(40, 3, 95, seed=3)),
        Probe("the slowest of thirty", lambda: _waits(30, 0, 100, seed=4)),
        Probe("three, p1", lambda: _waits(3, 0, 1, seed=5)),
        Probe("113, p90, five failed", lambda: _waits(113, 5, 90, seed=6)),
        Probe("a hundred thousand, p99", lambda: _waits(100_000, 900, 99, seed=7), times=20),
    ],
)


@declaration.misconception
def failures_left_out(seconds, answered, percent):
    """You look at the answered ones only. A service that refuses every second request has a splendid p95 with you: it
    is the percentile of those who were lucky.
    """
    return percentile(seconds[answered], answered[answered], percent)


@declaration.misconception
def failures_count_as_they_are(seconds, answered, percent):
    """A request that failed after a millisecond is a fast one with you. Nothing is as fast as an error."""
    return percentile(seconds, np.ones(len(seconds), dtype=bool), percent)


@declaration.misconception
def failures_take_no_time(seconds, answered, percent):
    """You set the times of failed requests to 0, which makes them the best of all. They are the worst."""
    return percentile(np.where(answered, seconds, 0.0), np.ones(len(seconds), dtype=bool), percent)


@declaration.misconception
def interpolated(seconds, answered, percent):
    """You take a value between two measured ones. Nobody ever waited that long; and with an infinite one beside it, it
    is infinite, too, or NaN. Return one of the times.
    """
    with np.errstate(invalid="ignore"):
        return float(np.percentile(np.where(answered, seconds, np.inf), percent))


@declaration.misconception
def rank_rounded_down(seconds, answered, percent):
    """You round the rank down: fewer than percent % are within the time that you return."""
    counted = np.sort(np.where(answered, seconds, np.inf))
    return float(counted[max(percent * len(counted) // 100, 1) - 1])


@declaration.misconception
def one_place_too_far(seconds, answered, percent):
    """You are one place too far: the rank-th of n stands at rank - 1 in Python. For the last one you fell off the
    end.
    """
    counted = np.sort(np.where(answered, seconds, np.inf))
    return float(counted[min(math.ceil(percent * len(counted) / 100), len(counted) - 1)])


@declaration.misconception
def always_95(seconds, answered, percent):
    """You return the 95th percentile, whatever was asked for."""
    return percentile(seconds, answered, 95)


@declaration.misconception
def the_mean(seconds, answered, percent):
    """You return a mean. Nineteen requests of a millisecond and one of a minute have a mean of three seconds, which
    nobody waited.
    """
    return float(np.mean(np.where(answered, seconds, np.inf)))


@declaration.misconception
def not_sorted(seconds, answered, percent):
    """You take the request at that place in the order in which they came. Sort them first."""
    counted = np.where(answered, seconds, np.inf)
    return float(counted[math.ceil(percent * len(counted) / 100) - 1])


@declaration.misconception
def from_the_wrong_end(seconds, answered, percent):
    """You count from the slowest. Within the p95, 95 in 100 are done, not 5."""
    counted = -np.sort(-np.where(answered, seconds, np.inf))
    return float(counted[math.ceil(percent * len(counted) / 100) - 1])


@declaration.misconception
def percent_taken_for_share(seconds, answered, percent):
    """Your percent goes from 0 to 1; here it is 95 and not 0.95."""
    counted = np.sort(np.where(answered, seconds, np.inf))
    return float(counted[min(math.ceil(percent * len(counted)), len(counted)) - 1])
