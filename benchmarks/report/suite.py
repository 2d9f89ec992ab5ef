"""What every suite's results are shown as: a plot, a table, sentences, settings, versions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from matplotlib.figure import Figure

from benchmarks.report.plots import goodness
from benchmarks.report.results import Measure, Results, Row
from ultralearn.publish.sphinx.tables import Cell, table

NOTHING_LOST = "Nowhere in this table: no library does as well in less time, or better with the same method."


@dataclass(frozen=True)
class Picture:
    """A figure, the name of its file, what it shows in words, and what stands below it."""

    figure: Figure
    name: str
    words: str
    caption: str = ""


class Report:
    """What may be said and shown of the results of one suite; a class a suite says how."""

    given = "Given"  # the last column of the settings

    def __init__(self, results: Results) -> None:
        self.results = results

    def headline(self) -> str:
        """What the plot says, as its title."""
        raise NotImplementedError

    def pictures(self) -> dict[str, Callable[[], Picture]]:
        """How to draw each, by the part of the page that asks for it."""
        raise NotImplementedError

    def losses(self) -> list[str]:
        """Where others are ahead of ours, a sentence each."""
        raise NotImplementedError

    def setup(self) -> list[str]:
        """How it was measured, a sentence each."""
        raise NotImplementedError

    def parts(self) -> dict[str, Callable[[], list[nodes.Node]]]:
        """All else that the page can ask for."""
        return {
            "table": self.table,
            "losses": self._losses_or_none,
            "setup": lambda: [bullets(self.setup())],
            "settings": self.settings,
            "versions": self.versions,
        }

    def _losses_or_none(self) -> list[nodes.Node]:
        found = self.losses()
        return [bullets(found)] if found else [nodes.paragraph("", NOTHING_LOST)]

    def table(self) -> list[nodes.Node]:
        results = self.results
        # Rows of several sizes are not to be sorted by quality; they stand as they took part.
        sized = all("items" in row.params for row in results.rows)
        order = results.rows if sized else sorted(results.rows, key=lambda row: -goodness(results, row))
        shown = results.shown()
        rows: list[list[Cell]] = []
        for row in order:
            name = nodes.strong("", row.name) if row.kind == "ours" else nodes.Text(row.name)
            cells: list[Cell] = [[name]]
            for measure in shown:
                spread = row.measured[measure.name]
                content: list[nodes.Node] = [
                    nodes.inline("", f"{_column(measure)}: ", classes=["ul-narrow"]),
                    nodes.Text(measure.show(spread.median)),
                ]
                low, high = measure.show(spread.min), measure.show(spread.max)
                if low != high:
                    content.append(nodes.inline("", f" {low} to {high}", classes=["ul-interval"]))
                cells.append(content)
            rows.append(cells)
        titles = [_column(measure) for measure in shown]
        rest = 60 // len(shown)
        return [table(["Contestant", *titles], rows, [40, *[rest] * len(titles)], "ul-bench ul-stack")]

    def settings(self) -> list[nodes.Node]:
        """How each of them is set, and what it is given."""
        rows: list[list[Cell]] = []
        for row in self.results.rows:
            asked = [nodes.inline("", f"{self.given}: ", classes=["ul-narrow"]), nodes.Text(row.data_format)]
            rows.append([nodes.strong("", row.name), settings(row), asked])
        return [table(["Contestant", "Set", self.given], rows, [28, 40, 32], "ul-stack")]

    def versions(self) -> list[nodes.Node]:
        """What ran, an environment a line, and on which data."""
        results = self.results
        lines = [
            f"{environment}: " + ", ".join(f"{name} {version}" for name, version in found.items())
            for environment, found in results.environments.items()
        ]
        digests = ", ".join(f"{part} {digest[:12]}" for part, digest in results.data.items())
        return [bullets([*lines, f"Data, by SHA-256: {digests}"])]


class ReportWithFindings(Report):
    """One whose page also says what was found."""

    def findings(self) -> list[str]:
        """What was found, a sentence each."""
        raise NotImplementedError

    def parts(self) -> dict[str, Callable[[], list[nodes.Node]]]:
        """Those of every report, and the findings."""
        return {"findings": lambda: [bullets(self.findings())], **super().parts()}


def _column(measure: Measure) -> str:
    return f"{measure.title}, {measure.unit}" if measure.unit else measure.title


def bullets(lines: Iterable[str]) -> nodes.Node:
    return nodes.bullet_list("", *[nodes.list_item("", nodes.paragraph("", line)) for line in lines])


def settings(row: Row) -> str:
    """A row's settings, and how those were found that were looked for."""
    found = ", ".join(f"{name} {set_to(value)}" for name, value in row.params.items())
    if row.tuned is None:
        return found
    ranges = "; ".join(f"{name} from {space}" for name, space in row.tuned["space"].items())
    return f"{found}. Searched: {ranges}"


def set_to(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
