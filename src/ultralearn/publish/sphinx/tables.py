"""Tables and links that the directives of the book build from data."""

from collections.abc import Sequence
from typing import TypeAlias

from docutils import nodes
from sphinx import addnodes

Cell: TypeAlias = str | nodes.Node | Sequence[nodes.Node]


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[int], names: str) -> nodes.table:
    """Build a table of these classes whose cells carry ul-1, ul-2, …, so that a style sheet can stack them."""
    group = nodes.tgroup(cols=len(headers))
    group += [nodes.colspec(colwidth=width) for width in widths]
    group += nodes.thead("", _row(headers))
    group += nodes.tbody("", *[_row(row) for row in rows])
    return nodes.table("", group, classes=["ul-table", *names.split()])


def _row(cells: Sequence[Cell]) -> nodes.row:
    return nodes.row("", *[_entry(cell, number) for number, cell in enumerate(cells, start=1)])


def _entry(cell: Cell, number: int) -> nodes.entry:
    if isinstance(cell, str):
        content: list[nodes.Node] = [nodes.Text(cell)]
    else:
        content = [cell] if isinstance(cell, nodes.Node) else list(cell)
    return nodes.entry("", nodes.paragraph("", "", *content), classes=[f"ul-{number}"])


def link(text: str, document: str) -> addnodes.pending_xref:
    """Link to a page by its name from the root; one that does not exist is a warning of the build."""
    label = nodes.inline("", text)
    return addnodes.pending_xref(
        "", label, refdomain="std", reftype="doc", reftarget=f"/{document}", refexplicit=True, refwarn=True
    )


def notebook_of(week: int, documents: set[str]) -> str | None:
    """Find the page of a week, among the names of all pages, or None where it is not written yet."""
    return next((name for name in sorted(documents) if name.startswith(f"notebooks/week_{week:02}_")), None)
