"""A pytest plugin: where ULTRALEARN_NO_SKIPS is set, a skipped test is a failed one."""

import os
from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if os.environ.get("ULTRALEARN_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped (ULTRALEARN_NO_SKIPS): {report.longrepr}"
    return report
