import numpy as np
import pytest

from ultralearn.experiments.curves import spread


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([0.0, 10.0], [0.0, 10.0]),
        ([5.0, 5.0], [4.5, 5.5]),
        ([4.0, 5.0, 6.0, 20.0], [4.0, 5.0, 6.0, 20.0]),
        ([0.0, 0.1, 0.2, 1.4], [-0.575 - 0.5, -0.575 + 0.5, 0.425 + 0.5, 1.425 + 0.5]),
    ],
)
def test_names_that_crowd_spread_around_their_middle(heights, expected):
    assert spread(heights, 1.0) == pytest.approx(expected, abs=1.0)
    assert np.diff(spread(heights, 1.0)).min() >= 1.0 - 1e-9
