"""What the learner's log says of exercises written from memory: measured, which is less than verified."""

from collections import defaultdict
from collections.abc import Iterable

from ultralearn.gates.report import Measured
from ultralearn.practice.progress import Event


def without_a_hint(events: Iterable[Event], weeks: range) -> dict[int, list[str]]:
    """By week, the exercises that were right in a from-memory session before any hint on them was seen.

    events: a log, oldest first. A hint that was asked for counts, and so does one that a wrong attempt earned.
    A new session ends the one before.
    """
    found: dict[int, set[str]] = defaultdict(set)
    week: int | None = None
    still_clean: set[str] = set()
    for event in events:
        name, own_week = event.get("exercise"), event.get("week")
        if event["event"] == "drill":
            week, still_clean = own_week, set(event.get("exercises", []))
        elif not isinstance(own_week, int) or name not in still_clean or week not in (None, own_week):
            continue
        elif event["event"] == "hint" or (event["event"] == "attempt" and event.get("hint")):
            still_clean.discard(name)
        elif event["event"] == "attempt" and event.get("verdict") == "right" and own_week in weeks:
            found[own_week].add(name)
    return {number: sorted(found[number]) for number in weeks}


def measure(claim: str, events: Iterable[Event], weeks: range) -> Measured:
    """The line for a report."""
    by_week = without_a_hint(events, weeks)
    count = sum(map(len, by_week.values()))
    listed = "; ".join(f"week {week}: {', '.join(names) or 'none yet'}" for week, names in by_week.items())
    noun = "exercise" if count == 1 else "exercises"
    return Measured(claim, f"{count} {noun} of weeks {weeks[0]} to {weeks[-1]} from memory without a hint ({listed})")
