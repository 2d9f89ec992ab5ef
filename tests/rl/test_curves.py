"""Learning curves with intervals."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ultralearn.rl import EpisodeLog, plot_learning_curves
from ultralearn.rl.curves import summarize


def log_of(score, episodes=20):
    log = EpisodeLog()
    log.add([score] * episodes, [True] * episodes)
    return log


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_the_middle_lies_within_its_interval():
    middle, low, high = summarize([log_of(s) for s in (1.0, 2.0, 3.0, 4.0)], np.array([1, 10, 20]))
    assert middle.tolist() == [2.5] * 3
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert low[0] < high[0]


def test_each_method_has_a_line_a_band_and_its_name(axes):
    plot_learning_curves(axes, {"good": [log_of(9.0), log_of(8.0)], "bad": [log_of(1.0)]}, bar=9.5)
    assert len(axes.collections) == 2
    assert [line.get_ydata()[-1] for line in axes.lines[1:]] == [8.5, 1.0]
    assert {text.get_text() for text in axes.texts} == {"solved: 9.5", "good", "bad"}
    assert axes.get_xlim() == (0, 20)
    axes.figure.canvas.draw()
    assert "k" in axes.get_xticklabels()[0].get_text()


def test_the_axis_can_end_later_than_the_runs(axes):
    plot_learning_curves(axes, {"one": [log_of(2.0)]}, up_to=100)
    assert axes.get_xlim() == (0, 100)
    assert set(axes.lines[0].get_ydata()) == {2.0}


def test_no_runs_are_refused(axes):
    with pytest.raises(ValueError, match="got no runs"):
        plot_learning_curves(axes, {})
