"""Take the executed outputs as the new published ones, and note what the book shows of the run.

`python -m ultralearn.publish.accept 7` writes week 7's `.ipynb` and its `book/results/week_07.json`, without a number
those of all weeks. What came out as it is published stays as it is, byte for byte, its date and its seconds too.
"""

from __future__ import annotations

import copy
import json
import math
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from nbformat import NotebookNode
from nbval.plugin import coalesce_streams

from ultralearn import UltralearnError, files
from ultralearn.practice.claims import CLAIM_MIME
from ultralearn.publish import execute, notebooks

RESULTS = Path("book/results")  # one file a week
PROOFS = Path("_build/proofs")  # one file an exercise, written by its proof
TIMED = Path("_build/junit")  # what each test of a week's proofs took
NOTEBOOK_BUDGET, PROOFS_BUDGET = 100.0, 20.0  # CPU seconds a week


class AcceptanceError(UltralearnError, RuntimeError):
    """There is nothing, or nothing current, to accept."""


def merged(script: Path, executed_folder: Path = notebooks.EXECUTED) -> NotebookNode:
    """Return the notebook to publish: the source's cells with the executed outputs.

    Raises AcceptanceError where the run is missing or of another source.
    """
    executed_path = executed_folder / f"{script.stem}.ipynb"
    if not executed_path.exists():
        raise AcceptanceError(f"{script} was not executed: {executed_path} is missing. Run `make notebooks`.")
    executed = notebooks.read(executed_path)
    source = notebooks.read_source(script)
    fresh = notebooks.own_cells(executed)
    if len(fresh) != len(executed.cells):
        raise AcceptanceError(f"{executed_path} ran with parameters of its own. Run `make notebooks`.")
    if [cell.source for cell in fresh] != [cell.source for cell in source.cells]:
        raise AcceptanceError(f"{executed_path} comes from another version of {script}. Run `make notebooks`.")
    for cell, ran in zip(source.cells, fresh, strict=True):
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = ran.execution_count, ran.outputs
    source.metadata["ultralearn"] = executed.metadata["ultralearn"]
    return source


def claims(notebook: NotebookNode) -> list[dict[str, Any]]:
    """Return the claims that a notebook's outputs hold, in order."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return [dict(output["data"][CLAIM_MIME]) for output in outputs if CLAIM_MIME in output.get("data", {})]


def harvest(path: Path) -> dict[str, Any]:
    """Return what the status page shows of one published notebook."""
    notebook = notebooks.read(path)
    run = notebook.metadata["ultralearn"]
    return {
        "name": path.stem,
        "title": notebooks.title(notebook),
        "seconds": run["seconds"],
        "cpu_seconds": run["cpu_seconds"],
        "date": run["date"],
        "machine": run["machine"],
        "versions": dict(run["versions"]),
        "claims": claims(notebook),
    }


def proofs(week: str, folder: Path = PROOFS) -> list[dict[str, Any]]:
    """Return the kill table's rows of a week. Raises AcceptanceError where nothing was proved."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(f"{week}.*.json")]
    if not rows:
        raise AcceptanceError(f"the exercises of {week} were not proved: {folder} has none. Run `make proofs`.")
    return sorted(rows, key=lambda row: int(row["position"]))


def cpu_seconds_of_proofs(week: str) -> float:
    """Return what the tests of a week's proofs took together. Raises AcceptanceError where they were not timed."""
    path = TIMED / f"proofs.{week}.xml"
    if not path.exists():
        raise AcceptanceError(f"the proofs of {week} were not timed: {path} is missing. Run `make proofs`.")
    found = ElementTree.parse(path).iterfind(".//property[@name='cpu_seconds']")
    return round(sum(float(entry.attrib["value"]) for entry in found), 1)


