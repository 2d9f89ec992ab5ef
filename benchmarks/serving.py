"""Serving: one person's ten films over HTTP; CPU time a request, requests a second, and how long they take."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks import load
from benchmarks.harness import Contender, Entry, Measure, Suite
from benchmarks.processes import OURS, ContestantFailed
from benchmarks.rating import columns
from benchmarks.server import Server, cores
from benchmarks.servers import Model
from ultralearn.recsys.data import load_movielens
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.release import promised, write_release

LIMIT = "Bare ASGI, hello"
CONNECTIONS, CLOSED, RATE, OPEN = 16, 2.5, 100, 3.0
PEOPLE = 200  # who ask, again and again
COMPUTED = "computed when asked"
ALL_SET = {"workers": 1, "log of accesses": "none"}
RAY = {"replicas": 1, "log of accesses": "none", "RAY_SERVE_THROUGHPUT_OPTIMIZED": 1}


class ServingSuite(Suite):
    """The hot path of our service, its limits, and what else one would serve the same model with."""

    name: ClassVar[str] = "serving"
    title: ClassVar[str] = "How many requests?"
    quality: ClassVar[str] = "share"
    cost: ClassVar[str] = "cpu"
    measures: ClassVar[Sequence[Measure]] = (
        Measure("cpu", "CPU a request", "µs", more_is_better=False, digits=0),
        Measure("share", "Of the limit", "%", more_is_better=True, digits=1),
        Measure("rate", "Requests", "a second", more_is_better=True, digits=0),
        Measure("p50", "Half within", "ms", more_is_better=False, digits=2),
        Measure("p99", "99 % within", "ms", more_is_better=False, digits=2),
        Measure("failed", "Failed", "requests", more_is_better=False, digits=0),
    )
    rounds: ClassVar[int] = 7
    trials: ClassVar[int] = 0
    split_seed: ClassVar[int] = 0
    packages: ClassVar[Mapping[str, Sequence[str]]] = {
        OURS: ["fastapi", "uvicorn", "httptools", "uvloop", "numpy"],
        "litserve": ["litserve", "fastapi", "uvicorn", "uvloop", "numpy"],
        "bentoml": ["bentoml", "starlette", "uvicorn", "numpy"],
        "ray": ["ray", "starlette", "uvicorn", "uvloop", "numpy"],
    }
    entries: ClassVar[Sequence[Entry]] = (
        Entry(LIMIT, OURS, "benchmarks.servers.asgi:hello", ALL_SET, label="bare hello", baseline=True),
        Entry("FastAPI, hello", OURS, "benchmarks.servers.asgi:fastapi_hello", ALL_SET, baseline=True),
        Entry("Our service, hot path", OURS, "ultralearn.recsys.service:hot", {"workers": 1}, label="our hot path"),
        Entry(
            "Our service, ordinary way",
            OURS,
            "ultralearn.recsys.service:ordinary",
            {"workers": 1},
            label="our ordinary way",
            like=COMPUTED,
        ),
        Entry(
            "FastAPI, the same model",
            OURS,
            "benchmarks.servers.asgi:fastapi_model",
            ALL_SET,
            label="FastAPI, model",
            like=COMPUTED,
            peer=True,
        ),
        Entry("LitServe", "litserve", "benchmarks.servers.lit:", {**ALL_SET, "fast_queue": True}, like=COMPUTED),
        Entry("BentoML", "bentoml", "benchmarks.servers.bento:", {**ALL_SET, "metrics": "none"}, like=COMPUTED),
        Entry(
            "Ray Serve, HAProxy",
            "ray",
            "benchmarks.servers.ray_serve:haproxy",
            {**RAY, "proxy": "HAProxy"},
            like=COMPUTED,
        ),
        Entry(
            "Ray Serve, its own proxy",
            "ray",
            "benchmarks.servers.ray_serve:",
            RAY,
            like=COMPUTED,
            label="Ray, own proxy",
        ),
    )

    def open(self, folder: Path) -> dict[str, str]:
        """The ratings that the release is trained on."""
        self.folder = folder
        self._released = False
        return {"ratings": columns(load_movielens()).write(folder / "ratings.npz")}

    def _release(self) -> None:
        """The release that our service serves, and the same for the others."""
        if self._released:
            return
        ratings = load_movielens()
        release = write_release(IALS(seed=0).fit(ratings), ratings, self.folder / "release", promised(ratings))
        np.savez(
            self.folder / "model.npz",
            user_factors=release.user_factors,
            item_factors=release.item_factors,
            seen_starts=release.seen_starts,
            seen_items=release.seen_items,
            titles=np.array([film.title for film in release.catalog]),
            version=np.array(release.version),
        )
        self.model = Model(str(self.folder / "model.npz"))
        self.people = [int(user) for user in np.random.default_rng(0).choice(release.n_users, PEOPLE, False) + 1]
        self._released = True

    def conditions(self) -> dict[str, Any]:
        """What the sentences about the setup are made of."""
        return {
            "connections": CONNECTIONS,
            "closed_seconds": CLOSED,
            "rate": RATE,
            "open_seconds": OPEN,
            "people": PEOPLE,
            "pinned": cores() is not None,
            "limit": LIMIT,
        }

    def start(self, entry: Entry) -> Contender:
        """Start the server, wait for its first right answer."""
        self._release()
        module, _, which = entry.contestant.partition(":")
        if module == "ultralearn.recsys.service":
            path = "/recommend/{user}" if which == "hot" else "/recommend/{user}?k=10"
            release = str(self.folder / "release")
            command = ["-m", module, "--release", release, "--host", "127.0.0.1", "--port", "{port}"]
        else:
            command = ["-m", module, "{port}", str(self.folder / "model.npz"), *filter(None, [which])]
            path = {"hello": "/", "fastapi_hello": "/", "fastapi_model": "/recommend/{user}"}.get(which, "")
        ask: Callable[[int], bytes]
        if path:
            asked = f"GET {path.format(user='USER')}"
            ask = lambda user: load.get(path.format(user=user))  # noqa: E731
        elif entry.environment == "ray":
            asked = "GET /recommend?user=USER"
            ask = lambda user: load.get(f"/recommend?user={user}")  # noqa: E731
        else:
            path = {"litserve": "/predict", "bentoml": "/recommend"}[entry.environment]
            asked = f'POST {path} {{"user": USER}}'
            ask = lambda user: load.post(path, json.dumps({"user": user}))  # noqa: E731
        server = Server(
            entry.environment,
            command,
            f"{self.name}: {entry.name}",
            [ask(user) for user in self.people],
            None if which.endswith("hello") else self._expected,
            asked,
        )
        if found := cores():
            server.pin(found[0])  # beside the load until its turn comes
        return server

    def _expected(self, number: int, body: bytes) -> None:
        """Raises ValueError unless these are the ten films of that person."""
        films = [film["item"] for film in json.loads(body)["items"]]
        expected = [film["item"] for film in self.model.answer(self.people[number])["items"]]
        if films != expected:
            raise ValueError(f"user {self.people[number]}: films {films}, expected {expected}")

    def warm_up(self, process: Contender, params: dict[str, Any]) -> None:
        """Every answer right, then a second of load."""
        server = _server(process)
        server.check_all()
        if load.run(server.port, server.requests, 1.0, CONNECTIONS).failed:
            raise ContestantFailed(f"{server.name}: requests failed while warming up. Its log: {server.log}")

    def score(self, process: Contender, params: dict[str, Any]) -> float:
        """Nothing here is tuned."""
        raise NotImplementedError

    def measure(self, process: Contender, params: dict[str, Any], turn: int, once: bool) -> dict[str, list[float]]:
        """As fast as it can over a few connections; then at a modest rate, for the time of a request."""
        server = _server(process)
        before = os.sched_getaffinity(0)
        found = cores()
        if found:
            server.pin(found[1])
            os.sched_setaffinity(0, found[0])
        try:
            load.run(server.port, server.requests, 0.3, CONNECTIONS)  # back from where it waited
            spent = server.cpu()
            fast = load.run(server.port, server.requests, CLOSED, CONNECTIONS)
            spent = server.cpu() - spent
            slow = load.run(server.port, server.requests, OPEN, CONNECTIONS, RATE)
        finally:
            os.sched_setaffinity(0, before)
            if found:
                server.pin(found[0])
        if not fast.seconds or not slow.seconds:
            raise ContestantFailed(f"{server.name}: no request succeeded. Its log: {server.log}")
        p50, p99 = np.percentile(slow.seconds, [50, 99]) * 1e3
        return {
            "cpu": [spent / len(fast.seconds) * 1e6],
            "rate": [len(fast.seconds) / fast.wall],
            "p50": [float(p50)],
            "p99": [float(p99)],
            "failed": [float(fast.failed + slow.failed)],
        }

    def derive(self, values: dict[str, dict[str, list[float]]]) -> None:
        """The share of the limit, round by round: what disturbs one round disturbs both."""
        if LIMIT not in values:  # a trial run of some
            return
        limit = values[LIMIT]["cpu"]
        for found in values.values():
            found["share"] = [100 * least / cpu for least, cpu in zip(limit, found["cpu"], strict=True)]


def _server(process: Contender) -> Server:
    assert isinstance(process, Server)
    return process
