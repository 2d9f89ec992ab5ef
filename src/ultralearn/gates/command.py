"""What the command of every month's gate does: find a place for the report before it begins, show it and keep it."""

import json
import os
import sys
from pathlib import Path

import typer
from rich.console import Console

from ultralearn.gates.report import Report

PASSED, FAILED, READY = 0, 1, 3  # 2 is a mistake in the command, which typer says
EXIT_CODES = {"passed": PASSED, "ready, not deployed": READY, "failed": FAILED}
EPILOG = "Exit codes: 0 passed, 1 failed, 2 a mistake in the command, 3 ready but not deployed."


def folder_for_reports() -> Path:
    """The folder, made if need be. A gate whose report could not be kept does not begin: raises BadParameter."""
    from ultralearn.practice import progress

    folder = progress.home() / "gates"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise typer.BadParameter(
            f"the report could not be kept in {folder} ({error.strerror}); set ULTRALEARN_HOME to a folder of yours"
        ) from error
    return folder


def parsed_header(text: str) -> tuple[str, str]:
    """The name and the value in an option like 'X-API-Key: secret'. Raises BadParameter."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not (text.isascii() and text.isprintable()):
        raise typer.BadParameter(f"--header needs a name and a value, as 'X-API-Key: secret', not {name!r}")
    return name.strip(), value.strip()


def show_and_keep(report: Report, folder: Path, as_json: bool) -> int:
    """Prints and saves the report; the exit code."""
    from ultralearn.gates.table import table
    from ultralearn.practice import progress

    code = EXIT_CODES[report.verdict]
    try:
        path = report.save(folder)
        kept = f"Report: {path}"
        progress.record("gate", month=report.month, subject=report.subject, verdict=report.verdict, report=str(path))
    except OSError as error:
        kept, code = f"The report could not be kept in {folder} ({error}), so this does not count.", FAILED
    if as_json:
        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
        print(kept, file=sys.stderr)
    else:
        console = Console()
        console.print(table(report))
        console.print(kept, markup=False, soft_wrap=True)
    return code
