"""A pytest plugin that compares stored notebooks with executed ones, cell by cell, by nbval's own comparer.

`pytest -p ultralearn.publish.replay --executed _build/executed notebooks/*.ipynb`: nothing runs a second time.
It builds on nbval's internals; nbval is pinned for that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams, find_metadata_tags

from ultralearn.practice.claims import CLAIM_MIME
from ultralearn.publish import accept, notebooks


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the folder of the executed notebooks."""
    parser.addoption("--executed", type=Path, help="folder of the executed notebooks to compare the stored ones with")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ReplayedNotebook | None:
    """Collect notebooks where a folder of executed ones is given."""
    if parent.config.getoption("executed") is None or file_path.suffix != ".ipynb":
        return None
    replayed: ReplayedNotebook = ReplayedNotebook.from_parent(parent, path=file_path)
    return replayed


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what comes from another platform than this: the last digits differ from one to another."""
    elsewhere = pytest.mark.skip(reason="not on the reference platform, whose outputs are the published ones")
    for item in items:
        if isinstance(item.parent, ReplayedNotebook) and not accept.is_reference_platform(item.parent.nb):
            item.add_marker(elsewhere)


class ReplayedNotebook(IPyNbFile):  # type: ignore[misc]  # nbval has no types
    """A stored notebook whose test outputs come from an executed one instead of a kernel."""

    def setup(self) -> None:
        """Start no kernel."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one test for the cells as a whole, and one for each stored code cell."""
        self.skip_compare: tuple[str, ...] = (*self.skip_compare, CLAIM_MIME)
        self.nb = notebooks.read(self.path)
        executed_path = self.config.getoption("executed") / self.path.name
        self.executed = notebooks.own_cells(notebooks.read(executed_path)) if executed_path.exists() else None
        yield Whole.from_parent(self, name="cells")
        for number, cell in enumerate(self.nb.cells):
            if cell.cell_type == "code":
                options = defaultdict(bool, {"check": True} | dict(find_metadata_tags(cell.metadata)))
                yield ReplayedCell.from_parent(self, name=f"cell {number}", cell_num=number, cell=cell, options=options)


class Whole(pytest.Item):
    """Stored and executed notebook have the same number of cells."""

    parent: ReplayedNotebook

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the test stands; a skipped one needs a line."""
        return self.path, 0, f"{self.path.name}: {self.name}"

    def runtest(self) -> None:
        """Compare the numbers of cells."""
        assert self.parent.executed is not None, f"{self.parent.path.name} was not executed: run `make notebooks`"
        stored, executed = len(self.parent.nb.cells), len(self.parent.executed)
        assert stored == executed, f"stored are {stored} cells, executed {executed}: a cell is missing"


class ReplayedCell(IPyNbCell):  # type: ignore[misc]  # nbval has no types
    """One stored code cell, held to the executed one at its place."""

    def runtest(self) -> None:
        """Compare source, then outputs."""
        executed = self.parent.executed or []
        if self.cell_num >= len(executed):
            self.raise_cell_error("The executed notebook lacks this cell. Run `make notebooks`.", "")
        fresh = executed[self.cell_num]
        if fresh.cell_type != "code" or fresh.source != self.cell.source:
            self.raise_cell_error("Stale: the executed source is another. Run `make notebooks` and `make accept`.", "")
        if self.cell.source.strip() and self.cell.execution_count is None:
            self.raise_cell_error("The stored cell was never executed. Run `make notebooks` and `make accept`.", "")
        if self.options["check"] and not self.compare_outputs(comparable(fresh.outputs), comparable(self.cell.outputs)):
            self.raise_cell_error("The outputs differ from the published ones.", "\n".join(self.comparison_traceback))


def comparable(outputs: list[NotebookNode]) -> list[Any]:
    """Return the outputs as they are compared: of a claim the sentence and the bound alone, in `text/plain`."""
    return [
        _claim_text(output) if CLAIM_MIME in output.get("data", {}) else output for output in coalesce_streams(outputs)
    ]


def _claim_text(output: NotebookNode) -> NotebookNode:
    return NotebookNode({**output, "data": {"text/plain": output["data"]["text/plain"]}})
