"""Run one notebook headless, from a clean kernel, with papermill.

`python -m ultralearn.publish.execute notebooks/week_03_factorization.py _build/executed/week_03_factorization.ipynb`
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import difflib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import papermill
import psutil  # type: ignore[import-untyped]  # its types are another package
import yaml
from nbformat import NotebookNode
from traitlets.config import Config

from ultralearn import UltralearnError
from ultralearn.publish import notebooks

SHOWN_VERSIONS = ("torch", "numpy", "gymnasium", "matplotlib", "jupyter-book")
# One thread a library: small models are faster with one, and the last digits do not depend on the machine's cores.
ENVIRONMENT = {
    "ULTRALEARN_HEADLESS": "1",
    "TQDM_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


@dataclass
class Cost:
    """What a run took: by the clock, and of the processors."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


class ExecutionError(UltralearnError, RuntimeError):
    """A notebook did not run to its end."""


def execute(script: Path, target: Path, parameters: dict[str, Any] | None = None) -> Cost:
    """Execute a percent script into `target` and return what it cost.

    `target` is written only after a run to the end; what a failed run got to lies beside it as `.failed.ipynb`.
    Raises ValueError for a parameter that the notebook does not have, ExecutionError for a failing cell.
    """
    source = notebooks.read_source(script)
    draft = target.with_suffix(".input.ipynb")
    failed = target.with_suffix(".failed.ipynb")
    notebooks.write(source, draft)
    try:
        check_names(draft, parameters or {})
        os.environ.update(ENVIRONMENT)
        try:
            with tempfile.TemporaryDirectory() as sockets, measured() as cost:
                executed = papermill.execute_notebook(
                    str(draft),
                    str(failed),
                    parameters=parameters or {},
                    cwd=str(Path.cwd()),
                    progress_bar=sys.stderr.isatty(),
                    log_output=False,
                    request_save_on_cell_execute=False,  # it takes seconds; where it fails, it saves all the same
                    # Sockets in a folder of its own: over TCP the kernel warns of eavesdroppers.
                    config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
                )
        except papermill.PapermillExecutionError as error:
            raise ExecutionError(f"{script}: {error}\nWhat ran lies in {failed}.") from error
    finally:
        draft.unlink(missing_ok=True)
    notebooks.write(stamped(executed, source, cost), target)
    failed.unlink(missing_ok=True)
    return cost


@contextlib.contextmanager
def measured() -> Iterator[Cost]:
    """Measure what the processes cost that are started meanwhile, all their descendants included.

    What of them still runs at the end is ended. A process counts once somebody waited for it; for those that nobody
    waited for this process does, which Linux alone allows.
    """
    cost = Cost()
    before, began, used = {child.pid for child in psutil.Process().children()}, time.monotonic(), _used_by_children()
    _adopt_orphans(True)
    try:
        yield cost
    finally:
        cost.seconds = round(time.monotonic() - began, 1)
        while left := [child for child in psutil.Process().children() if child.pid not in before]:
            for child in left:  # the children of one that ends become ours, and come up in the next round
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child.pid, 0)
        _adopt_orphans(False)
        cost.cpu_seconds = round(_used_by_children() - used, 1)


def _used_by_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _adopt_orphans(yes: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, int(yes), 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def check_names(notebook: Path, parameters: dict[str, Any]) -> None:
    """Raise ValueError for a parameter that the notebook does not have: papermill only warns."""
    known = list(papermill.inspect_notebook(str(notebook)))
    for name in parameters:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise ValueError(f"there is no parameter {name!r}.{meant} The notebook has: {', '.join(known) or 'none'}.")


def stamped(executed: NotebookNode, source: NotebookNode, cost: Cost) -> NotebookNode:
    """Return the executed notebook with the source's metadata, and when, where and how long it ran."""
    executed.metadata = dict(source.metadata) | {
        "ultralearn": {
            "seconds": cost.seconds,
            "cpu_seconds": cost.cpu_seconds,
            "date": datetime.now(UTC).date().isoformat(),
            "versions": versions(),
            "machine": machine(),
        }
    }
    plain = {cell.id: cell.metadata for cell in source.cells}
    for cell in executed.cells:
        if cell.get("id") in plain:
            cell.metadata = plain[cell.id]  # without papermill's times and states
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
    return executed


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on, of those that are installed."""
    found = {"python": platform.python_version()}
    for name in SHOWN_VERSIONS:
        with contextlib.suppress(PackageNotFoundError):  # Colab has no jupyter-book
            found[name] = version(name)
    return found


def machine() -> str:
    """Return what ran it, as far as readers need to know: cores, processor family and system."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    arguments = parser.parse_args()
    name = arguments.script.stem
    print(f"{name}: running", flush=True)
    try:
        parameters = {key: yaml.safe_load(value) for key, value in arguments.parameter}
        cost = execute(arguments.script, arguments.target, parameters)
    except (ExecutionError, ValueError) as error:
        sys.exit(f"{name}: FAILED\n{error}")
    print(f"{name}: ran to the end in {cost.seconds:.0f} s, {cost.cpu_seconds:.0f} s of CPU time", flush=True)


if __name__ == "__main__":
    main()
