"""The directive {benchmarks}: tables, plots and sentences from what `make bench` committed."""

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
from docutils import nodes
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ultralearn.publish import benchmarks
from ultralearn.publish.benchmarks import Measure, Results, Row
from ultralearn.publish.sphinx_tables import Cell, table

EMPTY = "This comparison has not been run yet: make bench writes it."
NOTHING_LOST = "Nowhere in this table: no library does as well in less time, or better with the same method."
STYLES = {  # color, marker: the two say the same, so that neither is needed
    "ours": ("#1b8a8f", "o"),
    "peer": ("#cf6a1e", "s"),
    "baseline": ("#8a9199", "^"),
}
SHOWN_AT = 100  # pixels an inch, on the page


class Benchmarks(SphinxDirective):
    """```{benchmarks} SUITE PART, a part being plot, speed, table, losses, setup, settings or versions."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Show the part that was asked for, or that there is nothing yet."""
        parts: dict[str, Callable[[Results], list[nodes.Node]]] = {
            "plot": self._plot,
            "speed": self._speed,
            "table": _table,
            "losses": _losses,
            "setup": _setup,
            "settings": _settings,
            "versions": _versions,
        }
        suite, part = self.arguments
        if part not in parts:
            raise self.error(f"{{benchmarks}} shows {', '.join(parts)}; it was asked for {part!r}.")
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
        words = f"{_plain(benchmarks.headline(results))}. {_axes_in_words(results)}"
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
        words = f"{_plain(_speed_headline(results, measure))}. Bars, {measure.unit}; the table has the numbers."
        return [self._picture(figure, f"{results.suite}-{measure.name}", words)]

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


# --- plots


def quality_plot(results: Results) -> tuple[Figure, list[Row]]:
    """Quality against cost, and the rows that are so far behind that they would squeeze all others together."""
    quality, cost = results.quality, results.cost
    best = max((results.best(kind, quality) for kind in ("ours", "peer")), key=lambda row: _goodness(results, row))
    drawn = [row for row in results.rows if row not in results.outdone_at_home()]
    near = [row for row in drawn if _gap(results, row, best) <= 0.12 * abs(best.median(quality.name))]
    with plt.style.context("ultralearn.practice.book"):
        figure, axes = plt.subplots(figsize=(4.6, 4.8))
        _title(figure, benchmarks.headline(results))
        axes.set_xscale("log")
        axes.set_xlabel(f"{cost.title}, {cost.unit} (log scale)")
        up = "up is better" if quality.more_is_better else "down is better"
        axes.set_ylabel(" ".join(filter(None, [quality.title, quality.unit and f"({quality.unit})", f"· {up}"])))
        for kind, (color, marker) in STYLES.items():
            chosen = [row for row in near if row.kind == kind]
            x, y = [row.median(cost.name) for row in chosen], [row.median(quality.name) for row in chosen]
            axes.plot(x, y, marker, color=color, markersize=7, linestyle="none", fillstyle=_fill(kind))
        seconds = [row.median(cost.name) for row in near]
        axes.set_xlim(min(seconds) / 1.8, max(seconds) * 1.8)
        axes.margins(y=0.12)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        top = best.median(quality.name)
        tied = sorted([top, top - quality.tie if quality.more_is_better else top + quality.tie])
        axes.axhspan(*tied, color=STYLES["baseline"][0], alpha=0.16, linewidth=0)
        place_labels(axes, list(_labels(axes, results, near)))
    return figure, [row for row in drawn if row not in near]


def _title(figure: Figure, text: str) -> None:
    """Over the whole figure: over the axes alone, beside long names, there is no room for a sentence."""
    figure.suptitle(text, x=0.02, horizontalalignment="left", fontsize=12)


