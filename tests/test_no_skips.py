"""A skipped test is a failed one where nothing may be skipped; a stamp says what did not run, and is green alone."""

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
        stamp = pytester.path / "stamps/one"
        result = pytester.runpytest_subprocess("-p", "tests.no_skips", "-p", "tests.stamps", "--stamp", str(stamp))
        return result, stamp.read_text().splitlines() if stamp.exists() else None

    return run


def test_a_reader_may_skip_and_the_stamp_says_what_did_not_run(run):
    result, stamp = run()
    result.assert_outcomes(passed=1, skipped=2)
    name = "test_a_reader_may_skip_and_the_stamp_says_what_did_not_run.py"
    assert stamp == [
        f"NOT RUN: {name} (1): no Docker engine: none was started",
        f"SKIPPED: {name} (1): too slow",
    ]


def test_nothing_may_be_skipped_where_an_engine_could_be_started(run):
    result, stamp = run(ULTRALEARN_NO_SKIPS="1")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    assert stamp is None


def test_where_none_could_be_started_only_what_needs_it_is_excused(run):
    result, stamp = run(ULTRALEARN_NO_SKIPS="1", ULTRALEARN_NO_ENGINE="starting one needs root")
    result.assert_outcomes(passed=1, skipped=1, errors=1)
    result.stdout.fnmatch_lines(["*skipped where nothing may be skipped*too slow*"])
    assert stamp is None


def test_a_run_that_fails_takes_the_stamp_away(run, pytester):
    (pytester.path / "stamps").mkdir()
    (pytester.path / "stamps/one").write_text("")
    assert run(ULTRALEARN_NO_SKIPS="1")[1] is None
