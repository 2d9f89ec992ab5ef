"""Take the executed outputs as the new published ones, and note what the book shows of the run.

`python -m ultralearn.publish.accept` writes `notebooks/*.ipynb` and `book/results.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from ultralearn import files
from ultralearn.practice.claims import CLAIM_MIME
from ultralearn.publish import execute, notebooks

RESULTS = Path("book/results.json")
PROOFS = Path("_build/proofs")  # one file an exercise, written by its proof


class NotAccepted(RuntimeError):
    """There is nothing, or nothing current, to accept."""


def merged(script: Path, executed_folder: Path = notebooks.EXECUTED) -> NotebookNode:
    """Return the notebook to publish: the source's cells with the executed outputs.

    Raises NotAccepted where the run is missing or of another source.
    """
    executed_path = executed_folder / f"{script.stem}.ipynb"
    if not executed_path.exists():
        raise NotAccepted(f"{script} was not executed: {executed_path} is missing. Run `make notebooks`.")
    executed = notebooks.read(executed_path)
    source = notebooks.read_source(script)
    fresh = notebooks.own_cells(executed)
    if len(fresh) != len(executed.cells):
        raise NotAccepted(f"{executed_path} ran with parameters of its own. Run `make notebooks`.")
    if [cell.source for cell in fresh] != [cell.source for cell in source.cells]:
        raise NotAccepted(f"{executed_path} comes from another version of {script}. Run `make notebooks`.")
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
        "date": run["date"],
        "machine": run["machine"],
        "versions": dict(run["versions"]),
        "claims": claims(notebook),
    }


def proofs(folder: Path = PROOFS) -> list[dict[str, Any]]:
    """Return the kill table's rows, in the order of the weeks. Raises NotAccepted where nothing was proved."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    if not rows:
        raise NotAccepted(f"the exercises were not proved: {folder} is empty. Run `make proofs`.")
    return sorted(rows, key=lambda row: (row["week"], row["position"]))


def is_reference_platform(results: Path = RESULTS) -> bool:
    """Whether machine, system and line of Python are those that the published outputs come from."""
    published = json.loads(results.read_text(encoding="utf-8"))["notebooks"][0]
    here = execute.versions()["python"], execute.machine()
    return _platform(*here) == _platform(published["versions"]["python"], published["machine"])


def _platform(python: str, machine: str) -> tuple[list[str], str]:
    return python.split(".")[:2], machine.partition(", ")[2]  # the number of cores is no part of it


def accept() -> dict[str, Any]:
    """Write the published notebooks and the results. Raises NotAccepted, having written nothing, where one is stale."""
    proved = proofs()
    scripts = notebooks.sources()
    fresh = [(script.with_suffix(".ipynb"), merged(script)) for script in scripts]
    for path, notebook in fresh:
        notebooks.write(notebook, path)
    results = {
        "notebooks": [harvest(path) for path, _ in fresh],
        "exercises": proved,
    }
    files.write_text(RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return results


def main() -> None:
    """Run the command line."""
    try:
        results = accept()
    except NotAccepted as error:
        sys.exit(f"Nothing was accepted: {error}")
    for entry in results["notebooks"]:
        print(f"{entry['name']}: {len(entry['claims'])} claims, {entry['seconds']:.0f} s")
    print(f"{len(results['exercises'])} exercises; see {RESULTS}")


if __name__ == "__main__":
    main()
