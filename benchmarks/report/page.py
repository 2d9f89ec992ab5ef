"""The Sphinx directive {benchmarks}: tables, plots and sentences from what `make bench` committed."""

import os
from pathlib import Path

import matplotlib
from docutils import nodes
from matplotlib import pyplot as plt
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from benchmarks.report.catalog import CatalogReport
from benchmarks.report.models import ModelReport
from benchmarks.report.results import FOLDER, Unreadable, read
from benchmarks.report.serving import ServingReport
from benchmarks.report.suite import Picture, Report

EMPTY = "This comparison has not been run yet: make bench writes it."
SHOWN_AT = 100  # pixels an inch, on the page
REPORTS: dict[str, type[Report]] = {
    "rating": ModelReport,
    "ranking": ModelReport,
    "catalog": CatalogReport,
    "serving": ServingReport,
}


class Benchmarks(SphinxDirective):
    """```{benchmarks} SUITE PART, a part being plot, table, losses, setup, settings, versions and others."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Show the part that was asked for, or that there is nothing yet."""
        suite, part = self.arguments
        if suite not in REPORTS:
            raise self.error(f"{{benchmarks}} shows {', '.join(REPORTS)}; it was asked for {suite!r}.")
        path = Path(self.env.srcdir) / FOLDER / f"{suite}.json"
        self.env.note_dependency(str(path))
        if not path.exists():
            return [nodes.paragraph("", EMPTY, classes=["ul-empty"])]
        try:
            report = REPORTS[suite](read(path))
        except Unreadable as error:
            raise self.error(str(error)) from error
        pictures, parts = report.pictures(), report.parts()
        if part in pictures:
            return self._shown(pictures[part]())
        if part in parts:
            return parts[part]()
        known = ", ".join([*pictures, *parts])
        raise self.error(f"{{benchmarks}} {suite} shows {known}; it was asked for {part!r}.")

    def _shown(self, picture: Picture) -> list[nodes.Node]:
        """The figure, drawn into the build's own folder, with its width on the page and its words."""
        path = Path(self.env.doctreedir) / "benchmarks" / f"{picture.name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context({"svg.hashsalt": picture.name}):  # the same results give the same file
            picture.figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(picture.figure)
        page = (Path(self.env.srcdir) / self.env.docname).parent
        width = f"{picture.figure.get_figwidth() * SHOWN_AT:.0f}px"
        uri = Path(os.path.relpath(path, page)).as_posix()
        shown: list[nodes.Node] = [nodes.image(uri=uri, alt=picture.words, width=width)]
        return [*shown, nodes.paragraph("", picture.caption, classes=["ul-caption"])] if picture.caption else shown


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    matplotlib.use("agg")  # nothing is shown while the book is built
    app.add_directive("benchmarks", Benchmarks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
