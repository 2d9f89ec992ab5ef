"""The run of this checkout makes the claims that are published; on any system and Python."""

import pytest

from ultralearn.publish import accept, notebooks

FIELDS = ("sentence", "bound", "seeds")


@pytest.mark.parametrize("script", notebooks.sources(), ids=lambda path: path.stem)
def test_executed_claims_are_the_published_ones(script):
    """The same sentences and bounds; the values may differ, within the bounds that the run itself holds."""
    fresh, stored = (
        [[claim[field] for field in FIELDS] for claim in accept.claims(notebooks.read(path))]
        for path in (notebooks.EXECUTED / f"{script.stem}.ipynb", script.with_suffix(".ipynb"))
    )
    assert fresh == stored
