"""plan.toml as typed, checked objects."""

import math
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ultralearn import UltralearnError

PLAN = Path(__file__).with_name("plan.toml")
WEEKS = 52
MONTHS = 12


class PlanError(UltralearnError, ValueError):
    """plan.toml says something that the book cannot show."""


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of every week: its hours of study and what they are for."""

    name: str
    hours: int
    use: str


@dataclass(frozen=True, slots=True)
class Project:
    """What a run of weeks is about, and what it leaves behind."""

    id: str
    name: str
    goal: str


@dataclass(frozen=True, slots=True)
class Gate:
    """A test of the learner's own work at the end of a month, and the week that it closes."""

    month: int
    week: int
    proof: str


@dataclass(frozen=True, slots=True)
class Week:
    """One of the 52: its subject, what exists by Sunday, its project and the principle in focus."""

    number: int
    title: str
    build: str
    project: str
    principle: str

    @property
    def month(self) -> int:
        """Month of the plan, 1 to 12, in which this week ends."""
        return math.ceil(self.number * MONTHS / WEEKS)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole year."""

    principles: tuple[str, ...]
    weekdays: tuple[Weekday, ...]
    projects: tuple[Project, ...]
    gates: tuple[Gate, ...]
    weeks: tuple[Week, ...]
    job_search_from: int

    @property
    def hours(self) -> int:
        """Hours of study a week."""
        return sum(day.hours for day in self.weekdays)

    def week(self, number: int) -> Week:
        """The week of that number, 1 to 52. Raises PlanError for any other."""
        if not 1 <= number <= len(self.weeks):
            raise PlanError(f"There is no week {number}: the plan has weeks 1 to {len(self.weeks)}.")
        return self.weeks[number - 1]

    def project(self, id: str) -> Project:
        """The project with that id. Raises PlanError where none has it."""
        for project in self.projects:
            if project.id == id:
                return project
        known = ", ".join(project.id for project in self.projects)
        raise PlanError(f"There is no project {id!r}: plan.toml has {known}.")

    def gate(self, week: int) -> Gate | None:
        """The gate at the end of that week, if there is one."""
        return next((gate for gate in self.gates if gate.week == week), None)


Entry = TypeVar("Entry", Weekday, Project, Gate, Week)


def load_plan(path: Path = PLAN) -> Plan:
    """Read the year from a TOML file.

    Raises PlanError with the file, the entry and what to change: unknown or missing keys, weeks that are not
    1 to 52 in order, a project or principle that is not declared, a gate whose week is not the last of its month.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{path.name} is not valid TOML: {error}.") from error
    try:
        plan = Plan(
            principles=tuple(data["principles"]),
            weekdays=_entries(Weekday, data, "weekdays", path),
            projects=_entries(Project, data, "projects", path),
            gates=_entries(Gate, data, "gates", path),
            weeks=_entries(Week, data, "weeks", path),
            job_search_from=data["job_search_from"],
        )
    except KeyError as error:
        raise PlanError(f"{path.name} has no {error.args[0]!r}: add it at the top level.") from error
    _check(plan, path)
    return plan


def _entries(kind: type[Entry], data: dict[str, Any], key: str, path: Path) -> tuple[Entry, ...]:
    entries = []
    expected = [field.name for field in fields(kind)]
    for position, given in enumerate(data[key], start=1):
        wrong = sorted(set(given) ^ set(expected))
        if wrong:
            state = "unknown" if wrong[0] in given else "missing"
            raise PlanError(
                f"{path.name}, entry {position} of [[{key}]]: {wrong[0]!r} is {state}; "
                f"an entry has {', '.join(expected)}."
            )
        entries.append(kind(**given))
    return tuple(entries)


def _check(plan: Plan, path: Path) -> None:
    numbers = [week.number for week in plan.weeks]
    if numbers != list(range(1, WEEKS + 1)):
        raise PlanError(f"{path.name}: weeks must be 1 to {WEEKS}, once each and in order; they are {numbers}.")
    if len(plan.weekdays) != 7:
        raise PlanError(f"{path.name}: a week has 7 weekdays; [[weekdays]] has {len(plan.weekdays)}.")
    projects = [project.id for project in plan.projects]
    for week in plan.weeks:
        if week.project not in projects:
            raise PlanError(
                f"{path.name}, week {week.number}: project {week.project!r} is none of {', '.join(projects)}."
            )
        if week.principle not in plan.principles:
            raise PlanError(
                f"{path.name}, week {week.number}: principle {week.principle!r} is none of "
                f"{', '.join(plan.principles)}."
            )
    for gate in plan.gates:
        if gate.week != gate.month * WEEKS // MONTHS:
            raise PlanError(
                f"{path.name}, gate of month {gate.month}: it closes the month, so its week is "
                f"{gate.month * WEEKS // MONTHS}; it says {gate.week}."
            )
