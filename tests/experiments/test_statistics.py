import numpy as np
import pytest

from ultralearn.experiments.statistics import bootstrap_interval, interquartile_mean, mean_interval


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([3.0], 3.0), ([1, 2, 3, 100], 2.5), ([1, 2, 3, 4, 5], 3.0), ([0, 10], 5.0), ([5, 1, 3, 2, 4, 0, 7, 6], 3.5)],
)
def test_interquartile_mean_of_hand_computed_cases(scores, expected):
    assert interquartile_mean(scores) == pytest.approx(expected)


def test_interquartile_mean_weighs_the_edges():
    # Of five, the middle 2.5 count: 0.75 of the second, the third, 0.75 of the fourth.
    assert interquartile_mean([0, 1, 10, 20, 1000]) == pytest.approx((0.75 * 1 + 10 + 0.75 * 20) / 2.5)


def test_bootstrap_interval_covers_and_narrows():
    few = bootstrap_interval(np.random.default_rng(0).normal(size=8))
    many = bootstrap_interval(np.random.default_rng(0).normal(size=200))
    assert few[0] < 0 < few[1]
    assert many[1] - many[0] < (few[1] - few[0]) / 2
    assert bootstrap_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    assert bootstrap_interval([1, 2, 3], seed=1) == bootstrap_interval([1, 2, 3], seed=1)


def test_one_score_is_its_own_interval():
    assert bootstrap_interval([2.5]) == mean_interval([2.5]) == (2.5, 2.5)


def test_the_interval_of_a_mean_of_differences():
    rng = np.random.default_rng(0)
    assert mean_interval(rng.normal(0.0, 0.3, 300))[0] < 0  # by luck is no gain
    low, high = mean_interval(rng.normal(0.1, 0.3, 300))
    assert 0 < low < 0.1 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.3 / 300**0.5, rel=0.15)


@pytest.mark.parametrize("summary", [interquartile_mean, bootstrap_interval, mean_interval])
def test_no_scores_are_an_error(summary):
    with pytest.raises(ValueError, match="got no scores"):
        summary([])