def _labels(axes: Axes, results: Results, rows: Sequence[Row]) -> Iterable[tuple[float, float, str, str]]:
    """What to write at each point. Of a series the first point is named, the others bear their size, on a line."""
    ordered = sorted(rows, key=lambda row: (row.kind, row.median(results.cost.name)))
    for row in ordered:
        color = STYLES[row.kind][0]
        series = [other for other in ordered if row.series and other.series == row.series]
        if series and row is series[0]:
            x = [other.median(results.cost.name) for other in series]
            y = [other.median(results.quality.name) for other in series]
            axes.plot(x, y, color=color, linewidth=1, linestyle="-", alpha=0.6)
        size = row.label.removeprefix(row.series).strip()
        text = size if series and row is not series[0] else row.label
        yield row.median(results.cost.name), row.median(results.quality.name), text, color


def _fill(kind: str) -> str:
    return "full" if kind == "ours" else "none"


def _goodness(results: Results, row: Row) -> float:
    return row.median(results.quality.name) * (1 if results.quality.more_is_better else -1)


def _gap(results: Results, row: Row, best: Row) -> float:
    return _goodness(results, best) - _goodness(results, row)


def place_labels(axes: Axes, points: Sequence[tuple[float, float, str, str]]) -> list[Bbox]:
    """Write each label, (x, y, text, color), beside its point where it covers no point and no other label.

    Where there is no room nearby the label stands off, with a line. Returns the boxes that they take, in pixels. Only
    in a crowd that leaves no room at all do two of them overlap.
    """
    figure = axes.figure.figure
    assert figure is not None
    figure.canvas.draw()  # the layout must stand before anything is measured
    frame = axes.get_window_extent()
    spots = axes.transData.transform([(x, y) for x, y, _, _ in points])
    markers = [Bbox.from_extents(x - 8, y - 8, x + 8, y + 8) for x, y in spots]
    for line in axes.lines:
        if line.get_linestyle() == "-":  # a series; labels keep off its line too
            markers += list(_along(axes.transData.transform(line.get_xydata())))
    boxes: list[Bbox] = []
    longest_first = sorted(points, key=lambda point: -len(point[2]))
    for x, y, text, color in longest_first:
        spot = axes.transData.transform((x, y))
        sample = _label(axes, (x, y), text, color, 0, 0)
        size = np.array(sample.get_window_extent().size)
        sample.remove()
        tried = []
        for distance, right, up in _offsets():
            end = spot + np.array([right, up]) * distance * figure.dpi / 72
            corner = end - size * (1 - np.sign([right, up])) / 2  # where _label lets the text begin
            box = Bbox([corner, corner + size]).padded(2)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 + 12 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            lead = list(_along(np.array([spot, end]))) if distance > 14 else []
            # Worst is to be cut off, then to cover a label, then a point or a line, then to cross a label.
            covered = 1e4 * (not inside) + 1e3 * sum(map(box.overlaps, boxes)) + 30 * sum(map(box.overlaps, markers))
            covered += sum(part.overlaps(other) for part in lead for other in boxes)
            tried.append((covered, distance, right, up, box, lead))
            if covered == 0:
                break
        _, distance, right, up, box, lead = min(tried, key=lambda attempt: attempt[0])
        _label(axes, (x, y), text, color, distance * right, distance * up, line=bool(lead))
        boxes.append(box)
        markers += lead
    return boxes


