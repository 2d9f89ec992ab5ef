"""What every comparison shares: tune all alike, measure in turn, write the results whole or not at all.

A comparison is a `Suite`. A new one (a service, a larger catalog) brings its entries, its measures, and what one
round of measuring is; processes, tuning, rounds, statistics and results stay as they are.
"""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from optuna.distributions import BaseDistribution
from tqdm import tqdm

from benchmarks.processes import BUILD, OURS, ROOT, ContestantFailed, Process
from ultralearn import files
from ultralearn.experiments.tuning import tune

RESULTS = ROOT / "benchmarks/results"
FORMAT = 1
# What is reported of each environment, beside Python.
PACKAGES = {
    OURS: ["torch", "numpy", "scipy"],
    "surprise": ["scikit-surprise", "numpy"],
    "lenskit": ["lenskit", "torch", "numpy", "scipy"],
    "implicit": ["implicit", "numpy", "scipy"],
    "rectools": ["rectools", "pm-implicit", "numpy", "scipy"],
}


@dataclass(frozen=True)
class Measure:
    """A number that each round gives: what the book calls it, its unit, and whether more of it is better."""

    name: str
    title: str
    unit: str
    more_is_better: bool
    digits: int
    tie: float = 0.0  # differences up to this say nothing


@dataclass(frozen=True)
class Entry:
    """A contestant as it takes part: a row of the table.

    params: fixed hyper-parameters, among them all that the row's cost hangs on. space: those that are tuned; a row
    without one takes part as its library ships it.
    effort: a hyper-parameter that costs time, with the values it may take, cheapest first. All is tuned at the last of
    them; then the cheapest is taken whose quality on the validation part is within half a tie of the best. So nobody
    is charged for iterations that bring nothing.
    like: rows of the same method and size carry the same word here, and are compared with each other one by one.
    label: its name in a plot, where room is short. series: rows with the same, the beginning of their labels, are one
    model in several sizes, and are joined by a line.
    once: measured in fewer rounds than the others, for it takes too long.
    baseline, peer: what it is, where its environment does not say it.
    """

    name: str
    environment: str
    contestant: str
    params: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, BaseDistribution] = field(default_factory=dict)
    first: Mapping[str, Any] = field(default_factory=dict)
    effort: tuple[str, Sequence[int]] | None = None
    like: str = ""
    label: str = ""
    series: str = ""
    once: bool = False
    baseline: bool = False
    peer: bool = False


