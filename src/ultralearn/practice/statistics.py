"""Few runs, honestly summarized: the interquartile mean and its bootstrap interval.

Source: Agarwal et al., "Deep RL at the Edge of the Statistical Precipice" (arXiv 2108.13264), section 4.
"""

from collections.abc import Sequence

import numpy as np


def interquartile_mean(scores: Sequence[float] | np.ndarray) -> float:
    """Mean of the middle half of `scores`, (n,): a quarter is cut from each end, fractions of a score by weight.

    With 4 scores it is the mean of the middle 2; with 5, scores 2 and 4 count three quarters each.
    Raises ValueError where there is no score.
    """
    ordered = np.sort(np.asarray(scores, dtype=float).ravel())
    if ordered.size == 0:
        raise ValueError("interquartile_mean: got no scores, expected at least one")
    # Score i covers [i, i + 1]; its weight is what of it lies within [n / 4, 3 n / 4].
    edges = np.arange(ordered.size + 1)
    covered = np.clip(edges, ordered.size / 4, 3 * ordered.size / 4)
    return float(np.average(ordered, weights=np.diff(covered)))


def bootstrap_interval(
    scores: Sequence[float] | np.ndarray, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval (low, high) of the interquartile mean of `scores`, (n,).

    `level` in (0, 1). One task is one stratum, so runs are resampled with replacement.
    Raises ValueError where there is no score.
    """
    values = np.asarray(scores, dtype=float).ravel()
    if values.size == 0:
        raise ValueError("bootstrap_interval: got no scores, expected at least one")
    generator = np.random.default_rng(seed)
    samples = values[generator.integers(values.size, size=(resamples, values.size))]
    means = [interquartile_mean(sample) for sample in samples]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
