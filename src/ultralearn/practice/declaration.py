"""What an exercise is made of: its reference, probes, properties and misconceptions."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)
Inputs = dict[str, Any]


@dataclass(frozen=True)
class Probe:
    """One set of inputs to try a function on.

    `make` builds fresh, equal inputs at each call: what a learner's function does to them harms nobody.
    `times`, where given, is how many times the reference's own CPU time a right answer may take; the reference is
    measured beside it, and counts as 10 ms at least, for less is noise.
    """

    label: str
    make: Callable[[], Mapping[str, Any]]
    times: float | None = None


@dataclass(frozen=True)
class Property:
    """What must hold beside the values: `check(function, **inputs)` returns None, or what is wrong, to the learner."""

    name: str
    check: Callable[..., str | None]


@dataclass(frozen=True)
class Tolerance:
    """Numbers a and b are equal where |a - b| <= atol + rtol * |expected|."""

    rtol: float = 1e-6
    atol: float = 1e-8


def call(function: Function, **inputs: Any) -> Any:
    """Observe a function by what it returns."""
    return function(**inputs)


@dataclass(frozen=True)
class Declaration:
    """All that is known of one exercise, declared once; its misconceptions register themselves below it."""

    reference: Function
    question: str
    nudge: str
    probes: Sequence[Probe]
    outputs: Sequence[str] = ()
    observe: Callable[..., Any] = call
    properties: Sequence[Property] = ()
    tolerance: Tolerance = field(default_factory=Tolerance)
    mutates: bool = False
    misconceptions: list[Function] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Refuse a declaration that could not teach."""
        if len(self.probes) < 2:
            raise ValueError(f"{self.name}: {len(self.probes)} probe, expected at least 2, the smallest first")
        if self.probes[-1].times is None:
            raise ValueError(f"{self.name}: the last probe is of the size that the week uses and needs `times`")

    def misconception(self, wrong: F) -> F:
        """Register a wrong function where it stands: its name is the label, its docstring the hint.

        The first that does as the learner's function does gives its hint: the more telling one stands above.
        Raises ValueError without a docstring, or for a name that is taken.
        """
        if not inspect.getdoc(wrong):
            raise ValueError(f"{self.name}: the misconception {wrong.__name__} has no hint (docstring)")
        if wrong.__name__ in {other.__name__ for other in self.misconceptions}:
            raise ValueError(f"{self.name}: there are two misconceptions {wrong.__name__}")
        self.misconceptions.append(wrong)
        return wrong

    @property
    def name(self) -> str:
        """The name of the exercise: that of its reference."""
        return self.reference.__name__

    @property
    def parameters(self) -> list[str]:
        """The names of its parameters, in order."""
        return list(inspect.signature(self.reference).parameters)

    def solution(self) -> str:
        """The source of the reference without its docstring, which stands in the stub already."""
        return without_docstring(textwrap.dedent(inspect.getsource(self.reference)))


def without_docstring(source: str) -> str:
    """The source of one function, its docstring left out."""
    definition = ast.parse(source).body[0]
    if not isinstance(definition, ast.FunctionDef) or ast.get_docstring(definition) is None:
        return source
    docstring = definition.body[0]
    lines = source.splitlines(keepends=True)
    return "".join(lines[: docstring.lineno - 1] + lines[docstring.end_lineno :])


def attempted(function: Function) -> bool:
    """Whether a body holds more than a docstring and `...`, `pass` or `raise NotImplementedError`."""
    try:
        definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        return True  # no source to look at: check it
    if not isinstance(definition, ast.FunctionDef):
        return True
    return not all(_says_nothing(statement) for statement in definition.body)


def _says_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):  # a docstring, or `...`
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False


def gradient_reaches(parameter: str) -> Property:
    """Hold that the summed result, backpropagated, gives `parameter` a gradient that is not all zero."""

    def check(function: Function, **inputs: Any) -> str | None:
        if _has_gradient(function, inputs, parameter):
            return None
        return f"No gradient reaches `{parameter}` from your result. Was it detached on the way?"

    return Property(f"a gradient reaches {parameter}", check)


def no_gradient_reaches(parameter: str) -> Property:
    """Hold that the result does not depend on `parameter` as far as autograd knows."""

    def check(function: Function, **inputs: Any) -> str | None:
        if not _has_gradient(function, inputs, parameter):
            return None
        return f"A gradient flows from your result into `{parameter}`. It is to be treated as a constant there."

    return Property(f"no gradient reaches {parameter}", check)


def _has_gradient(function: Function, inputs: Inputs, parameter: str) -> bool:
    source = inputs[parameter].detach().clone().requires_grad_()
    result = function(**{**inputs, parameter: source})
    if getattr(result, "requires_grad", False):
        result.sum().backward()
    return source.grad is not None and bool(source.grad.any())
