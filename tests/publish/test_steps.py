"""`make test`: what is due runs, what is green is skipped, and the end says what took how long and what was not run."""

import itertools
import sys
import threading
from pathlib import Path

import pytest

from ultralearn.publish import steps

MAKE = """#!/bin/sh
for target in "$@"; do :; done
echo "$@" >> calls
case "$1" in --question) test ! -e due/$target; exit;; esac
cat said/$target 2>/dev/null
test ! -e broken/$(basename $target)
"""
JUNIT = "<testsuites><testsuite>{}</testsuite></testsuites>"
CASE = '<testcase classname="tests.a" name="test_{0}" time="{0}"/>'


@pytest.fixture
def test(tmp_path, monkeypatch, capsys):
    """Run all steps with a make that says what is in due/ is due, and fails with what is in broken/."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "make").write_text(MAKE)
    (tmp_path / "make").chmod(0o755)
    monkeypatch.setattr(sys, "argv", ["steps", "./make"])

    def run(due=(), broken=()):
        for folder, names in (("due", due), ("broken", broken)):
            Path(folder).mkdir()
            for name in names:
                Path(folder, name).touch()
        code = None
        try:
            steps.main()
        except SystemExit as stop:
            code = stop.code
        calls = [line.split() for line in Path("calls").read_text().splitlines()]
        return code, capsys.readouterr().out, [call[-1] for call in calls if call[0] == "--keep-going"]

    return run


def test_what_is_green_is_skipped_and_says_so(test):
    code, out, ran = test(due=["unit", "execute"])
    assert code is None
    assert sorted(ran) == ["execute", "unit"]
    assert "Pairs and published data in step: skipped, nothing it depends on changed" in out
    rows = {
        line.split()[0]: line.split()[-1]
        for line in out.splitlines()
        if line.split()[:1] and line.split()[0] in steps.STEPS
    }
    assert rows == dict.fromkeys(steps.STEPS, "skipped") | {"unit": "passed", "execute": "passed"}
    assert out.rstrip().endswith("All steps passed.")


def test_a_step_that_fails_ends_its_lane_and_is_named(test):
    code, out, ran = test(due=["unit", "coverage"], broken=["unit"])
    assert "unit failed: mend it, then `make unit`" in code
    assert ran == ["unit"]
    assert "unit     | FAILED in" in out
    assert "passed." not in out


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("E   no\nFAILED a::b\n" + "later\n" * 99, ["E   no", "FAILED a::b"]),
        ("early\n" + "last\n" * steps.AT_MOST, ["last"] * steps.AT_MOST),
    ],
)
def test_the_end_says_again_what_failed(test, said, shown):
    Path("said").mkdir()
    for name in ("unit", "lint"):
        Path("said", name).write_text(said)
    _, out, _ = test(due=["unit", "lint"], broken=["unit"])
    end = out[out.index("all  ") :]
    assert end.strip().splitlines()[2:] == ["What unit said of its failures", *(f"  {line}" for line in shown)]


def test_without_the_dependencies_no_step_begins(test):
    code, _, ran = test(due=["unit"], broken=[Path(steps.CLOSURE).name])
    assert "mend what is said above" in code
    assert ran == []


def test_after_a_failure_no_lane_begins_another_step(monkeypatch):
    failed = threading.Event()
    monkeypatch.setattr(steps, "run", lambda name, make: steps.Step(name, "FAILED" if name == "unit" else "passed", 0))
    assert [step.name for step in steps.run_lane(["lint", "unit", "coverage"], "make", failed)] == ["lint", "unit"]
    assert steps.run_lane(["proofs"], "make", failed) == []


def test_each_step_stands_in_one_lane():
    assert sorted(itertools.chain(*steps.LANES)) == sorted(steps.STEPS)


def test_the_end_shows_the_slowest_tests_of_this_run(test):
    Path("_build/junit").mkdir(parents=True)
    Path("_build/junit/a.xml").write_text(JUNIT.format("".join(CASE.format(n) for n in range(12))))
    assert [seconds for seconds, _ in steps.slowest(since=0)] == list(range(11, 1, -1))
    assert steps.slowest(since=Path("_build/junit/a.xml").stat().st_mtime + 1) == []


def test_what_was_not_run_is_said_each_time(test):
    Path("_build/green/unit").mkdir(parents=True)
    Path("_build/green/unit/tests.deploy").write_text("NOT RUN: a.py (3): no Docker engine\nSKIPPED: b.py (1): slow\n")
    _, out, ran = test()
    assert ran == []
    assert out.rstrip().splitlines()[-2:] == ["NOT RUN: a.py (3): no Docker engine", "All that was run passed."]
