"""Learning curves over seeds: the middle of the runs as a line, its uncertainty as a band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from ultralearn.experiments.curves import label_ends
from ultralearn.experiments.statistics import bootstrap_interval, interquartile_mean
from ultralearn.rl.episode_log import EpisodeLog

POINTS = 41


def summarize(logs: Sequence[EpisodeLog], steps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interquartile mean over runs at each of `steps`, and the ends of its 95 % bootstrap interval."""
    scores = np.stack([log.curve(steps) for log in logs])
    middle = np.array([interquartile_mean(column) for column in scores.T])
    intervals = np.array([bootstrap_interval(column, resamples=200) for column in scores.T])
    return middle, intervals[:, 0], intervals[:, 1]


def plot_learning_curves(
    axes: Axes, runs: Mapping[str, Sequence[EpisodeLog]], up_to: int | None = None, bar: float | None = None
) -> None:
    """Draw each method's runs as one line with a band, its name written at the line's end.

    `runs` maps a name to the logs of its seeds. The x axis ends at `up_to` environment steps (by default where the
    longest run stopped); `bar` draws the score that counts as solved.
    """
    if not runs:
        raise ValueError("plot_learning_curves: got no runs, expected at least one name with its logs.")
    end = up_to or max(log.steps for logs in runs.values() for log in logs)
    steps = np.linspace(0, end, POINTS)
    if bar is not None:
        axes.axhline(bar, color="0.55", linewidth=0.9, linestyle=(0, (1, 2)))
        axes.text(end * 0.012, bar, f"solved: {bar:g}", fontsize=9, va="bottom", color="0.5")
    labels = []
    for name, logs in runs.items():
        middle, low, high = summarize(logs, steps)
        (line,) = axes.plot(steps, middle)
        axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.22, linewidth=0)
        labels.append((float(middle[-1]), name, line.get_color()))
    axes.set_xlim(0, end)
    axes.margins(y=0.08)
    label_ends(axes, labels)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:g}k"))
    axes.set_xlabel("environment steps")
    axes.set_ylabel("return, last 100 episodes")
