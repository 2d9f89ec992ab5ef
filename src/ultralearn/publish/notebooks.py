"""The pairs in `notebooks/`: `week_NN_name.py` is the source, `week_NN_name.ipynb` the same cells with outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from ultralearn import files

FOLDER = Path("notebooks")
EXECUTED = Path("_build/executed")
INJECTED = "injected-parameters"  # papermill's tag


def sources(folder: Path = FOLDER) -> list[Path]:
    """Return the percent scripts of the weeks, in order."""
    return sorted(folder.glob("week_*.py"))


def read_source(script: Path) -> NotebookNode:
    """Return the notebook of a percent script: no outputs, cell ids by position, so that they stay the same."""
    notebook: NotebookNode = jupytext.read(script)
    for position, cell in enumerate(notebook.cells):
        cell.id = f"cell-{position:03d}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def read(path: Path) -> NotebookNode:
    """Return a stored notebook. Raises FileNotFoundError with what to do where there is none."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist. Run `make notebooks`, then `make accept`.")
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all."""
    files.write_text(path, nbformat.writes(notebook) + "\n")


def own_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells without the one that papermill injects."""
    return [cell for cell in notebook.cells if INJECTED not in cell.metadata.get("tags", [])]


def title(notebook: NotebookNode) -> str:
    """Return the first heading."""
    lines = (line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.removeprefix("# ").strip() for line in lines if line.startswith("# ")), "")


def drift(script: Path) -> list[str]:
    """Return how a script and its notebook differ, cell by cell; empty where they are in step."""
    stored = script.with_suffix(".ipynb")
    if not stored.exists():
        return [f"{stored} does not exist"]
    ours, theirs = read_source(script).cells, read(stored).cells
    if len(ours) != len(theirs):
        return [f"{script} has {len(ours)} cells, {stored} has {len(theirs)}"]
    return [
        f"cell {number}: {script.name} and {stored.name} differ in {part}"
        for number, (a, b) in enumerate(zip(ours, theirs, strict=True))
        for part, left, right in _parts(a, b)
        if left != right
    ]


def _parts(a: NotebookNode, b: NotebookNode) -> list[tuple[str, Any, Any]]:
    return [
        ("kind", a.cell_type, b.cell_type),
        ("source", a.source, b.source),
        ("tags", a.metadata.get("tags", []), b.metadata.get("tags", [])),
        ("reason", a.metadata.get("reason"), b.metadata.get("reason")),
    ]
