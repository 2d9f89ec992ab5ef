"""A pytest plugin: where ULTRALEARN_NO_SKIPS is set, a skipped test is a failed one.

One exception: what a machine cannot run because it has no container engine, and only where `.ci/docker` tried to start
one and said why not.
"""

import os
from collections.abc import Iterator

import pytest

NOT_HERE = ("no Docker engine: ", "not on this machine: ")


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test was skipped, without pytest's own word in front."""
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return why.removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if os.environ.get("ULTRALEARN_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        excused = os.environ.get("ULTRALEARN_NO_ENGINE") and reason_of(report).startswith(NOT_HERE)
        if not excused:
            report.outcome = "failed"
            report.longrepr = f"skipped where nothing may be skipped (ULTRALEARN_NO_SKIPS): {report.longrepr}"
    return report
