"""The plots of the benchmarks. Color and marker say the same, so that neither is needed; labels cover nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from benchmarks.report.results import Measure, Results, Row, rounded
from ultralearn.experiments.curves import spread

STYLES = {  # color, marker
    "ours": ("#1b8a8f", "o"),
    "peer": ("#cf6a1e", "s"),
    "baseline": ("#8a9199", "^"),
}


def quality_plot(results: Results, title: str) -> tuple[Figure, list[Row]]:
    """Quality against cost, and the rows that are so far behind that they would squeeze all others together."""
    quality, cost = results.quality, results.cost
    best = max((results.best(kind, quality) for kind in ("ours", "peer")), key=lambda row: goodness(results, row))
    drawn = [row for row in results.rows if row not in results.outdone_at_home()]
    near = [row for row in drawn if _gap(results, row, best) <= 0.12 * abs(best.median(quality.name))]
    with plt.style.context("ultralearn.practice.book"):
        figure, axes = plt.subplots(figsize=(4.6, 4.8))
        _title(figure, title)
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


def goodness(results: Results, row: Row) -> float:
    return row.median(results.quality.name) * (1 if results.quality.more_is_better else -1)


def _gap(results: Results, row: Row, best: Row) -> float:
    return goodness(results, best) - goodness(results, row)


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
    axes: Axes,
    point: tuple[float, float],
    text: str,
    color: str,
    right: float,
    up: float,
    line: bool = False,
    middle: bool = False,
) -> Annotation:
    return axes.annotate(
        text,
        point,
        xytext=(right, up),
        textcoords="offset points",
        color=color,
        fontsize=10,
        horizontalalignment="left" if right > 0 else "right" if right < 0 else "center",
        verticalalignment="center" if middle or up == 0 else "bottom" if up > 0 else "top",
        arrowprops={"arrowstyle": "-", "color": color, "alpha": 0.5, "shrinkA": 0, "shrinkB": 4} if line else None,
    )


def speed_plot(results: Results, measure: Measure) -> Figure:
    """One bar a row, the best on top."""
    values = {row.name: row.median(measure.name) for row in results.rows}
    label = f"{measure.title}, {measure.unit} (log scale)"
    return bars(results.rows, values, measure.more_is_better, measure.show, speed_headline(results, measure), label)


def bars(
    rows: Sequence[Row],
    values: Mapping[str, float],
    more_is_better: bool,
    show: Callable[[float], str],
    title: str,
    label: str,
    log: bool = True,
) -> Figure:
    """One bar a row, of its value by its name, the best on top; ours are filled.

    log: for values whose sizes are too far apart to be seen side by side. Where the title is about a share, lengths
    must be in proportion.
    """
    rows = sorted(rows, key=lambda row: values[row.name] * (1 if more_is_better else -1))
    with plt.style.context("ultralearn.practice.book"):
        figure, axes = plt.subplots(figsize=(4.4, 0.9 + 0.27 * len(rows)))
        _title(figure, title)
        axes.set_xscale("log" if log else "linear")
        axes.set_xlabel(label)
        most = max(values.values())
        for place, row in enumerate(rows):
            value, color = values[row.name], STYLES[row.kind][0]
            full = row.kind == "ours"
            axes.barh(place, value, color=color if full else "none", edgecolor=color, linewidth=1.2, height=0.66)
            axes.text(
                value * 1.08 if log else value + 0.02 * most, place, show(value), color=color, va="center", fontsize=10
            )
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_xlim(*((min(values.values()) / 2, most * 3.5) if log else (0, most * 1.25)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
    return figure


LINES = (("-", "o"), ("--", "s"), (":", "D"), ("-.", "^"), ((0, (5, 1, 1, 1)), "v"))  # a dash and a marker a series


def size_plot(results: Results, title: str, size: str, label: str) -> Figure:
    """The cost against a size that is among the rows' parameters, a line a series, each named at its end."""
    cost = results.cost
    series: dict[str, list[Row]] = {}
    for row in results.rows:
        series.setdefault(row.series, []).append(row)
    with plt.style.context("ultralearn.practice.book"):
        figure, axes = plt.subplots(figsize=(4.6, 4.2))
        _title(figure, title)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(f"{label} (log scale)")
        axes.set_ylabel(f"{cost.title}, {cost.unit} (log scale) · down is better")
        ends = []
        for (name, rows), (dash, marker) in zip(series.items(), LINES, strict=True):
            rows = sorted(rows, key=lambda row: row.params[size])
            x, y = [row.params[size] for row in rows], [row.median(cost.name) for row in rows]
            color = STYLES[rows[0].kind][0]
            axes.plot(x, y, linestyle=dash, marker=marker, color=color, fillstyle=_fill(rows[0].kind), linewidth=1.6)
            ends.append((x[-1], y[-1], name, color))
        smallest, largest = min(row.params[size] for row in results.rows), max(row.params[size] for row in results.rows)
        axes.set_xlim(smallest / 1.5, largest * (largest / smallest) ** 0.45)  # room for the names
        axes.set_xticks(sorted({row.params[size] for row in results.rows}))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: rounded(value)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        _name_ends(axes, ends)
    return figure


def _name_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each name, (x, y, text, color), right of its point, higher or lower where two would touch."""
    figure = axes.figure.figure
    assert figure is not None
    figure.canvas.draw()  # the layout must stand before anything is measured
    line = 13 * figure.dpi / 72
    spots = axes.transData.transform([(x, y) for x, y, _, _ in ends])
    order = np.argsort(spots[:, 1])
    for place, height in zip(order, spread(spots[order, 1].tolist(), line), strict=True):
        x, y, text, color = ends[place]
        _label(axes, (x, y), text, color, 10, (height - spots[place, 1]) * 72 / figure.dpi, middle=True)


def speed_headline(results: Results, measure: Measure) -> str:
    own, peer = results.best("ours", measure), results.best("peer", measure)
    ratio = own.median(measure.name) / peer.median(measure.name)
    ratio = ratio if measure.more_is_better else 1 / ratio
    if ratio >= 1:
        return f"{own.label} serves {ratio:.1f} times as many\nas the fastest library row"
    return f"The fastest library row serves {1 / ratio:.1f} times\nas many as {own.label}"


def axes_in_words(results: Results) -> str:
    parts = [
        f"{row.label}: {results.quality.show(row.median(results.quality.name))} in "
        f"{results.cost.show(row.median(results.cost.name))} {results.cost.unit}"
        for row in results.rows
    ]
    return f"{'; '.join(parts)}."


def plain(title: str) -> str:
    return title.replace("\n", " ")
