"""With the internet at hand: the two sources of the ratings are one data set. `make data-check` runs it, weekly."""

import numpy as np
import pytest

from ultralearn.recsys import data


@pytest.mark.internet
def test_grouplens_and_the_fallback_hold_the_same_rows():
    grouplens, _ = data._from_grouplens()
    fallback, _ = data._from_wheel()
    assert np.array_equal(grouplens, fallback)
