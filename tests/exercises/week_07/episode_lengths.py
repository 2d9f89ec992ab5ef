import numpy as np


def lengths_by_counting(terminated, truncated):
    lengths, count = [], 0
    for fell, out_of_time in zip(terminated.tolist(), truncated.tolist(), strict=True):
        count += 1
        if fell or out_of_time:
            lengths.append(count)
            count = 0
    return np.array(lengths, dtype=np.int64)


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


SECOND = lengths_by_counting
VARIANTS = {
    "terminated_only": counts_falls_only,
    "unfinished_counts": counts_the_rest_too,
    "where_they_end": indices_of_ends,
    "first_is_missing": differences_of_ends,
}
EQUIVALENT: dict[str, str] = {}
