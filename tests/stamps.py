"""A pytest plugin: `--stamp FILE` writes FILE when all is green, and removes it before.

In it stands what was skipped, a line a file and reason: NOT RUN where this machine cannot run it, SKIPPED otherwise.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.no_skips import NOT_HERE, reason_of


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stamp", type=Path, help="write this file when all is green")


def pytest_configure(config: pytest.Config) -> None:
    if (stamp := config.getoption("stamp")) and not hasattr(config, "workerinput"):
        stamp.unlink(missing_ok=True)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode, config: pytest.Config
) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter((report.nodeid.split("::")[0], reason_of(report)) for report in skipped)
    lines = [
        f"{'NOT RUN' if reason.startswith(NOT_HERE) else 'SKIPPED'}: {path} ({count}): {reason}"
        for (path, reason), count in sorted(reasons.items())
    ]
    if (stamp := config.getoption("stamp")) and exitstatus == pytest.ExitCode.OK:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
