"""One contestant in a process of its own: reads commands, one JSON object a line, and answers each with one.

`python -m benchmarks.worker MODULE:CLASS` in the environment of that contestant. What a library prints goes to the log.
"""

import gc
import importlib
import importlib.metadata
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contestants import Columns


def timed(call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the call returns, and the CPU and wall seconds that it took, all threads of this process counted."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    value = call()
    return value, {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


class Worker:
    """What a contestant can be told to do."""

    def __init__(self, contestant: Any) -> None:  # a Contestant, or a Searcher
        self.contestant = contestant

    def about(self, packages: list[str]) -> dict[str, Any]:
        """Versions of what runs here, and what the contestant's data look like when the clock starts."""
        versions = {name: importlib.metadata.version(name) for name in packages}
        return {
            "data_format": self.contestant.data_format,
            "versions": {"python": platform.python_version(), **versions},
        }

    def fit(self, train: str, seed: int, params: dict[str, Any]) -> dict[str, Any]:
        """Prepare afresh, so that nothing computed in an earlier fit is left, then fit on the clock."""
        self.contestant.prepare(Columns.read(train))
        return timed(lambda: self.contestant.fit(seed, **params))[1]

    def predict(self, pairs: str, to: str) -> dict[str, Any]:
        """Predictions for the users and items of the file `pairs`, into the file `to`."""
        asked = Columns.read(pairs)
        np.save(to, self.contestant.predict(asked.users, asked.items).astype(np.float64))
        return {}

    def quick_lists(self, k: int, to: str) -> dict[str, Any]:
        """Lists of k for everybody, into the file `to`."""
        np.save(to, self.contestant.quick_lists(k))
        return {}

    def recommend(self, k: int, seconds: float, to: str) -> dict[str, Any]:
        """Lists of k for everybody by the library's own call, again and again for so many CPU seconds."""
        lists = self.contestant.lists(self.contestant.recommend(k), k)  # the first call warms up
        np.save(to, lists)
        calls = 0

        def serve() -> None:
            nonlocal calls
            until = time.process_time() + seconds
            while time.process_time() < until:
                self.contestant.recommend(k)
                calls += 1

        # All calls on one clock: a collection of garbage before each would throw the small ones out of the caches.
        return {**timed(serve)[1], "calls": calls, "users": len(lists)}

    def build(self, items: str) -> dict[str, Any]:
        """An index of these items, on the clock, and the bytes that it holds."""
        given = np.load(items)
        taken = timed(lambda: self.contestant.build(given))[1]
        return {**taken, "bytes": self.contestant.n_bytes()}

    def search(self, queries: str, k: int, params: dict[str, Any], to: str) -> dict[str, Any]:
        """The k best items for each query, one after the other; ids, and the seconds of each, into the file `to`."""
        given = np.load(queries)
        self.contestant.set(**params)
        ids, seconds = np.zeros((len(given), k), dtype=np.int64), np.zeros(len(given))
        for query in given[:10]:
            self.contestant.search(query, k)  # back into the caches

        def ask() -> None:
            clock = time.perf_counter
            for number, query in enumerate(given):
                began = clock()
                found = self.contestant.search(query, k)
                seconds[number] = clock() - began
                ids[number] = found

        taken = timed(ask)[1]
        np.savez(to, ids=ids, seconds=seconds)
        return taken


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # prints of libraries must not be taken for answers
    worker: Worker | None = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if worker is None:  # the first command; an import that fails is reported like all else
                module, name = sys.argv[1].split(":")
                worker = Worker(getattr(importlib.import_module(module), name)())
            answer = getattr(worker, command.pop("do"))(**command)
        except Exception as error:  # the parent says which contestant failed, and how
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
