"""`ultralearn progress`: what your log says."""

import json
from collections import defaultdict
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table


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
