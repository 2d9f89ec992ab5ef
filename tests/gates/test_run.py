"""Checks that break, hang, lie or end the process: none of them counts as success."""

import asyncio
import sys

import pytest

from ultralearn.gates.report import Finding, failed, not_checked, verdict, verified
from ultralearn.gates.run import Check, run_checks


def check(name, run, **parts):
    return Check(name, f"{name} holds", run, **parts)


async def holds():
    return verified("seen")


async def hangs():
    await asyncio.sleep(3600)
    return verified("never")


async def swallows_its_end():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return verified("too late")


def raising(error):
    async def run():
        raise error

    return run


def returning(value):
    async def run():
        return value

    return run


def run(*checks, seconds=10.0):
    return asyncio.run(run_checks(checks, seconds))


@pytest.mark.parametrize(
    "broken",
    [
        raising(RuntimeError("oops")),
        raising(SystemExit(0)),
        raising(GeneratorExit()),
        raising(TimeoutError()),
        raising(MemoryError()),
        returning(None),
        returning(True),
        returning("verified"),
        returning(Finding("passed", "seen")),
        lambda: sys.exit(0),
        lambda: verified("not awaited"),
    ],
)
def test_a_check_that_breaks_has_failed_and_the_next_one_runs(broken):
    lines = run(check("a", holds), check("broken", broken), check("c", holds))
    assert [line.finding.status for line in lines] == ["verified", "failed", "verified"]
    assert "mistake in the gate" in lines[1].finding.todo
    assert verdict(["a", "broken", "c"], lines) == "failed"


@pytest.mark.parametrize("slow", [hangs, swallows_its_end])
def test_time_is_bounded(slow):
    lines = run(check("a", holds), check("slow", slow), check("c", holds), check("d", holds), seconds=1)
    assert [line.finding.status for line in lines] == ["verified", "failed", "not checked", "not checked"]
    assert "cut off" in lines[1].finding.seen
    assert "used up" in lines[2].finding.seen


@pytest.mark.parametrize("first", [failed("no", "mend"), not_checked("why")])
def test_what_needs_a_check_that_does_not_hold_is_not_checked(first):
    ran = []

    async def note():
        ran.append(1)
        return verified("seen")

    lines = run(check("a", returning(first)), check("b", note, needs=("a",)), check("c", note, needs=("b", "missing")))
    assert [line.finding.status for line in lines][1:] == ["not checked", "not checked"]
    assert lines[1].finding.seen.endswith(": a")
    assert lines[2].finding.seen.endswith(": b, missing")
    assert not ran


def test_an_interrupt_gets_through():
    with pytest.raises(KeyboardInterrupt):
        run(check("a", raising(KeyboardInterrupt())))


def test_each_check_is_announced_before_it_runs():
    said = []
    asyncio.run(
        run_checks([check("a", holds), check("b", holds, needs=("x",))], 5, lambda each: said.append(each.name))
    )
    assert said == ["a"]