class Contender(Protocol):
    """An entry that runs: a process, or a server, that one talks to."""

    name: str

    def tell(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have it done, and return the answer. Raises ContestantFailed."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class Suite(Protocol):
    """One comparison."""

    name: ClassVar[str]
    title: ClassVar[str]
    quality: ClassVar[str]  # the measure that is tuned, and read off the plot
    cost: ClassVar[str]  # the measure that it costs
    measures: ClassVar[Sequence[Measure]]
    entries: ClassVar[Sequence[Entry]]
    rounds: ClassVar[int]
    trials: ClassVar[int]
    split_seed: ClassVar[int]
    packages: ClassVar[Mapping[str, Sequence[str]]] = PACKAGES

    def open(self, folder: Path) -> dict[str, str]:
        """Write what all contestants read, once; return the SHA-256 of each part."""
        ...

    def start(self, entry: Entry) -> Contender:
        """The entry, running."""
        return Process(entry.environment, entry.contestant, f"{self.name}: {entry.name}")

    def settle(self, entry: Entry, process: Contender) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """All hyper-parameters of an entry, and how those that were tuned were found."""
        return _params(self, entry, process)

    def warm_up(self, process: Contender, params: dict[str, Any]) -> None:
        """Do once, unmeasured, what a round does."""
        ...

    def score(self, process: Contender, params: dict[str, Any]) -> float:
        """The quality of these hyper-parameters on the validation part."""
        ...

    def measure(self, process: Contender, params: dict[str, Any], turn: int, once: bool) -> dict[str, list[float]]:
        """One round: one or more values of each measure."""
        ...

    def derive(self, values: dict[str, dict[str, list[float]]]) -> None:
        """Add, to the values by entry and measure, what follows from several entries."""

    def conditions(self) -> dict[str, Any]:
        """What else a reader must know of how it was measured."""
        return {}


def run(suite: Suite) -> dict[str, Any]:
    """Run a suite and return its results. Raises ContestantFailed, naming all that failed."""
    hashes = suite.open(BUILD / suite.name)
    failed: dict[str, str] = {}
    environments: dict[str, dict[str, str]] = {}
    rows: dict[str, dict[str, Any]] = {}
    values: dict[str, dict[str, list[float]]] = {entry.name: {} for entry in suite.entries}
    with ExitStack() as stack:
        processes: dict[str, Contender] = {}
        for entry in suite.entries:
            try:
                process = stack.enter_context(suite.start(entry))
                about = process.tell("about", packages=suite.packages[entry.environment])
                params, tuned = suite.settle(entry, process)
                suite.warm_up(process, params)
            except ContestantFailed as error:
                failed[entry.name] = str(error)
                continue
            processes[entry.name] = process
            environments[entry.environment] = about["versions"]
            rows[entry.name] = _row(entry, about["data_format"], params, tuned)
        _raise(failed)  # before the measuring, which takes minutes
        for turn in range(suite.rounds):
            in_turn = [entry for entry in suite.entries if not (entry.once and turn)]
            # Who runs after whom changes from round to round.
            shift = turn * 3 % len(in_turn)
            bar = tqdm(in_turn[shift:] + in_turn[:shift], desc=f"{suite.name}, round {turn + 1} of {suite.rounds}")
            for entry in bar:
                if entry.name in failed:
                    continue
                bar.set_postfix_str(entry.name)
                try:
                    measured = suite.measure(processes[entry.name], rows[entry.name]["params"], turn, entry.once)
                except ContestantFailed as error:
                    failed[entry.name] = str(error)
                    continue
                for name, found in measured.items():
                    values[entry.name].setdefault(name, []).extend(found)
    _raise(failed)
    suite.derive(values)
    for name, row in rows.items():
        row["measured"] = {measure: summary(found) for measure, found in values[name].items()}
    return {
        "format": FORMAT,
        "suite": suite.name,
        "title": suite.title,
        "quality": suite.quality,
        "cost": suite.cost,
        "measures": [vars(measure) for measure in suite.measures],
        "trials": suite.trials,
        "rounds": suite.rounds,
        "seeds": {"splits": suite.split_seed, "tuning": 0, "models": list(range(suite.rounds))},
        "threads": 1,
        "conditions": suite.conditions(),
        "data": hashes,
        "machine": machine(),
        "environments": environments,
        "entries": list(rows.values()),
    }


def _raise(failed: Mapping[str, str]) -> None:
    if failed:
        raise ContestantFailed("\n".join(f"- {reason}" for reason in failed.values()))


def _params(suite: Suite, entry: Entry, process: Contender) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """All hyper-parameters of an entry, and how those that were tuned were found."""
    if not entry.space:
        return dict(entry.params), None
    print(f"Tuning {suite.name}: {entry.name}")
    judge = next(measure for measure in suite.measures if measure.name == suite.quality)
    fixed = dict(entry.params)
    if entry.effort:
        fixed[entry.effort[0]] = entry.effort[1][-1]

    def make(**params: Any) -> Any:
        return params  # the model itself is made in the contestant's process

    def score(params: Any) -> float:
        return suite.score(process, {**fixed, **params})

    found = tune(make, entry.space, score, suite.trials, maximize=judge.more_is_better, first=entry.first or None)
    tuned: dict[str, Any] = {
        "params": found.params,
        "score": found.score,
        "trials": suite.trials,
        "space": {name: _space(distribution) for name, distribution in entry.space.items()},
    }
    params = {**fixed, **found.params}
    if entry.effort:
        effort, choices = entry.effort
        scores = {choice: suite.score(process, {**params, effort: choice}) for choice in choices[:-1]}
        scores[choices[-1]] = found.score
        params[effort] = cheapest(scores, judge)
        tuned["effort"] = {"name": effort, "scores": scores}
    return params, tuned


def cheapest(scores: Mapping[int, float], judge: Measure) -> int:
    """The first choice whose score is within half a tie of the best."""
    best = (max if judge.more_is_better else min)(scores.values())
    return next(choice for choice, score in scores.items() if abs(score - best) <= judge.tie / 2)


def _space(distribution: BaseDistribution) -> str:
    """A search space as one reads it."""
    given = distribution._asdict()
    if "choices" in given:
        return "one of " + ", ".join(map(str, given["choices"]))
    return f"{given['low']:g} to {given['high']:g}{', log scale' if given['log'] else ''}"


def _row(entry: Entry, data_format: str, params: dict[str, Any], tuned: Any) -> dict[str, Any]:
    return {
        "name": entry.name,
        "label": entry.label or entry.name,
        "series": entry.series,
        "kind": _kind(entry),
        "environment": entry.environment,
        "model": entry.contestant.partition(":")[2],
        "like": entry.like,
        "data_format": data_format,
        "params": params,
        "tuned": tuned,
    }


def _kind(entry: Entry) -> str:
    if entry.baseline:
        return "baseline"
    return "peer" if entry.peer or entry.environment != OURS else "ours"


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest of what the rounds gave, and how many values there were."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": len(values)}


def machine() -> dict[str, Any]:
    """What the results belong to. No date, no host's name: another run on the same machine says the same."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = found[0] if found else cpu
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system(), "architecture": platform.machine()}


def write(results: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write results whole or not at all."""
    path = folder / f"{results['suite']}.json"
    files.write_text(path, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return path
