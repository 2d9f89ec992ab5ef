"""The committed results of `make bench`, and what may be said of them: every sentence comes from the figures."""

import json
from collections.abc import Iterator, Sequence
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


# --- sentences


def headline(results: Results) -> str:
    """What the plot says, as its title."""
    peers = len(results.of_kind("peer"))
    beaten = len(results.beaten())
    if beaten == peers:
        return "For every library row, one of ours\nis as good and no slower"
    return f"For {beaten} of {peers} library rows, one of ours\nis as good and no slower"


def losses(results: Results) -> list[str]:
    """Where a peer is ahead of ours, one sentence each: the better quality, and then the better times."""
    return [*_lost_quality(results), *_lost_alike(results), *_lost_elsewhere(results)]


def _lost_quality(results: Results) -> Iterator[str]:
    measure = results.quality
    own, peer = results.best("ours", measure), results.best("peer", measure)
    if not results.no_worse(own, peer):
        yield (
            f"The best {measure.title} here is that of {peer.name}: {_shown(peer, measure)}. "
            f"Of ours, {own.name} comes closest with {_shown(own, measure)}."
        )


def _lost_alike(results: Results) -> Iterator[str]:
    """Of rows of the same method and size, those in which a peer has the better figure in a column."""
    for own in results.of_kind("ours"):
        for peer in results.of_kind("peer"):
            if own.like and own.like == peer.like:
                for measure in results.measures:
                    if _ahead(peer, own, measure):
                        yield _behind(results, own, peer, measure)


def _lost_elsewhere(results: Results) -> Iterator[str]:
    """Peers of another method or size that are as good as a model of ours, or better, and cheaper to fit."""
    for own in results.of_kind("ours"):
        cheaper = [
            peer
            for peer in results.of_kind("peer")
            if not (own.like and own.like == peer.like)
            and results.no_worse(peer, own)
            and _ahead(peer, own, results.cost)
        ]
        if cheaper:
            first = min(cheaper, key=lambda peer: peer.median(results.cost.name))
            more = f" {len(cheaper) - 1} more rows do so too." if len(cheaper) > 2 else ""
            more = " One more row does so too." if len(cheaper) == 2 else more
            yield (
                f"{first.name} is as good as our {own.name}, by another way and in less time: "
                f"{_both(results, first)} against {_both(results, own)}.{more}"
            )


def _ahead(one: Row, other: Row, measure: Measure) -> bool:
    a, b = one.median(measure.name), other.median(measure.name)
    if measure.tie:
        return (a - b if measure.more_is_better else b - a) > measure.tie
    return (a / b if measure.more_is_better else b / a) > CLEARLY


def _behind(results: Results, own: Row, peer: Row, measure: Measure) -> str:
    if measure.tie:
        figures = f"{_shown(peer, measure)} against {_shown(own, measure)}"
        return f"{peer.name} has a better {measure.title} than our {own.name}: {figures}."
    a, b = own.median(measure.name), peer.median(measure.name)
    ratio = max(a / b, b / a)
    deed = "is fitted faster than" if measure == results.cost else "is ahead in " + measure.title.lower() + " of"
    text = (
        f"{peer.name} {deed} our {own.name}, {ratio:.1f} times: {_shown(peer, measure)} against {_shown(own, measure)}"
    )
    spread, mine = peer.measured[measure.name], own.measured[measure.name]
    if spread.max >= mine.min and mine.max >= spread.min:
        text += ", with ranges that overlap"
    return f"{text}; {results.quality.title} {_number(peer, results)} against {_number(own, results)}."


def _both(results: Results, row: Row) -> str:
    return f"{results.quality.title} {_number(row, results)} in {_shown(row, results.cost)}"


def _shown(row: Row, measure: Measure) -> str:
    return f"{measure.show(row.median(measure.name))} {measure.unit}".strip()


def _number(row: Row, results: Results) -> str:
    return results.quality.show(row.median(results.quality.name))


def setup_sentences(results: Results) -> list[str]:
    """How it was measured: the machine, the rounds, the tuning."""
    machine = results.machine
    tuned = sum(row.tuned is not None for row in results.rows)
    values = [row.measured[results.cost.name].values for row in results.rows]
    fewest = f", {min(values)} for what takes long" if min(values) < max(values) else ""
    return [
        f"{machine['cpu']}, {machine['cores']} cores, of which each contestant has "
        f"{results.threads if results.threads > 1 else 'one'}; {machine['system']} on {machine['architecture']}.",
        f"{len(results.rows)} contestants took turns over {results.rounds} rounds, the seed another in each round. "
        f"Times are medians of {max(values)} fits{fewest}; the least and the greatest stand beside them.",
        f"{tuned} rows are tuned: {results.trials} trials each, proposed by the same seeded sampler, judged on "
        "the same validation part.",
    ]


def versions(results: Results) -> list[str]:
    """What ran, an environment a line."""
    lines = []
    for environment, found in results.environments.items():
        lines.append(f"{environment}: " + ", ".join(f"{name} {version}" for name, version in found.items()))
    return lines


def setting(row: Row) -> str:
    """A row's hyper-parameters, and how they were found."""
    if not row.params:
        return "as the library ships it"
    found = ", ".join(f"{name} {_value(value)}" for name, value in row.params.items())
    if row.tuned is None:
        return f"{found}. Not tuned"
    ranges = "; ".join(f"{name} from {space}" for name, space in row.tuned["space"].items())
    effort = row.tuned.get("effort")
    choices = f"; {effort['name']} the cheapest of {', '.join(effort['scores'])} within half a tie" if effort else ""
    return f"{found}. Searched: {ranges}{choices}"


def settings(row: Row) -> str:
    """A row's settings, and how those were found that were looked for."""
    found = ", ".join(f"{name} {_value(value)}" for name, value in row.params.items())
    if row.tuned is None:
        return found
    ranges = "; ".join(f"{name} from {space}" for name, space in row.tuned["space"].items())
    return f"{found}. Searched: {ranges}"


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def joined(words: Sequence[str]) -> str:
    """Words as a list in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
