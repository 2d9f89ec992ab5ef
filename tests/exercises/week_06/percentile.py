import math

import numpy as np


def counted_upward(seconds, answered, percent):
    good = sorted(seconds[answered].tolist())
    for place, value in enumerate(good, start=1):
        if 100 * place >= percent * len(seconds):
            return value
    return math.inf


def of_those_answered(seconds, answered, percent):
    good = np.sort(seconds[answered])
    return good[math.ceil(percent * len(good) / 100) - 1]


def numpy_percentile(seconds, answered, percent):
    waited = seconds.copy()
    waited[~answered] = np.inf
    with np.errstate(invalid="ignore"):
        return np.quantile(waited, percent / 100)


def floor_of_the_rank(seconds, answered, percent):
    waited = sorted(np.where(answered, seconds, np.inf))
    return waited[max(int(percent * len(waited) / 100) - 1, 0)]


SECOND = counted_upward
VARIANTS = {
    "failures_left_out": of_those_answered,
    "interpolated": numpy_percentile,
    "rank_rounded_down": floor_of_the_rank,
}
EQUIVALENT: dict[str, str] = {}