def is_reference_platform(published: NotebookNode) -> bool:
    """Whether system, processor and line of Python are those that a published notebook's outputs come from."""
    run = published.metadata["ultralearn"]
    here = execute.versions()["python"], execute.machine()
    return _platform(*here) == _platform(run["versions"]["python"], run["machine"])


def _platform(python: str, machine: str) -> tuple[list[str], str]:
    return python.split(".")[:2], machine.partition(", ")[2]  # the number of cores is no part of it


def same(stored: NotebookNode, fresh: NotebookNode) -> bool:
    """Whether two notebooks show the same. Cells whose outputs nobody compares may differ in those."""
    return [_shown(cell) for cell in stored.cells] == [_shown(cell) for cell in fresh.cells]


def _shown(cell: NotebookNode) -> tuple[Any, ...]:
    outputs = [] if "nbval-ignore-output" in cell.metadata.get("tags", []) else cell.get("outputs", [])
    return (
        cell.cell_type,
        cell.source,
        cell.metadata,
        cell.get("execution_count"),
        coalesce_streams(copy.deepcopy(outputs)),
    )


def accept(week: int | None = None) -> dict[str, bool]:
    """Take one week, or all; return, by the notebook's name, whether anything was written.

    Raises AcceptanceError, having written nothing, where something is missing, stale or above its budget.
    """
    named = "week_" if week is None else f"week_{week:02}_"
    scripts = [script for script in notebooks.sources() if script.name.startswith(named)]
    if not scripts:
        raise AcceptanceError(f"there is no notebooks/{named}*.py")
    drafts = [(script, *_draft(script)) for script in scripts]
    written = {}
    for script, notebook, proved in drafts:
        path, results = script.with_suffix(".ipynb"), RESULTS / f"{script.stem[:7]}.json"
        if notebook is not None:
            notebooks.write(notebook, path)
        text = json.dumps({"notebook": harvest(path), "proofs": proved}, indent=1, ensure_ascii=False) + "\n"
        written[script.stem] = notebook is not None or not results.exists() or results.read_text("utf-8") != text
        if written[script.stem]:
            files.write_text(results, text)
    return written


def _draft(script: Path) -> tuple[NotebookNode | None, dict[str, Any]]:
    """What is to be written of one week: its notebook, None where the published one shows the same, and its proofs."""
    week, stored = script.stem[:7], script.with_suffix(".ipynb")
    fresh = merged(script)
    notebook: NotebookNode | None = fresh
    proved: dict[str, Any] = {"cpu_seconds": cpu_seconds_of_proofs(week), "exercises": proofs(week)}
    _hold_budget(script.stem, fresh.metadata["ultralearn"]["cpu_seconds"], NOTEBOOK_BUDGET)
    _hold_budget(f"the proofs of {week}", proved["cpu_seconds"], PROOFS_BUDGET)
    if stored.exists():
        published = notebooks.read(stored)
        took = published.metadata["ultralearn"].get("cpu_seconds", math.inf)
        if took <= NOTEBOOK_BUDGET and same(published, fresh):
            notebook = None
    results = RESULTS / f"{week}.json"
    if results.exists():
        before = json.loads(results.read_text(encoding="utf-8"))["proofs"]
        if before.get("cpu_seconds", math.inf) <= PROOFS_BUDGET and before["exercises"] == proved["exercises"]:
            proved = before
    return notebook, proved


def _hold_budget(what: str, took: float, budget: float) -> None:
    if took > budget:
        raise AcceptanceError(
            f"{what} took {took:.1f} s of CPU time, {took - budget:.1f} s more than the {budget:.0f} s it may."
        )


def main() -> None:
    """Run the command line."""
    try:
        week = int(sys.argv[1]) if sys.argv[1:] else None
        written = accept(week)
    except (AcceptanceError, ValueError) as error:
        sys.exit(f"Nothing was accepted: {error}")
    for name, new in written.items():
        print(f"{name}: {'accepted' if new else 'as published, nothing was written'}")


if __name__ == "__main__":
    main()
