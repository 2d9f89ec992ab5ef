"""A gate's report on a terminal."""

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ultralearn.gates.report import Report

STYLES = {"verified": "green", "failed": "bold red", "not checked": "yellow", "measured": "cyan"}
VERDICTS = {
    "passed": ("bold green", "Every check holds, on an address that others can reach."),
    "ready, not deployed": ("bold yellow", "Every check holds on your own machine. Deploy it, and run the gate there."),
    "failed": ("bold red", "Mend what failed, from the top: later lines often hang on earlier ones."),
}


def table(report: Report) -> RenderableType:
    """One row a check: its name, what became of it, what was seen and what to do."""
    rows = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    rows.add_column("Check", no_wrap=True)
    rows.add_column("Result", no_wrap=True)
    rows.add_column("What was seen, and what to do", ratio=1)
    for line in report.lines:
        finding = line.finding
        seen = Text(finding.seen)
        if finding.todo:
            seen.append(f"\n-> {finding.todo}", style="bold")
        rows.add_row(escape(line.name), Text(finding.status, style=STYLES[finding.status]), seen)
    for entry in report.measured:
        rows.add_row(escape(entry.name), Text("measured", style=STYLES["measured"]), Text(entry.seen))
    style, meaning = VERDICTS[report.verdict]
    title = Text(f"Gate, month {report.month}: {report.subject}", style="bold")
    closing = Text.assemble((report.verdict.upper(), style), f"  {meaning}")
    return Group(title, Text(), rows, Text(), closing)