def _along(corners: NDArray[np.float64]) -> Iterable[Bbox]:
    """Small boxes along a line through these corners, (n, 2) in pixels."""
    for start, end in pairwise(corners):
        steps = max(int(np.linalg.norm(end - start) // 8), 1)
        for x, y in start + (end - start) * np.linspace(0, 1, steps + 1)[:, None]:
            yield Bbox.from_extents(x - 1, y - 1, x + 1, y + 1)


def _offsets() -> Iterable[tuple[int, float, float]]:
    """Distances in points, and directions: beside the point first, then above and below, then aslant, then farther."""
    beside = [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
    aslant = [(right, up) for up in (0.6, -0.6, 0.9, -0.9, 0.3, -0.3) for right in (0.8, -0.8)]
    for distance in (9, 14, 22, 32, 44, 58, 74, 92, 112, 134):
        for right, up in [*beside, *aslant]:
            yield distance, right, up


def _label(
    axes: Axes, point: tuple[float, float], text: str, color: str, right: float, up: float, line: bool = False
) -> Annotation:
    return axes.annotate(
        text,
        point,
        xytext=(right, up),
        textcoords="offset points",
        color=color,
        fontsize=10,
        horizontalalignment="left" if right > 0 else "right" if right < 0 else "center",
        verticalalignment="bottom" if up > 0 else "top" if up < 0 else "center",
        arrowprops={"arrowstyle": "-", "color": color, "alpha": 0.5, "shrinkA": 0, "shrinkB": 4} if line else None,
    )


def speed_plot(results: Results, measure: Measure) -> Figure:
    """One bar a row, the best on top."""
    rows = sorted(results.rows, key=lambda row: row.median(measure.name) * (1 if measure.more_is_better else -1))
    with plt.style.context("ultralearn.practice.book"):
        figure, axes = plt.subplots(figsize=(4.4, 0.9 + 0.27 * len(rows)))
        _title(figure, _speed_headline(results, measure))
        axes.set_xscale("log")
        axes.set_xlabel(f"{measure.title}, {measure.unit} (log scale)")
        for place, row in enumerate(rows):
            value, color = row.median(measure.name), STYLES[row.kind][0]
            full = row.kind == "ours"
            axes.barh(place, value, color=color if full else "none", edgecolor=color, linewidth=1.2, height=0.66)
            axes.text(value * 1.08, place, measure.show(value), color=color, va="center", fontsize=10)
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        values = [row.median(measure.name) for row in rows]
        axes.set_xlim(min(values) / 2, max(values) * 3.5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: measure.show(value)))
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
    return figure


def _speed_headline(results: Results, measure: Measure) -> str:
    own, peer = results.best("ours", measure), results.best("peer", measure)
    ratio = own.median(measure.name) / peer.median(measure.name)
    ratio = ratio if measure.more_is_better else 1 / ratio
    if ratio >= 1:
        return f"{own.label} serves {ratio:.1f} times as many\nas the fastest library row"
    return f"The fastest library row serves {1 / ratio:.1f} times\nas many as {own.label}"


def _axes_in_words(results: Results) -> str:
    parts = [
        f"{row.label}: {results.quality.show(row.median(results.quality.name))} in "
        f"{results.cost.show(row.median(results.cost.name))} {results.cost.unit}"
        for row in results.rows
    ]
    return f"{'; '.join(parts)}."


def _plain(title: str) -> str:
    return title.replace("\n", " ")


# --- tables and sentences


def _table(results: Results) -> list[nodes.Node]:
    order = sorted(results.rows, key=lambda row: -_goodness(results, row))
    rows: list[list[Cell]] = []
    for row in order:
        name = nodes.strong("", row.name) if row.kind == "ours" else nodes.Text(row.name)
        cells: list[Cell] = [[name]]
        for measure in results.measures:
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
    titles = [_column(measure) for measure in results.measures]
    rest = 60 // len(results.measures)
    return [table(["Contestant", *titles], rows, [40, *[rest] * len(titles)], "ul-bench ul-stack")]


def _column(measure: Measure) -> str:
    return f"{measure.title}, {measure.unit}" if measure.unit else measure.title


def _losses(results: Results) -> list[nodes.Node]:
    found = benchmarks.losses(results)
    if not found:
        return [nodes.paragraph("", NOTHING_LOST)]
    return [_bullets(found)]


def _setup(results: Results) -> list[nodes.Node]:
    return [_bullets(benchmarks.setup_sentences(results))]


def _settings(results: Results) -> list[nodes.Node]:
    rows: list[list[Cell]] = [[row.name, benchmarks.setting(row), row.data_format] for row in results.rows]
    headers = ["Contestant", "Hyper-parameters", "Given to fit"]
    return [table(headers, rows, [28, 52, 20], "ul-settings ul-stack")]


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
