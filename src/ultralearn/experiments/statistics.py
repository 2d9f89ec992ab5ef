"""Few runs, honestly summarized: the interquartile mean and its bootstrap interval.

Source: Agarwal et al., "Deep RL at the Edge of the Statistical Precipice" (arXiv 2108.13264), section 4.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

Scores = Sequence[float] | NDArray[np.float64]


def interquartile_mean(scores: Scores) -> float:
    """Mean of the middle half of `scores`, (n,): a quarter is cut from each end, fractions of a score by weight.

    With 4 scores it is the mean of the middle 2; with 5, scores 2 and 4 count three quarters each.
    Raises ValueError where there is no score.
    """
    return float(_interquartile_mean(_checked("interquartile_mean", scores)))


def _interquartile_mean(scores: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """The same along an axis."""
    ordered = np.sort(scores, axis=axis)
    # Score i covers [i, i + 1]; its weight is what of it lies within [n / 4, 3 n / 4].
    n = ordered.shape[axis]
    covered = np.clip(np.arange(n + 1), n / 4, 3 * n / 4)
    weights = np.diff(covered)
    return np.asarray(np.average(ordered, axis=axis, weights=weights))


def _mean(scores: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    return np.asarray(scores.mean(axis=axis))


def bootstrap_interval(
    scores: Scores, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval (low, high) of the interquartile mean of `scores`, (n,).

    `level` in (0, 1). One task is one stratum, so runs are resampled with replacement.
    Raises ValueError where there is no score.
    """
    values = _checked("bootstrap_interval", scores)
    return _percentile_interval(values, _interquartile_mean, level, resamples, seed)


def mean_interval(
    differences: Scores, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval (low, high) of the mean of paired differences, (n,). `level` in (0, 1).

    Raises ValueError where there is no difference.
    """
    return _percentile_interval(_checked("mean_interval", differences), _mean, level, resamples, seed)


def _percentile_interval(
    values: NDArray[np.float64], statistic: Callable[..., NDArray[np.float64]], level: float, resamples: int, seed: int
) -> tuple[float, float]:
    if values.size == 1:
        return float(values[0]), float(values[0])  # one value has one resample; SciPy refuses it
    found = bootstrap(
        (values,),
        statistic,
        n_resamples=resamples,
        confidence_level=level,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def _checked(name: str, scores: Scores) -> NDArray[np.float64]:
    values = np.asarray(scores, dtype=float).ravel()
    if values.size == 0:
        raise ValueError(f"{name}: got no scores, expected at least one")
    return values
