"""What Prometheus is told. One set of metrics an app, one sum over all workers."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

Floats = NDArray[np.float64]
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0)
OVERLAPS = tuple(tenths / 10 for tenths in range(11))
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, eq=False, slots=True)
class Counted:
    """What is counted together, and what lines of JSON have in common then: there nothing needs escaping."""

    method: str
    route: str
    status: int
    source: str | None
    version: str | None
    line: str = field(init=False)

    def __post_init__(self) -> None:
        """Works out what the access log would otherwise work out for every request."""
        level = "error" if self.status == 500 else "info"
        line = f'"level":"{level}","event":"request","method":"{self.method}","route":"{self.route}"'
        line += f',"status":{self.status}'
        if self.source is not None:
            line += f',"source":"{self.source}","model_version":"{self.version}"'
        object.__setattr__(self, "line", line)


_counted = lru_cache(maxsize=1024)(Counted)  # one for all users, so that it stays in the processor's cache


@dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """What log and metrics say of a request, but for its time and its id.

    No address, no agent, no query, no ratings: ids are all that is kept of a person. `line` is their part of a line.
    """

    counted: Counted
    line: str
    overlap: float | None


def kind_of(
    method: str,
    route: str,
    status: int,
    user: int | None = None,
    source: str | None = None,
    version: str | None = None,
    overlap: float | None = None,
) -> Kind:
    """The kind of a request. The method is one that is known, or "other"; the rest is ours."""
    return Kind(_counted(method, route, status, source, version), "" if user is None else f',"user":{user}', overlap)


class Distribution(Histogram):
    """A histogram that takes many values at once."""

    def observe_all(self, values: Floats) -> None:
        """The same as observe(value) for each of values, in one go."""
        places = np.searchsorted(self._upper_bounds, values)
        for place, count in enumerate(np.bincount(places).tolist()):
            if count:
                self._buckets[place].inc(count)
        self._sum.inc(float(values.sum()))


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
        self.seconds = Distribution(
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
        self.overlap = Distribution(
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

    def count(self, kinds: Sequence[Kind], seconds: Floats) -> None:
        """Takes requests that were answered: what they were, and how long each took."""
        counted = [kind.counted for kind in kinds]
        for one in set(counted):
            mine = seconds[[other is one for other in counted]]
            self.requests.labels(one.method, one.route, one.status).inc(len(mine))
            self.seconds.labels(one.route).observe_all(mine)
            if one.source is not None:
                self.answers.labels(one.source, one.version).inc(len(mine))
        self.overlap.observe_all(np.array([kind.overlap for kind in kinds if kind.overlap is not None]))

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
