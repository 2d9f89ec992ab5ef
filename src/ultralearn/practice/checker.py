"""Judge a learner's function: compare it with the reference on every probe, and find the hint that fits the mistake."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ultralearn.practice.comparison import changed, describe_inputs, difference
from ultralearn.practice.declaration import Declaration, Function, Probe, attempted
from ultralearn.practice.trial import WALL, Outcome, StoppedByTimer, attempt, bound_to_its_name, explain_error

PATIENCE = 5.0  # seconds of CPU until a function counts as looping; with a budget, at least ten times that budget
LEAST = 0.01  # seconds of CPU that a reference counts for: what takes less is measured as noise
Status = Literal["not attempted", "not checked", "right", "wrong"]


@dataclass(frozen=True)
class Verdict:
    """What the checker found. `message` is for the learner; `hint` names the misconception that it recognized."""

    status: Status
    message: str = ""
    hint: str | None = None


@dataclass(frozen=True)
class Observation:
    """All that one probe shows of a function."""

    outcome: Outcome
    modified: tuple[str, ...] = ()  # the inputs that it changed
    broken: tuple[tuple[str, str], ...] = ()  # (property, what is wrong)


class Checker:
    """The judge of one exercise. What the reference and the misconceptions do is computed once and kept."""

    def __init__(self, declaration: Declaration, patience: float = PATIENCE, wall: float = WALL) -> None:
        self.declaration = declaration
        self.patience = patience
        self.wall = wall
        self._known: dict[tuple[Function, int], Observation] = {}

    def check(self, function: Function) -> Verdict:
        """Judge a function. Never raises for anything that the function does, nor for how busy the machine is.

        A probe on which the reference itself did not come back says nothing of the function, and is passed over; the
        verdict says which.
        """
        if not callable(function) or not hasattr(function, "__code__"):
            return Verdict("wrong", f"Expected a function, got {type(function).__name__}.")
        if not attempted(function):
            return Verdict("not attempted")
        given = list(inspect.signature(function).parameters)
        if given != self.declaration.parameters:
            expected = ", ".join(self.declaration.parameters)
            return Verdict(
                "wrong",
                f"It takes ({', '.join(given)}), expected ({expected}). Keep the signature as it was.",
            )
        # What did not come back in a busy moment is tried anew in this one.
        self._known = {key: seen for key, seen in self._known.items() if not _stopped(seen)}
        with bound_to_its_name(function):
            return self._judge(function)

    def _judge(self, function: Function) -> Verdict:
        observations: list[Observation] = []
        passed_over: list[str] = []
        for index, probe in enumerate(self.declaration.probes):
            observations.append(self._observe(function, index))
            if self._reference_was_stopped(index):
                passed_over.append(probe.label)
                continue
            complaint = self._complaint(function, index, observations[-1])
            if complaint:
                return self._diagnose(function, observations, complaint, probe)
        again = "This machine is too busy to check it now. Run the cell again in a minute."
        if len(passed_over) == len(observations):
            return Verdict("not checked", again)
        return Verdict("right", f"But not on everything ({', '.join(passed_over)}). {again}" if passed_over else "")

    def _observe(self, function: Function, index: int) -> Observation:
        """What one probe shows of a function; of the reference and the misconceptions it is kept."""
        if function not in (self.declaration.reference, *self.declaration.misconceptions):
            return self._tried(function, index)
        if (function, index) not in self._known:
            self._known[function, index] = self._tried(function, index)
        return self._known[function, index]

    def _tried(self, function: Function, index: int) -> Observation:
        declared, probe = self.declaration, self.declaration.probes[index]
        inputs = dict(probe.make())
        outcome = attempt(lambda: declared.observe(function, **inputs), self._cpu_limit(function, index), self.wall)
        before = {} if declared.mutates else dict(probe.make())
        modified = tuple(name for name in before if self._changed(before[name], inputs[name]))
        broken = tuple(self._broken_properties(function, index)) if outcome.error is None else ()
        return Observation(outcome, modified, broken)

    def _cpu_limit(self, function: Function, index: int) -> float | None:
        """Seconds of CPU after which a function is stopped. The reference, by which others go, has no such limit."""
        if function is self.declaration.reference:
            return None
        return max(self.patience, 10 * (self._allowed(index) or 0))

    def _allowed(self, index: int) -> float | None:
        """Seconds of CPU that a right answer may take, by what the reference took here; None where anything is fine."""
        times = self.declaration.probes[index].times
        return None if times is None else times * self._reference_seconds(index)

    def _reference_seconds(self, index: int) -> float:
        return max(LEAST, self._observe(self.declaration.reference, index).outcome.seconds)

    def _reference_was_stopped(self, index: int) -> bool:
        return _stopped(self._observe(self.declaration.reference, index))

    def _broken_properties(self, function: Function, index: int) -> Iterator[tuple[str, str]]:
        if index == len(self.declaration.probes) - 1:
            return  # the big probe is for the time
        for prop in self.declaration.properties:
            inputs = dict(self.declaration.probes[index].make())
            result = attempt(partial(prop.check, function, **inputs), self._cpu_limit(function, index), self.wall)
            if result.error is not None:
                raised, told = type(result.error).__name__, explain_error(result.error, function)
                yield f"{prop.name}: {raised}", f"While it was checked that {prop.name}, your function {told}"
            elif result.value is not None:
                yield prop.name, str(result.value)

    def _expected(self, index: int) -> Any:
        outcome = self._observe(self.declaration.reference, index).outcome
        if outcome.error is not None:
            raise RuntimeError(f"the reference of {self.declaration.name} failed on its own probe") from outcome.error
        return outcome.value

    def _difference(self, expected: Any, given: Any) -> str | None:
        try:
            return difference(expected, given, self.declaration.tolerance, self.declaration.outputs)
        except Exception as error:  # a learner's result can be an object that breaks on being looked at
            return f"your result cannot be compared: {type(error).__name__}: {error}"

    def _changed(self, before: Any, after: Any) -> bool:
        try:
            return changed(before, after)
        except Exception:  # what is left of the input is of another kind altogether
            return True

    def _complaint(self, function: Function, index: int, seen: Observation) -> str | None:
        """What is wrong with one observation, the gravest first, or None."""
        outcome, probe = seen.outcome, self.declaration.probes[index]
        allowed = self._allowed(index)
        if isinstance(outcome.error, StoppedByTimer) and index and allowed:
            return f"Right on the small inputs, but too slow on {probe.label}: {outcome.error}. {self._budget(index)}"
        if outcome.error is not None:
            return f"Your function {explain_error(outcome.error, function)}"
        wrong = self._difference(self._expected(index), outcome.value)
        if wrong:
            return wrong[0].upper() + wrong[1:]
        if seen.modified:
            names = " and ".join(f"`{name}`" for name in seen.modified)
            return f"Your function modifies its input {names}. Work on a copy, or on the result of an expression."
        if seen.broken:
            return seen.broken[0][1]
        if allowed and outcome.seconds > allowed and not self._right_in_time(function, index):
            return f"Right, but slow: {outcome.seconds:.2g} s of computing on {probe.label}. {self._budget(index)}"
        return None

    def _right_in_time(self, function: Function, index: int) -> bool:
        """Both once more, side by side: the reference was measured earlier, perhaps in a quieter moment."""
        self._known.pop((self.declaration.reference, index), None)
        self._known.pop((function, index), None)
        return self._observe(function, index).outcome.seconds <= (self._allowed(index) or 0)

    def _budget(self, index: int) -> str:
        seconds = self._reference_seconds(index)
        times = self.declaration.probes[index].times
        return f"The solution takes {seconds:.2g} s here, and {times:g} times that is allowed."

    def _diagnose(self, function: Function, seen: list[Observation], complaint: str, failed: Probe) -> Verdict:
        match = self._matching_misconception(function, seen)
        if match is not None:
            hint = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(match) or "")  # lines of the source are no lines here
            return Verdict("wrong", hint, match.__name__)
        message = f"{complaint}\nThe input: {failed.label}, {describe_inputs(failed.make())}."
        printed = seen[-1].outcome.printed.strip().splitlines()
        if printed:
            message += "\nIt printed: " + " / ".join(printed[:3]) + (" …" if len(printed) > 3 else "")
        return Verdict("wrong", message)

    def _matching_misconception(self, function: Function, seen: list[Observation]) -> Function | None:
        """The misconception that does the same on all probes. Each further probe is tried only while one is left.

        The last probe is of the week's size: it is tried only where it has to tell several apart.
        """
        if all(observation.outcome.error for observation in seen):
            return None  # an exception alone says too little of what was meant
        left = list(self.declaration.misconceptions)
        last = len(self.declaration.probes) - 1
        for index in range(last + 1):
            if index == last == len(seen) and len(left) == 1:
                break
            if index == len(seen):
                seen.append(self._observe(function, index))
            left = [wrong for wrong in left if self._same(self._observe(wrong, index), seen[index])]
            if not left or isinstance(seen[index].outcome.error, StoppedByTimer):
                return None
        return left[0]

    def _same(self, wrong: Observation, given: Observation) -> bool:
        if type(wrong.outcome.error) is not type(given.outcome.error) or wrong.modified != given.modified:
            return False
        if [name for name, _ in wrong.broken] != [name for name, _ in given.broken]:
            return False
        return wrong.outcome.error is not None or self._difference(wrong.outcome.value, given.outcome.value) is None


def _stopped(seen: Observation) -> bool:
    """Whether it was the machine: too little time, or too little memory."""
    return isinstance(seen.outcome.error, StoppedByTimer | MemoryError)
