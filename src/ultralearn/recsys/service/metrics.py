"""What Prometheus is told. One set of metrics an app, one sum over all workers."""

import os
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0)
OVERLAPS = tuple(tenths / 10 for tenths in range(11))
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, eq=False)
class Kind:
    """What log and metrics say of a request, but for its time and its id.

    No address, no agent, no query, no ratings: ids are all that is kept of a person. `counted` are its labels; `line`
    is its part of a line of JSON, in which nothing needs escaping: methods are checked, the rest is ours.
    """

    method: str
    route: str
    status: int
    user: int | None = None
    source: str | None = None
    version: str | None = None
    overlap: float | None = None
    counted: tuple[str, str, str] = field(init=False)
    line: str = field(init=False)

    def __post_init__(self) -> None:
        """Works out what the journal would otherwise work out for every request."""
        level = "error" if self.status == 500 else "info"
        line = f'"level":"{level}","event":"request","method":"{self.method}","route":"{self.route}"'
        line += f',"status":{self.status}'
        if self.user is not None:
            line += f',"user":{self.user}'
        if self.source is not None:
            line += f',"source":"{self.source}","model_version":"{self.version}"'
        object.__setattr__(self, "counted", (self.method, self.route, str(self.status)))
        object.__setattr__(self, "line", line)


# A request that was answered: its kind, when it started and ended in seconds of time.perf_counter, and its id.
Entry = tuple[Kind, float, float, bytes]


class Seconds(Histogram):
    """A histogram that takes many values at once."""

    def observe_all(self, values: Sequence[float]) -> None:
        """The same as observe(value) for each of values, in one go."""
        counts = [0] * len(self._upper_bounds)
        for value in values:
            counts[bisect_left(self._upper_bounds, value)] += 1
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(sum(values))


class Metrics:
    """Requests by route and status, seconds by route, answers by source and version, loads, shadow overlap."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._served: set[tuple[str, str]] = set()
        self.requests = Counter(
            "ultralearn_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Seconds(
            "ultralearn_request_seconds",
            "From the request's headers to the answer's last byte, in the app.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.answers = Counter(
            "ultralearn_answers",
            "Recommendations by where they came from, and under which model.",
            ["source", "model_version"],
            registry=self.registry,
        )
        self.loads = Counter(
            "ultralearn_model_loads",
            "Releases that were asked for: swapped, unchanged, or refused.",
            ["result"],
            registry=self.registry,
        )
        self.overlap = Histogram(
            "ultralearn_shadow_overlap_at_10",
            "Share of the ten shown films that the shadow shows too, by answer.",
            buckets=OVERLAPS,
            registry=self.registry,
        )
        self.model = Gauge(
            "ultralearn_model",
            "1 for what is served, and for what is in its shadow.",
            ["role", "model_version"],
            multiprocess_mode="livemax",
            registry=self.registry,
        )
        self.ready = Gauge(
            "ultralearn_ready",
            "1 while requests are welcome, 0 while the service drains.",
            multiprocess_mode="livemin",
            registry=self.registry,
        )

    def served(self, champion: str, shadow: str | None) -> None:
        """Says what is served from now on, and what is not any more."""
        now = {("champion", champion)} | ({("shadow", shadow)} if shadow is not None else set())
        for role, version in self._served - now:
            self.model.labels(role, version).set(0)
        for role, version in now:
            self.model.labels(role, version).set(1)
        self._served = now

    def count(self, entries: Sequence[Entry]) -> None:
        """Takes requests that were answered."""
        requests: dict[tuple[str, str, str], list[float]] = {}
        answers: dict[tuple[str, str | None], int] = {}
        for kind, started, ended, _ in entries:
            seconds = requests.get(kind.counted)
            if seconds is None:
                seconds = requests[kind.counted] = []
            seconds.append(ended - started)
            if kind.source is not None:
                answer = kind.source, kind.version
                answers[answer] = answers.get(answer, 0) + 1
            if kind.overlap is not None:
                self.overlap.observe(kind.overlap)
        for labels, seconds in requests.items():
            self.requests.labels(*labels).inc(len(seconds))
            self.seconds.labels(labels[1]).observe_all(seconds)
        for answer, count in answers.items():
            self.answers.labels(*answer).inc(count)

    def text(self) -> bytes:
        """All of it, in Prometheus's own format; of all workers where there are several."""
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if folder is None:
            return generate_latest(self.registry)
        for path in Path(folder).glob("gauge_live*_*.db"):
            process = int(path.stem.rpartition("_")[2])
            if not _alive(process):
                mark_process_dead(process, folder)  # type: ignore[no-untyped-call] # theirs has no types
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call] # theirs has no types
        return generate_latest(registry)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
