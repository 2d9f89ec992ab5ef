"""What Prometheus is told. One set of metrics an app, one sum over all workers."""

import os
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0)
OVERLAPS = tuple(tenths / 10 for tenths in range(11))
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Entry(NamedTuple):
    """One request that was answered. No address, no agent, no query, no ratings: ids are all it says of a person."""

    ended: float
    seconds: float
    request_id: bytes
    method: str
    route: str
    status: int
    user: int | None = None
    source: str | None = None
    version: str | None = None
    overlap: float | None = None


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
        self.seconds = Histogram(
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

    def count(self, entry: Entry) -> None:
        """Takes one request that was answered."""
        self.requests.labels(entry.method, entry.route, str(entry.status)).inc()
        self.seconds.labels(entry.route).observe(entry.seconds)
        if entry.source is not None:
            self.answers.labels(entry.source, entry.version).inc()
        if entry.overlap is not None:
            self.overlap.observe(entry.overlap)

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
