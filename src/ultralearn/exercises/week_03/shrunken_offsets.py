"""Week 3: `shrunken_offsets`."""

from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe


def shrunken_offsets(residuals: np.ndarray, groups: np.ndarray, n_groups: int, reg: float) -> np.ndarray:
    """The mean of each group, pulled toward zero as if `reg` further
    members of the group had had the value 0.

    residuals: (n,), what is left to explain, in stars. groups: (n,),
    integers from 0 to n_groups - 1: who or what each belongs to. reg:
    positive, in members. Returns (n_groups,): sum of the group / (its
    size + reg); 0 for an empty one.
    """
    totals, counts = np.zeros(n_groups), np.zeros(n_groups)
    np.add.at(totals, groups, residuals)
    np.add.at(counts, groups, 1)
    return totals / (counts + reg)


_offsets = shrunken_offsets  # the name itself is bound to whatever is being checked


def _grouped(n: int, n_groups: int, reg: float, seed: int) -> dict[str, Any]:
    """Residuals in groups of which the last and one in the middle are empty."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups - 1, n)
    groups[groups == n_groups // 2] = 0
    return {"residuals": rng.normal(size=n), "groups": groups, "n_groups": n_groups, "reg": reg}


declaration = Declaration(
    shrunken_offsets,
    question="One person gave a film five stars. Five hundred people gave another film 4.6 on average. Which is "
    "better, and how would you say so in one formula?",
    nudge="You need two things for each group, its sum and its size, without a loop. Then ask where `reg` "
    "members with the value 0 change the mean.",
    probes=[
        Probe(
            "three ratings in two groups",
            lambda: {"residuals": np.array([1.0, 0.5, -1.0]), "groups": np.array([0, 0, 1]), "n_groups": 2, "reg": 1.0},
        ),
        Probe("20 ratings, empty groups", lambda: _grouped(20, 7, 2.5, 1)),
        Probe("50 ratings, 60 groups", lambda: _grouped(50, 60, 0.5, 2)),
        Probe(
            "residuals of 0, nobody in group 0",
            lambda: {
                "residuals": np.array([1.0, 1.0, 0.0, -1.0, 0.5]),
                "groups": np.array([2, 2, 2, 3, 1]),
                "n_groups": 5,
                "reg": 2.0,
            },
        ),
        Probe("80,000 ratings of 943 people", lambda: _grouped(80_000, 943, 5.0, 3), times=30),
    ],
)


@declaration.misconception
def plain_means(residuals, groups, n_groups, reg):
    """You return the plain mean and leave reg out. A film with one rating of five stars would be the best film
    of all time. What does one rating weigh against `reg` imaginary ones of value 0?
    """
    totals = np.bincount(groups, weights=residuals, minlength=n_groups)
    return totals / np.maximum(np.bincount(groups, minlength=n_groups), 1)


@declaration.misconception
def last_one_wins(residuals, groups, n_groups, reg):
    """`totals[groups] += residuals` does not add up: where a group occurs twice in `groups`, NumPy reads both,
    adds to both and writes both back to the same place, so only the last one counts. Look for a function that
    accumulates.
    """
    totals, counts = np.zeros(n_groups), np.zeros(n_groups)
    totals[groups] += residuals
    counts[groups] += 1
    return totals / (counts + reg)


@declaration.misconception
def every_group_shrunk_alike(residuals, groups, n_groups, reg):
    """You divide every group's mean by 1 + reg, so a film with 500 ratings shrinks as much as a film with one.
    The imaginary members come to the count, before the division.
    """
    totals = np.bincount(groups, weights=residuals, minlength=n_groups)
    return totals / np.maximum(np.bincount(groups, minlength=n_groups), 1) / (1 + reg)


@declaration.misconception
def only_groups_up_to_the_largest(residuals, groups, n_groups, reg):
    """Your result ends at the largest group that occurs. Groups after it are missing, and the offsets of the
    training set will not fit the people of the test set. n_groups says how long the result has to be.
    """
    return np.bincount(groups, weights=residuals) / (np.bincount(groups) + reg)


@declaration.misconception
def one_value_a_row(residuals, groups, n_groups, reg):
    """You return one value for each rating, the offset of its group. Asked for is one value for each group; the
    caller looks it up with `offsets[groups]`.
    """
    return _offsets(residuals, groups, n_groups, reg)[groups]


@declaration.misconception
def shrunk_by_the_whole_count(residuals, groups, n_groups, reg):
    """You divide each group's sum by the number of all ratings. Each group has a count of its own: how many of
    `groups` are equal to it.
    """
    return np.bincount(groups, weights=residuals, minlength=n_groups) / (len(residuals) + reg)


@declaration.misconception
def zeros_not_counted(residuals, groups, n_groups, reg):
    """You do not count members whose residual is 0. They are members all the same: someone who rates exactly as
    expected is a reason to believe that the offset is small.
    """
    counts = np.bincount(groups, weights=residuals != 0, minlength=n_groups)
    return np.bincount(groups, weights=residuals, minlength=n_groups) / (counts + reg)
