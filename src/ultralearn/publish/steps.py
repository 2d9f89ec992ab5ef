"""All steps of `make test`, one after another: what is due runs, what is still green is skipped and says so.

`python -m ultralearn.publish.steps make`. Whether a step is due is make's to say.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

STEPS = {
    "lint": "Lint: ruff, types, floors, workflows",
    "unit": "Unit tests, a room at a time",
    "proofs": "Proofs of the exercises, a week at a time",
    "coverage": "What the unit tests covered",
    "pairs": "Pairs and published data in step",
    "execute": "Notebooks, executed from a clean state",
    "replay": "Executed outputs compared with the published ones",
    "site": "The book, from scratch, warnings are errors",
    "links": "Pages and links",
    "browser": "In the browser",
}
SIDE_BY_SIDE = {"lint", "unit", "proofs", "execute"}  # rooms wait for servers and imports, and fill what others leave
GREEN, JUNIT = Path("_build/green"), Path("_build/junit")
SLOWEST = 10


class Step(NamedTuple):
    """How one step went."""

    name: str
    state: str  # passed, skipped or FAILED
    seconds: float


def run(name: str, make: str) -> Step:
    """Run one step where it is due."""
    began = time.monotonic()
    if subprocess.run([make, "--question", "--silent", name], stdout=subprocess.DEVNULL).returncode == 0:
        print(f"\n== {STEPS[name]}: skipped, nothing it depends on changed since it was last green", flush=True)
        return Step(name, "skipped", time.monotonic() - began)
    print(f"\n\033[1m== {STEPS[name]}\033[0m", flush=True)
    jobs = [f"--jobs={os.cpu_count()}"] if name in SIDE_BY_SIDE else []
    failed = subprocess.run([make, "--keep-going", *jobs, name]).returncode
    step = Step(name, "FAILED" if failed else "passed", time.monotonic() - began)
    print(f"== {name}: {step.state} in {step.seconds:.0f} s", flush=True)
    return step


def slowest(since: float, folder: Path = JUNIT) -> list[tuple[float, str]]:
    """Return the seconds and names of the slowest tests of the runs since then."""
    found = []
    for path in folder.glob("*.xml"):
        if path.stat().st_mtime >= since:
            for test in ElementTree.parse(path).iter("testcase"):
                found.append((float(test.attrib["time"]), f"{test.attrib['classname']}::{test.attrib['name']}"))
    return sorted(found, reverse=True)[:SLOWEST]


def not_run(folder: Path = GREEN) -> list[str]:
    """Return what stands in the stamps: what was not run, be it in this run or in the one that left the stamp."""
    stamps = sorted(path for path in folder.rglob("*") if path.is_file())
    return [line for path in stamps for line in path.read_text().splitlines() if line.startswith("NOT RUN")]


def main() -> None:
    """Run the command line."""
    began, make, steps = time.time(), sys.argv[1], []
    for name in STEPS:
        steps.append(run(name, make))
        if steps[-1].state == "FAILED":
            break
    print("\nStep        Seconds")
    for step in steps:
        print(f"{step.name:<11} {step.seconds:>7.1f}  {step.state}")
    print(f"{'all':<11} {sum(step.seconds for step in steps):>7.1f}")
    if tests := slowest(began):
        print("\nThe slowest tests of this run, in seconds")
        for seconds, test in tests:
            print(f"{seconds:>7.1f}  {test}")
    print(*["", *not_run()], sep="\n")
    if steps[-1].state == "FAILED":
        sys.exit(f"{steps[-1].name} failed: mend it, then `make {steps[-1].name}`, or `make test` for all that is due.")
    print("All that was run passed." if not_run() else "All steps passed.")


if __name__ == "__main__":
    main()
