"""The directive {plan}: the year from plan.toml, as tables of weeks, weekdays and gates, and as a map."""

from collections.abc import Sequence
from html import escape

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ultralearn.plan import Plan, Project, Week, load_plan
from ultralearn.plan.year import PLAN
from ultralearn.publish.sphinx.tables import Cell, link, notebook_of, table

QUARTER = 13  # weeks; each ends at a gate


class PlanDirective(SphinxDirective):
    """```{plan} weeks, weekdays, gates, map or written."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Show the part that was asked for."""
        self.env.note_dependency(str(PLAN))
        self.env.note_dependency(str(self.env.srcdir / "_toc.yml"))
        plan = load_plan()
        parts = {
            "weeks": self._weeks,
            "weekdays": self._weekdays,
            "gates": self._gates,
            "map": self._map,
            "written": self._written,
        }
        if self.arguments[0] not in parts:
            raise self.error(f"{{plan}} shows {', '.join(parts)}; it was asked for {self.arguments[0]!r}.")
        return parts[self.arguments[0]](plan)

    def _page(self, week: Week) -> str | None:
        return notebook_of(week.number, self.env.found_docs)

    def _weeks(self, plan: Plan) -> list[nodes.Node]:
        rows: list[list[Cell]] = []
        shape = "-".join(str(day.hours) for day in plan.weekdays)
        for week in plan.weeks:
            page = self._page(week)
            subject: list[nodes.Node] = [nodes.strong("", "", link(week.title, page) if page else _text(week.title))]
            if not page:
                subject.append(_span(" planned", "ul-planned"))
            if gate := plan.gate(week.number):
                subject.append(_span(f"Gate, month {gate.month}", "ul-tag"))
            subject.append(_span(week.build, "ul-build"))
            hours: list[nodes.Node] = [_text(shape)]
            if week.number >= plan.job_search_from:
                hours.append(_span("Saturday: job search", "ul-job"))
            project = _span(plan.project(week.project).name, f"ul-is-{week.project}")
            rows.append([str(week.number), subject, project, week.principle, hours])
        headers = ["Week", "Subject, and what exists by Sunday", "Project", "In focus", "Hours"]
        return [table(headers, rows, [7, 47, 17, 15, 14], "ul-plan ul-stack")]

    def _weekdays(self, plan: Plan) -> list[nodes.Node]:
        rows: list[list[Cell]] = [[day.name, f"{day.hours} h", day.use] for day in plan.weekdays]
        rows.append(["The week", f"{plan.hours} h", ""])
        return [table(["Day", "Hours", "What for"], rows, [14, 8, 78], "ul-weekdays")]

    def _gates(self, plan: Plan) -> list[nodes.Node]:
        rows: list[list[Cell]] = [[f"Month {gate.month}", str(gate.week), gate.proof] for gate in plan.gates]
        return [table(["Gate", "Week", "What has to hold"], rows, [14, 8, 78], "ul-gates")]

    def _written(self, plan: Plan) -> list[nodes.Node]:
        """Say how much of the year exists."""
        parts: list[nodes.Node] = []
        for week in plan.weeks:
            if page := self._page(week):
                parts += [nodes.Text(", " if parts else ""), link(f"week {week.number}, {week.title}", page)]
        count = sum(isinstance(part, addnodes.pending_xref) for part in parts)
        state = f"{count} of the {len(plan.weeks)} weeks {'is' if count == 1 else 'are'} written so far"
        return [nodes.paragraph("", "", nodes.strong("", state), nodes.Text(": "), *parts, nodes.Text("."))]

    def _map(self, plan: Plan) -> list[nodes.Node]:
        """Four rows of thirteen weeks, each row ending at its gate; weeks that exist are links."""
        up = "../" * self.env.docname.count("/")
        rows = []
        for first in range(0, len(plan.weeks), QUARTER):
            cells = "".join(self._cell(plan, week, up) for week in plan.weeks[first : first + QUARTER])
            gate = plan.gate(first + QUARTER)
            label = f'<span class="ul-map-gate">Gate {gate.month}</span>' if gate else ""
            rows.append(f'<div class="ul-map-row"><ol start="{first + 1}">{cells}</ol>{label}</div>')
        names = "".join(self._key(plan, project) for project in plan.projects)
        html = (
            '<nav class="ul-map" aria-label="Map of the weeks">'
            f'{"".join(rows)}<ul class="ul-map-legend">{names}</ul></nav>'
        )
        return [nodes.raw("", html, format="html")]

    def _key(self, plan: Plan, project: Project) -> str:
        weeks = _ranges([week.number for week in plan.weeks if week.project == project.id])
        color = f'<span class="ul-map-key ul-is-{project.id}" aria-hidden="true"></span>'
        return f'<li>{color}{escape(project.name)} <span class="ul-map-weeks">{weeks}</span></li>'

    def _cell(self, plan: Plan, week: Week, up: str) -> str:
        page = self._page(week)
        name = escape(f"Week {week.number}: {week.title}{'' if page else ' (not written yet)'}", quote=True)
        inner = f'<span aria-hidden="true">{week.number}</span><span class="visually-hidden">{name}</span>'
        if page:
            inner = f'<a href="{up}{page}.html" title="{name}">{inner}</a>'
        else:
            inner = f'<span title="{name}">{inner}</span>'
        return f'<li class="ul-is-{week.project}">{inner}</li>'


def _ranges(numbers: Sequence[int]) -> str:
    """Write 1, 2, 3, 7 as "1–3, 7"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]}–{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def _text(text: str) -> nodes.Node:
    return nodes.Text(text)


def _span(text: str, name: str) -> nodes.Node:
    return nodes.inline("", text, classes=[name])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("plan", PlanDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
