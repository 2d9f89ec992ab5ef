"""The parent's side of a contestant: start it, tell it what to do, stop it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "_build/benchmarks"
OURS = "ultralearn"
# Set before the contestant's first import: a library that reads them later than that takes every core.
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON", "VECLIB_MAXIMUM", "LK")
}


class ContestantFailed(RuntimeError):
    """A contestant could not do what it was told. The message names it, its error, and its log."""


class Process:
    """A contestant in a process of its own, with one thread."""

    def __init__(self, environment: str, contestant: str, name: str) -> None:
        python = sys.executable if environment == OURS else str(BUILD / environment / "bin/python")
        self.name = name
        self.log = BUILD / "logs" / f"{''.join(c if c.isalnum() else '_' for c in name)}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.worker", contestant],
                cwd=ROOT,
                env=os.environ | ONE_THREAD | {"PYTHONHASHSEED": "0"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def tell(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have it done, and return the answer. Raises ContestantFailed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ContestantFailed(f"{self.name}: the process ended during {do}. Its log: {self.log}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContestantFailed(f"{self.name}: {do} failed with {answer['error']}. Its log: {self.log}")
        if answer.get("cpu", 0) > 1.2 * answer.get("wall", 0) + 0.05:
            raise ContestantFailed(
                f"{self.name}: {do} took {answer['cpu']:.2f} CPU seconds in {answer['wall']:.2f} seconds: "
                "more than one thread ran, so it cannot be compared."
            )
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()  # the end of its input ends it
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
