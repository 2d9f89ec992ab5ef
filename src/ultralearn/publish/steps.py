"""All steps of `make test`: what is due runs, what is still green is skipped and says so.

`python -m ultralearn.publish.steps make`. Whether a step is due is make's to say. Four lanes of steps go side by side:
each waits much, for servers, imports and a browser, and the others fill the time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
# A step needs what stands before it in its lane, and nothing of another lane.
LANES = (
    ("unit", "coverage"),
    ("execute", "replay"),
    ("lint", "proofs", "pairs"),
    ("site", "links", "browser"),
)
WIDTH = max(map(len, STEPS))
GREEN, JUNIT = Path("_build/green"), Path("_build/junit")
CLOSURE = "_build/closure.mk"
SLOWEST = 10
# What pytest's lines of a failure begin with. The end of `make test` shows them again: much is said after them.
OF_FAILURES = ("E  ", "FAILED ", "ERROR ")
AT_MOST = 40  # of them, or of a step's last lines where it has none


class Step(NamedTuple):
    """How one step went."""

    name: str
    state: str  # passed, skipped or FAILED
    seconds: float
    failures: Sequence[str] = ()  # what it said of them


def run(name: str, make: str) -> Step:
    """Run one step where it is due. Each of its lines says whose it is."""
    began = time.monotonic()
    if subprocess.run([make, "--question", "--silent", name], stdout=subprocess.DEVNULL).returncode == 0:
        say(name, f"{STEPS[name]}: skipped, nothing it depends on changed since it was last green")
        return Step(name, "skipped", time.monotonic() - began)
    say(name, f"\033[1m{STEPS[name]}\033[0m")
    command = [make, "--keep-going", f"--jobs={os.cpu_count()}", name]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, errors="replace") as ran:
        assert ran.stdout is not None
        lines = []
        for line in ran.stdout:
            lines.append(line.rstrip())
            say(name, lines[-1])
    failures = [line for line in lines if line.startswith(OF_FAILURES)][:AT_MOST] or lines[-AT_MOST:]
    failed = ran.returncode != 0
    step = Step(name, "FAILED" if failed else "passed", time.monotonic() - began, failures if failed else ())
    say(name, f"{step.state} in {step.seconds:.0f} s")
    return step


def say(name: str, line: str) -> None:
    """Print one line of a step."""
    sys.stdout.write(f"{name:<{WIDTH}} | {line}\n")
    sys.stdout.flush()


def run_lane(names: Sequence[str], make: str, failed: threading.Event) -> list[Step]:
    """Run steps one after another, until one fails, here or in another lane."""
    steps: list[Step] = []
    for name in names:
        if failed.is_set():
            break
        steps.append(run(name, make))
        if steps[-1].state == "FAILED":
            failed.set()
    return steps


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
    began, make = time.time(), sys.argv[1]
    if subprocess.run([make, "--silent", CLOSURE]).returncode:  # once, before all lanes ask for it
        sys.exit(f"{CLOSURE} could not be made, which says what is due: mend what is said above, then `make test`.")
    failed = threading.Event()
    with ThreadPoolExecutor(len(LANES)) as pool:
        lanes = list(pool.map(lambda names: run_lane(names, make, failed), LANES))
    steps = [step for lane in lanes for step in lane]
    print("\nStep        Seconds")
    for step in steps:
        print(f"{step.name:<11} {step.seconds:>7.1f}  {step.state}")
    print(f"{'all':<11} {time.time() - began:>7.1f}  side by side")
    if tests := slowest(began):
        print("\nThe slowest tests of this run, in seconds")
        for seconds, test in tests:
            print(f"{seconds:>7.1f}  {test}")
    for step in steps:
        if step.failures:
            print(f"\nWhat {step.name} said of its failures", *step.failures, sep="\n  ")
    print(*["", *not_run()], sep="\n")
    if red := " and ".join(step.name for step in steps if step.state == "FAILED"):
        sys.exit(f"{red} failed: mend it, then `make {red.replace(' and', '')}`, or `make test` for all that is due.")
    print("All that was run passed." if not_run() else "All steps passed.")


if __name__ == "__main__":
    main()
