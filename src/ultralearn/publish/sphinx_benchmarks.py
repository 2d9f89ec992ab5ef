"""The directive {benchmarks}: tables, plots and sentences from what `make bench` committed."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import matplotlib
from docutils import nodes
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ultralearn.publish import benchmarks, catalogue_results, serving_results
from ultralearn.publish.benchmark_plots import (
    axes_in_words,
    bars,
    goodness,
    plain,
    quality_plot,
    size_plot,
    speed_headline,
    speed_plot,
)
from ultralearn.publish.benchmarks import Measure, Results
from ultralearn.publish.sphinx_tables import Cell, table

EMPTY = "This comparison has not been run yet: make bench writes it."
NOTHING_LOST = "Nowhere in this table: no library does as well in less time, or better with the same method."
SHOWN_AT = 100  # pixels an inch, on the page


class Benchmarks(SphinxDirective):
    """```{benchmarks} SUITE PART, a part being plot, table, losses, setup, settings, versions and others."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Show the part that was asked for, or that there is nothing yet."""
        suite, part = self.arguments
        fitted: dict[str, Callable[[Results], list[nodes.Node]]] = {
            "plot": self._plot,
            "speed": self._speed,
            "table": _table,
            "losses": lambda results: _lost(benchmarks.losses(results)),
            "setup": lambda results: [_bullets(benchmarks.setup_sentences(results))],
            "settings": _settings,
            "versions": _versions,
        }
        served: dict[str, Callable[[Results], list[nodes.Node]]] = {
            "plot": self._serving_plot,
            "findings": lambda results: [_bullets(serving_results.findings(results))],
            "table": _table,
            "losses": lambda results: _lost(serving_results.losses(results)),
            "setup": lambda results: [_bullets(serving_results.setup(results))],
            "settings": lambda results: _set(results, "Asked"),
            "versions": _versions,
        }
        searched: dict[str, Callable[[Results], list[nodes.Node]]] = {
            "plot": self._catalogue_plot,
            "findings": lambda results: [_bullets(catalogue_results.findings(results))],
            "table": _table,
            "losses": lambda results: _lost(catalogue_results.losses(results)),
            "setup": lambda results: [_bullets(catalogue_results.setup(results))],
            "settings": lambda results: _set(results, "Given"),
            "versions": _versions,
        }
        parts = {"serving": served, "catalogue": searched}.get(suite, fitted)
        if part not in parts:
            raise self.error(f"{{benchmarks}} {suite} shows {', '.join(parts)}; it was asked for {part!r}.")
        path = Path(self.env.srcdir) / benchmarks.FOLDER / f"{suite}.json"
        self.env.note_dependency(str(path))
        if not path.exists():
            return [nodes.paragraph("", EMPTY, classes=["ul-empty"])]
        try:
            return parts[part](benchmarks.read(path))
        except benchmarks.Unreadable as error:
            raise self.error(str(error)) from error

    def _plot(self, results: Results) -> list[nodes.Node]:
        figure, left_out = quality_plot(results)
        words = f"{plain(benchmarks.headline(results))}. {axes_in_words(results)}"
        shown: list[nodes.Node] = [self._picture(figure, f"{results.suite}-quality", words)]
        text = f"The band is a tie with the best: {results.quality.tie:g} {results.quality.unit}".strip() + "."
        if left_out:
            named = [f"{row.name} ({results.quality.show(row.median(results.quality.name))})" for row in left_out]
            text += f" Off the picture, far behind in {results.quality.title}: {benchmarks.joined(named)}."
        if outdone := results.outdone_at_home():
            named = [row.name for row in outdone]
            text += f" Not drawn, for the same library does as well in less time: {benchmarks.joined(named)}."
        return [*shown, nodes.paragraph("", text, classes=["ul-caption"])]

    def _speed(self, results: Results) -> list[nodes.Node]:
        measure = results.measures[-1]
        figure = speed_plot(results, measure)
        words = f"{plain(speed_headline(results, measure))}. Bars, {measure.unit}; the table has the numbers."
        return [self._picture(figure, f"{results.suite}-{measure.name}", words)]

    def _serving_plot(self, results: Results) -> list[nodes.Node]:
        values = {row.name: serving_results.per_second(row) for row in results.rows}
        title = serving_results.headline(results)
        figure = bars(results.rows, values, True, benchmarks.short, title, "Requests a CPU second", log=False)
        numbers = "; ".join(f"{row.label}: {benchmarks.short(values[row.name])}" for row in results.rows)
        return [self._picture(figure, "serving", f"{plain(title)}. Requests a CPU second: {numbers}.")]

    def _catalogue_plot(self, results: Results) -> list[nodes.Node]:
        title = catalogue_results.headline(results)
        figure = size_plot(results, title, catalogue_results.SIZE, "Films")
        numbers = "; ".join(
            f"{row.name}: {results.cost.show(row.median(results.cost.name))} ms" for row in results.rows
        )
        return [self._picture(figure, "catalogue", f"{plain(title)}. {numbers}.")]

    def _picture(self, figure: Figure, name: str, words: str) -> nodes.Node:
        """The figure, drawn into the build's own folder, with its width on the page and its words."""
        path = Path(self.env.doctreedir) / "benchmarks" / f"{name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context({"svg.hashsalt": name}):  # the same results give the same file
            figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)
        page = (Path(self.env.srcdir) / self.env.docname).parent
        width = f"{figure.get_figwidth() * SHOWN_AT:.0f}px"
        return nodes.image(uri=Path(os.path.relpath(path, page)).as_posix(), alt=words, width=width)


# --- tables and sentences


def _table(results: Results) -> list[nodes.Node]:
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


def _column(measure: Measure) -> str:
    return f"{measure.title}, {measure.unit}" if measure.unit else measure.title


def _lost(found: list[str]) -> list[nodes.Node]:
    return [_bullets(found)] if found else [nodes.paragraph("", NOTHING_LOST)]


def _settings(results: Results) -> list[nodes.Node]:
    rows: list[list[Cell]] = [[row.name, benchmarks.setting(row), row.data_format] for row in results.rows]
    headers = ["Contestant", "Hyper-parameters", "Given to fit"]
    return [table(headers, rows, [28, 52, 20], "ul-settings ul-stack")]


def _set(results: Results, last: str) -> list[nodes.Node]:
    """How each of them is set, and what it is given."""
    rows: list[list[Cell]] = []
    for row in results.rows:
        asked = [nodes.inline("", f"{last}: ", classes=["ul-narrow"]), nodes.Text(row.data_format)]
        rows.append([nodes.strong("", row.name), benchmarks.settings(row), asked])
    return [table(["Contestant", "Set", last], rows, [28, 40, 32], "ul-stack")]


def _versions(results: Results) -> list[nodes.Node]:
    lines = [*benchmarks.versions(results)]
    lines.append("Data, by SHA-256: " + ", ".join(f"{part} {digest[:12]}" for part, digest in results.data.items()))
    return [_bullets(lines)]


def _bullets(lines: Iterable[str]) -> nodes.Node:
    return nodes.bullet_list("", *[nodes.list_item("", nodes.paragraph("", line)) for line in lines])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    matplotlib.use("agg")  # nothing is shown while the book is built
    app.add_directive("benchmarks", Benchmarks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
