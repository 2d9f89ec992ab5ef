"""A skipped test is a failed one where nothing may be skipped, and what did not run is never called passed."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[1]

SKIPPING = """
import pytest

def test_that_runs():
    pass

@pytest.mark.skip(reason="too slow")
def test_lazy():
    pass

def test_image():
    pytest.skip("no Docker engine: none was started")
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """A run of the tests above, with the plugin, under these environment variables."""

    def run(**environment):
        for name in ("ULTRALEARN_NO_SKIPS", "ULTRALEARN_NO_ENGINE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        pytester.makepyfile(SKIPPING)
        result = pytester.runpytest_subprocess("-p", "tests.no_skips")
        kept = pytester.path / "_build/not_run"
        return result, kept.read_text() if kept.exists() else ""

    return run


def test_a_reader_may_skip_and_is_told_what_did_not_run(run):
    result, kept = run()
    result.assert_outcomes(passed=1, skipped=2)
    assert kept.splitlines() == [
        "NOT RUN: test_a_reader_may_skip_and_is_told_what_did_not_run.py (1): no Docker engine: none was started"
    ]
    result.stdout.fnmatch_lines(["*not run on this machine*", "NOT RUN: *.py (1): *"])


def test_nothing_may_be_skipped_where_an_engine_could_be_started(run):
    result, kept = run(ULTRALEARN_NO_SKIPS="1")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    assert kept == ""


def test_where_none_could_be_started_only_what_needs_it_is_excused(run):
    result, kept = run(ULTRALEARN_NO_SKIPS="1", ULTRALEARN_NO_ENGINE="starting one needs root")
    result.assert_outcomes(passed=1, skipped=1, errors=1)
    result.stdout.fnmatch_lines(["*skipped where nothing may be skipped*too slow*"])
    assert kept.startswith("NOT RUN: ")
