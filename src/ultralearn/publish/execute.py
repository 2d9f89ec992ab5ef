"""Run one notebook headless, from a clean kernel, with papermill.

`python -m ultralearn.publish.execute notebooks/week_03_factorization.py _build/executed/week_03_factorization.ipynb`
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import papermill
import yaml
from nbformat import NotebookNode
from traitlets.config import Config

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


class ExecutionFailed(RuntimeError):
    """A notebook did not run to its end."""


def execute(script: Path, target: Path, parameters: dict[str, Any] | None = None) -> float:
    """Execute a percent script into `target` and return the seconds it took.

    `target` is written only after a run to the end; what a failed run got to lies beside it as `.failed.ipynb`.
    Raises ValueError for a parameter that the notebook does not have, ExecutionFailed for a failing cell.
    """
    source = notebooks.read_source(script)
    draft = target.with_suffix(".input.ipynb")
    failed = target.with_suffix(".failed.ipynb")
    notebooks.write(source, draft)
    try:
        check_names(draft, parameters or {})
        os.environ.update(ENVIRONMENT)
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as sockets:
                executed = papermill.execute_notebook(
                    str(draft),
                    str(failed),
                    parameters=parameters or {},
                    cwd=str(Path.cwd()),
                    progress_bar=sys.stderr.isatty(),
                    log_output=False,
                    # Sockets in a folder of its own: over TCP the kernel warns of eavesdroppers.
                    config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
                )
        except papermill.PapermillExecutionError as error:
            raise ExecutionFailed(f"{script}: {error}\nWhat ran lies in {failed}.") from error
        seconds = time.monotonic() - began
    finally:
        draft.unlink(missing_ok=True)
    notebooks.write(stamped(executed, source, seconds), target)
    failed.unlink(missing_ok=True)
    return seconds


def check_names(notebook: Path, parameters: dict[str, Any]) -> None:
    """Raise ValueError for a parameter that the notebook does not have: papermill only warns."""
    known = list(papermill.inspect_notebook(str(notebook)))
    for name in parameters:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise ValueError(f"there is no parameter {name!r}.{meant} The notebook has: {', '.join(known) or 'none'}.")


def stamped(executed: NotebookNode, source: NotebookNode, seconds: float) -> NotebookNode:
    """Return the executed notebook with the source's metadata, and when, where and how long it ran."""
    executed.metadata = dict(source.metadata) | {
        "ultralearn": {
            "seconds": round(seconds, 1),
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
        seconds = execute(arguments.script, arguments.target, parameters)
    except (ExecutionFailed, ValueError) as error:
        sys.exit(f"{name}: FAILED\n{error}")
    print(f"{name}: ran to the end in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
