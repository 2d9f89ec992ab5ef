"""The committed results of `make bench`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = "benchmarks/results"
FORMAT = 1
CLEARLY = 1.05  # a ratio of times below this is left to chance


class Unreadable(ValueError):
    """A file is not what `make bench` writes."""


def short(value: float) -> str:
    """A number without decimals: 39k, 1M."""
    if value >= 999_500:
        return f"{value / 1_000_000:.3g}M"
    return f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.0f}"


def rounded(value: float) -> str:
    """The same with two digits: 1.7k."""
    return short(float(f"{value:.2g}"))


@dataclass(frozen=True)
class Measure:
    """A column: what it is called, its unit, and which direction is better."""

    name: str
    title: str
    unit: str
    more_is_better: bool
    digits: int
    tie: float

    def show(self, value: float) -> str:
        """The number as the book writes it; thousands as "39k" where no decimals are asked for."""
        if self.digits == 0:
            return short(value)
        return f"{value:.{self.digits}f}"


@dataclass(frozen=True)
class Spread:
    """Median, least and greatest of what the rounds gave."""

    median: float
    min: float
    max: float
    values: int


@dataclass(frozen=True)
class Row:
    """A contestant: what it is, how it was set, what it measured."""

    name: str
    label: str
    series: str
    kind: str  # "ours", "peer" or "baseline"
    environment: str
    model: str
    like: str
    data_format: str
    params: dict[str, Any]
    tuned: dict[str, Any] | None
    measured: dict[str, Spread]

    def median(self, measure: str) -> float:
        """The median of a measure."""
        return self.measured[measure].median


@dataclass(frozen=True)
class Results:
    """One comparison."""

    suite: str
    title: str
    measures: tuple[Measure, ...]
    quality: Measure
    cost: Measure
    trials: int
    rounds: int
    seeds: dict[str, Any]
    threads: int
    data: dict[str, str]
    machine: dict[str, Any]
    environments: dict[str, dict[str, str]]
    rows: tuple[Row, ...]
    conditions: dict[str, Any] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Row]:
        """The rows of a kind: "ours", "peer" or "baseline"."""
        return [row for row in self.rows if row.kind == kind]

    def row(self, name: str) -> Row:
        """The row of that name. Raises KeyError."""
        return {row.name: row for row in self.rows}[name]

    def shown(self) -> list[Measure]:
        """The measures worth a column: all but those that are 0 throughout."""
        return [measure for measure in self.measures if any(row.measured[measure.name].max for row in self.rows)]

    def best(self, kind: str, measure: Measure) -> Row:
        """The row of a kind with the best median."""
        return max(self.of_kind(kind), key=lambda row: row.median(measure.name) * (1 if measure.more_is_better else -1))

    def no_worse(self, one: Row, other: Row) -> bool:
        """Whether the quality of one row is better than, or tied with, the other's."""
        sign = 1 if self.quality.more_is_better else -1
        return sign * (one.median(self.quality.name) - other.median(self.quality.name)) >= -self.quality.tie

    def beaten(self) -> list[Row]:
        """The peers' rows for which one of ours is as good and costs no more."""
        cost = self.cost.name
        return [
            peer
            for peer in self.of_kind("peer")
            if any(self.no_worse(own, peer) and own.median(cost) <= peer.median(cost) for own in self.of_kind("ours"))
        ]

    def outdone_at_home(self) -> list[Row]:
        """Rows that another row of the same environment, method and size equals in less time."""
        return [
            row
            for row in self.rows
            if any(
                row.like
                and (row.environment, row.like) == (other.environment, other.like)
                and self.no_worse(other, row)
                and other.median(self.cost.name) < row.median(self.cost.name)
                for other in self.rows
            )
        ]


def read(path: Path) -> Results:
    """The results of one suite. Raises Unreadable."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise Unreadable(f"{path.name} has format {data['format']}, this book reads {FORMAT}; run make bench")
        measures = tuple(Measure(**measure) for measure in data["measures"])
        by_name = {measure.name: measure for measure in measures}
        rows = []
        for entry in data["entries"]:
            spreads = {name: Spread(**spread) for name, spread in entry.pop("measured").items()}
            rows.append(Row(measured={measure: spreads[measure] for measure in by_name}, **entry))
        kept = ("suite", "title", "trials", "rounds", "seeds", "threads", "data", "machine", "environments")
        return Results(
            measures=measures,
            quality=by_name[data["quality"]],
            cost=by_name[data["cost"]],
            rows=tuple(rows),
            conditions=data.get("conditions", {}),
            **{name: data[name] for name in kept},
        )
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise Unreadable(f"{path.name} cannot be read ({error!r}); make bench writes it anew") from error


def joined(words: Sequence[str]) -> str:
    """Words as a list in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
