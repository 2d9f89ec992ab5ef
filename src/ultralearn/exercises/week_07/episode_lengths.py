"""Week 7: `episode_lengths`."""

import numpy as np

from ultralearn.practice import Declaration, Probe


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


def _flags(lengths: list[int], limit: int, unfinished: int = 0) -> dict[str, np.ndarray]:
    """What `step` returns over episodes of these lengths: those as long as `limit` are truncated."""
    steps = sum(lengths) + unfinished
    terminated, truncated = np.zeros(steps, dtype=bool), np.zeros(steps, dtype=bool)
    for end, length in zip(np.cumsum(lengths) - 1, lengths, strict=True):
        (truncated if length == limit else terminated)[end] = True
    return {"terminated": terminated, "truncated": truncated}


def random_lengths(count: int, limit: int, seed: int) -> list[int]:
    """Random episode lengths of which about a third reach the limit."""
    drawn = np.random.default_rng(seed).integers(1, limit * 3 // 2, size=count)
    return np.minimum(drawn, limit).tolist()


def _fell_at_the_limit() -> dict[str, np.ndarray]:
    flags = _flags([2, 4, 3], limit=4, unfinished=1)
    flags["terminated"][5] = True  # the pole falls in the very step in which the time is up
    return flags


declaration = Declaration(
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
        Probe("twelve episodes, seed 1", lambda: _flags(random_lengths(12, 20, 1), 20, 1)),
        Probe("twelve episodes, seed 2", lambda: _flags(random_lengths(12, 20, 2), 20, 2)),
        Probe("2,000 episodes of CartPole", lambda: _flags(random_lengths(2000, 500, 3), 500, 7), times=80),
    ],
)


@declaration.misconception
def terminated_only(terminated, truncated):
    """You look at `terminated` alone. An episode that the time limit stops is over too: `truncated` says so, and
    after it comes a reset. Your long episodes have swallowed their successors.
    """
    return np.diff(np.flatnonzero(terminated), prepend=-1)


@declaration.misconception
def truncated_only(terminated, truncated):
    """You look at `truncated` alone: that is the time limit. What of the pole that fell?"""
    return np.diff(np.flatnonzero(truncated), prepend=-1)


@declaration.misconception
def both_at_once(terminated, truncated):
    """You ask for both flags at the same step. That happens only if the pole falls exactly at the time limit; one
    of the two is enough to end an episode.
    """
    return np.diff(np.flatnonzero(terminated & truncated), prepend=-1)


@declaration.misconception
def first_is_one_short(terminated, truncated):
    """Your first episode is one step too short; the others are right. An end at index 4 is the fifth step. Where
    did the episode before the first one end, so to speak?
    """
    return np.diff(np.flatnonzero(terminated | truncated), prepend=0)


@declaration.misconception
def first_is_missing(terminated, truncated):
    """The first episode is missing: you have the distances between ends, and there is one distance fewer than
    there are ends.
    """
    return np.diff(np.flatnonzero(terminated | truncated))


@declaration.misconception
def unfinished_counts(terminated, truncated):
    """You count the steps after the last end as an episode. It is not over: its length is not known yet, and
    counting it makes your agent look worse than it is.
    """
    ends = np.flatnonzero(terminated | truncated)
    if len(ends) == 0 or ends[-1] != len(terminated) - 1:
        ends = np.append(ends, len(terminated) - 1)
    return np.diff(ends, prepend=-1)


@declaration.misconception
def where_they_end(terminated, truncated):
    """These are the indices of the steps that ended an episode, not lengths. How far is each from the one before?"""
    return np.flatnonzero(terminated | truncated)
