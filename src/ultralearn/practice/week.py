"""A week's exercises, and the two words that a notebook imports from it: `exercise` and `hint`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from html import escape
from typing import TypeVar, cast

from ultralearn.practice import progress
from ultralearn.practice.checker import Checker, Verdict
from ultralearn.practice.declaration import Declaration, Function
from ultralearn.practice.highlight import highlight
from ultralearn.practice.session import functions_in_use, show

F = TypeVar("F", bound=Function)

# What is said, the style sheet's class, and the color of the edge where the style sheet is not.
SHOWN = {
    "not attempted": ("not attempted yet. The reference stands in.", "ul-open", "#8a8f98"),
    "not checked": ("not checked. The reference stands in.", "ul-open", "#8a8f98"),
    "right": ("right. Your own function is used from here on.", "ul-right", "#2f8f4e"),
    "wrong": ("not right yet. The reference stands in.", "ul-wrong", "#c4661f"),
}


class Week:
    """The exercises of one week, in the page's order.

    Raises ValueError for two of one name, and for one with too few misconceptions to teach.
    """

    def __init__(self, number: int, declarations: Sequence[Declaration]) -> None:
        self.number = number
        self.checkers: dict[str, Checker] = {}
        for declaration in declarations:
            if declaration.name in self.checkers:
                raise ValueError(f"week {number} declares {declaration.name} twice")
            if len(declaration.misconceptions) < 5:
                count = len(declaration.misconceptions)
                raise ValueError(f"{declaration.name}: {count} misconceptions, expected at least 5")
            self.checkers[declaration.name] = Checker(declaration)
        self._last: dict[str, Verdict] = {}
        self._hints_given: dict[str, int] = {}

    def exercise(self, function: F) -> F:
        """Check the decorated function and say so. Returns it, unwrapped, if it is right, else the reference."""
        name = getattr(function, "__name__", str(function))
        checker = self.checkers.get(name)
        if checker is None:
            self._unknown(name)
            return function
        verdict = checker.check(function)
        self._last[name] = verdict
        if verdict.status in ("right", "wrong"):
            progress.record("attempt", week=self.number, exercise=name, verdict=verdict.status, hint=verdict.hint)
        functions_in_use[self.number, name] = verdict.status == "right"
        show(verdict_bundle(name, verdict, checker.declaration.solution()))
        return function if verdict.status == "right" else cast(F, checker.declaration.reference)

    def hint(self, exercise: str | Function) -> None:
        """Show the next hint: a question first, then a nudge, then what the last attempt earned."""
        name = exercise if isinstance(exercise, str) else getattr(exercise, "__name__", str(exercise))
        checker = self.checkers.get(name)
        if checker is None:
            self._unknown(name)
            return
        level = self._hints_given.get(name, 0) + 1
        self._hints_given[name] = level
        progress.record("hint", week=self.number, exercise=name, level=level)
        _show_text(f"{name}, hint {level}: {self._hint_text(name, checker.declaration, level)}")

    def _hint_text(self, name: str, declaration: Declaration, level: int) -> str:
        if level == 1:
            return declaration.question
        if level == 2:
            return declaration.nudge
        last = self._last.get(name)
        if last is None or last.status in ("not attempted", "not checked"):
            return f"There is no attempt yet. Write one, however wrong, and its result says more. {declaration.nudge}"
        if last.status == "right":
            return "Your last attempt was right."
        return last.message

    def _unknown(self, name: str) -> None:
        near = difflib.get_close_matches(name, self.checkers, n=1)
        meant = f" Did you mean `{near[0]}`?" if near else ""
        known = ", ".join(self.checkers)
        _show_text(f"Week {self.number} has no exercise `{name}`.{meant} It has: {known}. Nothing was checked.")


def verdict_bundle(name: str, verdict: Verdict, solution: str) -> dict[str, str]:
    """The verdict for the notebook: one line, the message, and the reference's source, collapsed."""
    said, modifier, edge = SHOWN[verdict.status]
    plain = f"{name}: {said}" + (f"\n{verdict.message}" if verdict.message else "")
    body = f"<p><strong>{escape(name)}</strong>: {said}</p>"
    body += "".join(f"<p>{_inline_code(line)}</p>" for line in verdict.message.splitlines() if line.strip())
    body += f"<details><summary>Show the solution</summary>{highlight(solution)}</details>"
    style = f"border-left:4px solid {edge};padding:0.1em 0 0.1em 0.8em"
    html = f'<div class="ul-exercise {modifier}" style="{style}">{body}</div>'
    return {"text/plain": plain, "text/html": html}


def _show_text(text: str) -> None:
    show({"text/plain": text, "text/html": f'<div class="ul-exercise"><p>{_inline_code(text)}</p></div>'})


def _inline_code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
