"""The command `ultralearn`: gates, and what your log says."""

import asyncio
import contextlib
import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

# What takes seconds to import (torch, by way of practice) is imported by the command that needs it: --help is quick.
from ultralearn.gates.address import BadAddress, base_url
from ultralearn.gates.report import Report

if TYPE_CHECKING:
    from ultralearn.recsys.data import Ratings

PASSED, FAILED, USAGE, READY = 0, 1, 2, 3
EXIT_CODES = {"passed": PASSED, "ready, not deployed": READY, "failed": FAILED}
WEEKS = {3: range(3, 7)}  # what a gate closes

app = typer.Typer(
    name="ultralearn",
    help="The Ultralearning Plan for ML Engineers: gates for your own work, and a look at your log.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _keep_subcommands() -> None:
    """The Ultralearning Plan for ML Engineers: gates for your own work, and a look at your log."""


@app.command(
    epilog="Exit codes: 0 passed, 1 failed, 2 a mistake in the command, 3 ready but not deployed. "
    "Example: ultralearn gate 3 --url http://127.0.0.1:8000"
)
def gate(
    month: Annotated[int, typer.Argument(help="The gate's month; 3 is written so far.", show_default=False)],
    url: Annotated[str, typer.Option(help="Where your service answers, such as https://films.example.com")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON and nothing else.")] = False,
    seed: Annotated[
        int | None, typer.Option(help="Ask the same again as the report with this seed.", min=0, show_default=False)
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(help="Send this with each request, as 'X-API-Key: secret'; not in the report. Can be repeated."),
    ] = None,
) -> None:
    """Test your own work at the end of a quarter: month 3 looks at your recommender's API.

    It takes about a minute and about 600 requests. The report is kept beside your log.
    """
    from ultralearn.gates.from_memory import measure
    from ultralearn.plan.year import load_plan
    from ultralearn.practice import progress
    from ultralearn.recsys.data import DataUnavailable
    from ultralearn.recsys.gate import run_gate

    months = [entry.month for entry in load_plan().gates]
    if month not in months:
        raise typer.BadParameter(f"there are gates at months {', '.join(map(str, months))}, not {month}")
    if month not in WEEKS:
        raise typer.BadParameter(f"the gate of month {month} is not written yet; {', '.join(map(str, WEEKS))} is")
    try:
        address = base_url(url)
    except BadAddress as error:
        raise typer.BadParameter(str(error)) from error
    headers = dict(_header(text) for text in header or [])
    folder = _writable(progress.home() / "gates")

    errors = Console(stderr=True)
    try:
        ratings = _ratings()
    except DataUnavailable as error:
        errors.print(f"The gate needs the ratings to ask with, and nothing was checked.\n{error}", markup=False)
        raise typer.Exit(FAILED) from error
    weeks = WEEKS[month]
    measured = [measure("from memory", progress.events(), weeks)]
    with errors.status("Asking ...") as status:
        report = asyncio.run(
            run_gate(
                address,
                ratings,
                headers,
                seed,
                measured=measured,
                announce=lambda check: status.update(f"{check.name}: {check.claim[0].lower()}{check.claim[1:]} ..."),
            )
        )
    raise typer.Exit(_show_and_keep(report, folder, as_json))


@app.command(name="progress")
def show_progress(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON and nothing else.")] = False,
) -> None:
    """Show what your log says: exercises, hints, from-memory sessions and gates."""
    from ultralearn.practice import drill, progress

    # Any: a log is a file, and has what is in it.
    tried: dict[Any, set[Any]] = defaultdict(set)
    right: dict[Any, set[Any]] = defaultdict(set)
    hints: dict[Any, int] = defaultdict(int)
    gates = []
    for event in progress.events():
        week, name = event.get("week"), event.get("exercise")
        if event["event"] == "attempt":
            tried[week].add(name)
            if event.get("verdict") == "right":
                right[week].add(name)
        elif event["event"] == "hint":
            hints[week] += 1
        elif event["event"] == "gate":
            gates.append({key: event.get(key) for key in ("time", "month", "subject", "verdict")})
    sessions: dict[int | None, list[float]] = defaultdict(list)
    for session in drill.sessions():
        if session.minutes is not None:
            sessions[session.week].append(session.minutes)
    weeks: list[dict[str, Any]] = [
        {
            "week": week,
            "tried": len(tried[week]),
            "right": len(right[week]),
            "hints": hints[week],
            "from_memory_minutes": [round(minutes, 1) for minutes in sessions[week]],
        }
        for week in sorted(set(tried) | set(hints) | {week for week in sessions if week is not None})
    ]
    if as_json:
        print(json.dumps({"log": str(progress.log_path()), "weeks": weeks, "gates": gates}, indent=2))
        return
    console = Console()
    if not weeks and not gates:
        console.print(f"Nothing yet. Your log will be {progress.log_path()}: exercises write into it.", markup=False)
        return
    rows = Table("Week", "Tried", "Right", "Hints", "From memory, min", box=box.SIMPLE_HEAD, show_edge=False)
    for entry in weeks:
        minutes = ", ".join(f"{value:g}" for value in entry["from_memory_minutes"]) or "-"
        rows.add_row(*(str(entry[key]) for key in ("week", "tried", "right", "hints")), minutes)
    console.print(rows)
    for entry in gates:
        console.print(
            f"Gate {entry['month']}, {entry['time'][:10]}: {entry['verdict']} ({entry['subject']})", markup=False
        )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not (text.isascii() and text.isprintable()):
        raise typer.BadParameter(f"--header needs a name and a value, as 'X-API-Key: secret', not {name!r}")
    return name.strip(), value.strip()


def _writable(folder: Path) -> Path:
    """The folder, made if need be. A gate whose report could not be kept does not begin."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise typer.BadParameter(
            f"the report could not be kept in {folder} ({error.strerror}); set ULTRALEARN_HOME to a folder of yours"
        ) from error
    return folder


def _ratings() -> "Ratings":
    """MovieLens 100K; what loading says of its source goes to stderr, for stdout is the report's."""
    from ultralearn.recsys.data import load_movielens

    with contextlib.redirect_stdout(sys.stderr):
        return load_movielens()


def _show_and_keep(report: Report, folder: Path, as_json: bool) -> int:
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


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
