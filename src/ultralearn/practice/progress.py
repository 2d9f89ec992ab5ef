"""The learner's log, `progress.jsonl`: one line an event, appended and never rewritten."""

import json
import os
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from ultralearn.practice.session import headless

Event = dict[str, Any]


def home() -> Path:
    """The folder of the learner's data: `ULTRALEARN_HOME`, else the usual place of the user's data."""
    return Path(os.environ.get("ULTRALEARN_HOME") or platformdirs.user_data_dir("ultralearn", appauthor=False))


def log_path() -> Path:
    """Where the learner's log lies."""
    return home() / "progress.jsonl"


def record(event: str, **details: Any) -> None:
    """Append one event with the time (UTC). A headless run records nothing; a log that cannot be written warns."""
    if headless():
        return
    line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details})
    try:
        _append(log_path(), line)
    except OSError as error:
        warnings.warn(
            f"Your progress was not logged: {log_path()} cannot be written ({error.strerror}). "
            "Set ULTRALEARN_HOME to a folder of yours that can.",
            stacklevel=2,
        )


def _append(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as log:
        _lock(log.fileno())  # freed when the file is closed
        # A line torn by a power cut has no end: begin on a fresh one, so that the damage stays with it.
        size = log.seek(0, os.SEEK_END)
        torn = False
        if size:
            log.seek(size - 1)
            torn = log.read(1) != b"\n"
        log.write((b"\n" if torn else b"") + line.encode() + b"\n")


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: no advisory lock; a single append is as good as it gets there
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def events(path: Path | None = None) -> list[Event]:
    """All events of a log, oldest first (the learner's own by default). Damaged lines are reported and skipped."""
    path = path or log_path()
    if not path.exists():
        return []
    found: list[Event] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            datetime.fromisoformat(event["time"])
            event["event"]
        except (ValueError, KeyError, TypeError):
            warnings.warn(
                f"{path}, line {number} is damaged and was skipped; it stays in the file: {line[:60]!r}",
                stacklevel=2,
            )
            continue
        found.append(event)
    return found
