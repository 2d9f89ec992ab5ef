"""A pytest plugin: where ULTRALEARN_NO_SKIPS is set, a skipped test is a failed one.

One exception: what a machine cannot run because it has no container engine, and only where `.ci/docker` tried to start
one and said why not. What did not run is said in the closing lines and kept in _build/not_run, for `make test` to say.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

NOT_HERE = ("no Docker engine: ", "not on this machine: ")
NOT_RUN = "_build/not_run"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test was skipped, without pytest's own word in front."""
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return why.removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if os.environ.get("ULTRALEARN_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        excused = os.environ.get("ULTRALEARN_NO_ENGINE") and _reason(report).startswith(NOT_HERE)
        if not excused:
            report.outcome = "failed"
            report.longrepr = f"skipped where nothing may be skipped (ULTRALEARN_NO_SKIPS): {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if _reason(report).startswith(NOT_HERE)]
    if not skipped:
        return
    reasons = Counter((report.nodeid.split("::")[0], _reason(report)) for report in skipped)
    lines = [f"NOT RUN: {path} ({count}): {reason}" for (path, reason), count in sorted(reasons.items())]
    kept = terminalreporter.config.rootpath / NOT_RUN
    kept.parent.mkdir(exist_ok=True)
    with kept.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)
    terminalreporter.section("not run on this machine", yellow=True)
    for line in lines:
        terminalreporter.write_line(line)
