"""Drills: exercises written from memory, against the clock, and what the log knows of them."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ultralearn.practice import progress
from ultralearn.practice.session import headless, show


@dataclass
class Session:
    """One from-memory session: what was to be written, and how it went."""

    exercises: list[str]
    started: datetime
    week: int | None = None
    minutes: float | None = None  # from the start to the last exercise that turned right; None while open
    tries: int = 0
    hints: int = 0
    right: set[str] = field(default_factory=set)

    @property
    def finished(self) -> bool:
        """Whether every exercise of the session was right in the end."""
        return self.right >= set(self.exercises)


def start(*exercises: str, week: int | None = None) -> None:
    """Start the clock of a session on these exercises; it stops when all of them are right."""
    if not exercises:
        raise ValueError(
            'drill.start: got no exercise, expected at least one name, as in drill.start("reinforce_step")'
        )
    progress.record("drill", week=week, exercises=list(exercises))
    names = ", ".join(exercises)
    text = (
        f"From memory: {names}. A headless run starts no clock."
        if headless()
        else f"The clock runs. From memory: {names}."
    )
    show({"text/plain": text})


def sessions(path: Path | str | None = None) -> list[Session]:
    """The sessions of a log, oldest first (the learner's own by default). A new start ends the session before it."""
    found: list[Session] = []
    for event in progress.events(Path(path) if path else None):
        if event["event"] == "drill":
            found.append(
                Session(
                    exercises=list(event.get("exercises", [])),
                    started=datetime.fromisoformat(event["time"]),
                    week=event.get("week"),
                )
            )
        elif found and not found[-1].finished:
            _advance(found[-1], event)
    return found


def _advance(session: Session, event: progress.Event) -> None:
    same_week = session.week is None or session.week == event.get("week")
    if event.get("exercise") not in session.exercises or not same_week:
        return
    if event["event"] == "hint":
        session.hints += 1
    elif event["event"] == "attempt" and event.get("verdict") != "not attempted":
        session.tries += 1
        if event.get("verdict") == "right":
            session.right.add(event["exercise"])
            if session.finished:
                session.minutes = (datetime.fromisoformat(event["time"]) - session.started).total_seconds() / 60
