"""The directive {results}: what the accepted run measured, from book/results/week_NN.json."""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ultralearn.publish.sphinx.tables import Cell, link, notebook_of, table

RESULTS = "book/results"
EMPTY = "No run has been accepted yet: make accept writes this table."


class Results(SphinxDirective):
    """```{results} claims, runs, machine, exercises or equivalents."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Show the part that was asked for, or that there is nothing yet."""
        parts = {
            "claims": self._claims,
            "runs": self._runs,
            "machine": self._machine,
            "exercises": self._exercises,
            "equivalents": self._equivalents,
        }
        if self.arguments[0] not in parts:
            raise self.error(f"{{results}} shows {', '.join(parts)}; it was asked for {self.arguments[0]!r}.")
        try:
            shown = parts[self.arguments[0]](self._data())
        except (json.JSONDecodeError, KeyError) as error:
            raise self.error(f"{RESULTS} cannot be read ({error!r}); make accept writes it anew.") from error
        return shown or [nodes.paragraph("", EMPTY, classes=["ul-empty"])]

    def _data(self) -> dict[str, list[dict[str, Any]]]:
        """All notebooks and all exercises, in the order of the weeks."""
        found: dict[str, list[dict[str, Any]]] = {"notebooks": [], "exercises": []}
        for path in sorted((Path(self.env.srcdir) / RESULTS).glob("week_*.json")):
            self.env.note_dependency(str(path))
            week = json.loads(path.read_text(encoding="utf-8"))
            found["notebooks"].append(week["notebook"])
            found["exercises"] += week["proofs"]["exercises"]
        return found

    def _title(self, notebook: dict[str, Any]) -> nodes.Node:
        page = f"notebooks/{notebook['name']}"
        return link(notebook["title"], page) if page in self.env.found_docs else nodes.Text(notebook["title"])

    def _claims(self, data: dict[str, list[dict[str, Any]]]) -> list[nodes.Node]:
        shown: list[nodes.Node] = []
        for notebook in data["notebooks"]:
            shown.append(nodes.rubric("", "", self._title(notebook), classes=["ul-rubric"]))
            rows: list[list[Cell]] = []
            for claim in notebook["claims"]:
                holds = nodes.inline("", "holds" if claim["holds"] else "missed")
                holds["classes"].append("ul-holds" if claim["holds"] else "ul-missed")
                measured: list[nodes.Node] = [nodes.strong("", claim["value"])]
                if claim.get("interval"):
                    measured.append(_small(f" ({claim['interval']})"))
                if claim.get("seeds"):
                    measured.append(_small(f" {claim['seeds']} seeds"))
                rows.append([claim["sentence"], claim["bound"], claim["baseline"], measured, holds])
            headers = ["Claim", "Bound", "Baseline", "Measured", "State"]
            shown.append(table(headers, rows, [48, 14, 12, 18, 8], "ul-claims ul-stack"))
        return shown

    def _runs(self, data: dict[str, list[dict[str, Any]]]) -> list[nodes.Node]:
        rows: list[list[Cell]] = []
        for notebook in data["notebooks"]:
            claims = str(len(notebook["claims"]))
            rows.append([self._title(notebook), _duration(notebook["seconds"]), notebook["date"], claims])
        headers = ["Notebook", "Run time", "Run on", "Claims"]
        return [table(headers, rows, [52, 16, 18, 14], "ul-runs ul-stack")] if rows else []

    def _machine(self, data: dict[str, list[dict[str, Any]]]) -> list[nodes.Node]:
        shown = []
        for notebook in data["notebooks"]:
            versions = ", ".join(f"{name} {version}" for name, version in notebook["versions"].items())
            shown.append(f"Machine: {notebook['machine']}. Versions: {versions}.")
        return [nodes.paragraph("", text) for text in dict.fromkeys(shown)]

    def _exercises(self, data: dict[str, list[dict[str, Any]]]) -> list[nodes.Node]:
        rows: list[list[Cell]] = []
        for exercise in data["exercises"]:
            page = notebook_of(exercise["week"], self.env.found_docs)
            week = link(str(exercise["week"]), page) if page else nodes.Text(str(exercise["week"]))
            killed = f"{exercise['killed']} of {exercise['mutants']}"
            rows.append(
                [
                    [week],
                    [nodes.literal("", exercise["name"])],
                    str(exercise["misconceptions"]),
                    str(exercise["variants"]),
                    killed,
                    str(len(exercise["equivalent"])),
                ]
            )
        headers = ["Week", "Exercise", "Misconceptions", "Variants", "Killed", "Equivalent"]
        return [table(headers, rows, [8, 34, 18, 12, 16, 12], "ul-kills ul-stack")] if rows else []

    def _equivalents(self, data: dict[str, list[dict[str, Any]]]) -> list[nodes.Node]:
        items = []
        for exercise in data["exercises"]:
            alive = dict.fromkeys(exercise["survivors"], "alive; no probe tells it from the reference yet.")
            for mutant, reason in {**exercise["equivalent"], **alive}.items():
                name, changed = nodes.literal("", exercise["name"]), nodes.literal("", mutant)
                text = nodes.paragraph("", "", name, nodes.Text(", "), changed, nodes.Text(f": {reason}"))
                items.append(nodes.list_item("", text))
        return [nodes.bullet_list("", *items)] if items else []


def _small(text: str) -> nodes.Node:
    return nodes.inline("", text, classes=["ul-interval"])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("results", Results)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
