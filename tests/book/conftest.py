"""The built site, which the tests of this folder look at: ULTRALEARN_SITE, or where `make book` puts it."""

import os
from pathlib import Path

import pytest

from tests.book.checker import Page

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site():
    path = Path(os.environ.get("ULTRALEARN_SITE", ROOT / "_build/book/_build/html"))
    if not (path / "index.html").exists():
        pytest.fail(f"There is no built site in {path}: run `make book`, or set ULTRALEARN_SITE.")
    return path


@pytest.fixture(scope="session")
def pages(site):
    files = sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)
    return [Page(path) for path in files]


@pytest.fixture(scope="session")
def weeks(site):
    """The pages of weeks, from the site's root."""
    return sorted(f"notebooks/{path.name}" for path in (site / "notebooks").glob("week_*.html"))
