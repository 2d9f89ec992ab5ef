"""Automatic wrong answers: one small change to a reference, from a fixed list of operators.

`python -m tests.exercises.mutants week_07 [exercise]` lists what survives.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ultralearn.practice.checker import Checker
from ultralearn.practice.declaration import Declaration, Function

BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
NAMES = {
    "sum": "mean",
    "mean": "sum",
    "min": "max",
    "max": "min",
    "argmin": "argmax",
    "argmax": "argmin",
    "amin": "amax",
    "amax": "amin",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "ones": "zeros",
    "cumsum": "cumprod",
    "log_softmax": "softmax",
    "add": "subtract",
}
DROPPED_CALLS = {"detach", "copy", "clone", "item", "square", "sqrt", "abs", "ravel", "flip", "zero_grad", "conj"}
DROPPED_ATTRIBUTES = {"T", "mT"}
AXES = {"axis", "dim"}
ENOUGH = 10  # mutants, to say something about a checker

Site = tuple[ast.AST, ast.AST, str, int | None]  # a node, its parent, the field and the place there


@dataclass(frozen=True)
class Mutant:
    """A reference with one change."""

    description: str
    function: Function


def mutants(reference: Function) -> Iterator[Mutant]:
    """All mutants of a reference, each described by the changed expression, numbered where two read the same.

    A reference of one line has few places to change: there, each parameter is exchanged for each other one as well.
    """
    found = list(_mutants(reference, _changes))
    if len(found) < ENOUGH:
        parameters = list(inspect.signature(reference).parameters)
        found += _mutants(reference, lambda site: _exchanges(site, parameters))
    yield from found


def _mutants(reference: Function, changes_at: Callable[[Site], list[Callable[[], str]]]) -> Iterator[Mutant]:
    source = textwrap.dedent(inspect.getsource(reference))
    seen: dict[str, int] = {}
    original = ast.unparse(_definition(ast.parse(source)))
    for position in range(len(list(_sites(_definition(ast.parse(source)))))):
        for variant in range(8):
            tree = ast.parse(source)
            definition = _definition(tree)
            changes = changes_at(list(_sites(definition))[position])
            if variant >= len(changes):
                break
            description = changes[variant]()
            ast.fix_missing_locations(tree)
            text = ast.unparse(definition)
            if text == original:
                continue
            seen[description] = seen.get(description, 0) + 1
            label = description if seen[description] == 1 else f"{description} ({seen[description]})"
            function = _compile(text, reference, label)
            if function is not None:
                yield Mutant(label, function)


def _definition(tree: ast.Module) -> ast.FunctionDef:
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list, definition.returns = [], None
    for argument in [*definition.args.args, *definition.args.kwonlyargs]:
        argument.annotation = None
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    return definition


def _sites(definition: ast.FunctionDef) -> Iterator[Site]:
    """Every node of the body with its parent and its place there, in a fixed order."""
    stack: list[ast.AST] = [definition]
    while stack:
        parent = stack.pop(0)
        for name, value in ast.iter_fields(parent):
            if (parent is definition and name != "body") or name == "annotation":
                continue
            children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for index, child in children:
                if isinstance(child, ast.AST):
                    yield child, parent, name, index
                    stack.append(child)


def _changes(site: Site) -> list[Callable[[], str]]:
    """The changes that can be made at a site; each, called, makes it and says what it was."""
    node, parent, name, _ = site
    found: list[Callable[[], str]] = []

    def put(new: ast.AST) -> Callable[[], str]:
        return partial(_put, site, new)

    def edited(edit: Callable[[Any], None]) -> Callable[[], str]:
        new = copy.deepcopy(node)
        edit(new)
        return put(new)

    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in BINARY:
            found.append(edited(lambda new: setattr(new, "op", BINARY[type(op)]())))
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            found.append(edited(lambda new: setattr(new, "ops", [COMPARISONS[type(op)]()])))
        case ast.BoolOp(op=op):
            found.append(edited(lambda new: setattr(new, "op", ast.Or() if isinstance(op, ast.And) else ast.And())))
        case ast.UnaryOp(operand=operand) if not isinstance(node.op, ast.UAdd):
            found.append(put(operand))
        case ast.Constant(value=bool() as value):
            found.append(put(ast.Constant(not value)))
        case ast.Constant(value=int() | float() as value):
            if isinstance(parent, ast.keyword) and parent.arg in AXES:
                found.append(put(ast.Constant(1 if value == 0 else 0)))
            else:
                found.append(put(ast.Constant(value + 1)))
                if value == 1:
                    found.append(put(ast.Constant(0)))
        case ast.Attribute(value=value, attr=attr) if attr in DROPPED_ATTRIBUTES:
            found.append(put(value))
        case ast.Attribute(attr=attr) | ast.Name(id=attr) if attr in NAMES and name == "func":
            found.append(
                edited(lambda new: setattr(new, "attr" if isinstance(new, ast.Attribute) else "id", NAMES[attr]))
            )
        case ast.Slice():
            for part in ("lower", "upper", "step"):
                if getattr(node, part) is not None:
                    found.append(edited(lambda new, part=part: setattr(new, part, None)))  # type: ignore[misc]
        case ast.Call(func=func, args=args, keywords=keywords):
            if isinstance(func, ast.Attribute) and func.attr in DROPPED_CALLS and not args:
                found.append(put(func.value))
            if len(args) >= 2 and not any(isinstance(argument, ast.Starred) for argument in args[:2]):
                found.append(edited(lambda new: new.args.__setitem__(slice(0, 2), new.args[1::-1])))
            found.extend(edited(lambda new, i=i: new.keywords.pop(i)) for i in range(len(keywords)))  # type: ignore[misc]
    if name == "test":
        found.append(put(ast.UnaryOp(ast.Not(), node)))  # type: ignore[arg-type]  # a test is an expression
    if isinstance(node, ast.stmt) and not isinstance(node, ast.Pass):
        found.append(put(ast.Pass()))
    return found


def _put(site: Site, new: ast.AST) -> str:
    """Put a node in the place of another, and say what it was."""
    node, parent, name, index = site
    before = ast.unparse(node)
    if index is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[index] = new
    after = ast.unparse(new) if not isinstance(new, ast.Pass) else "deleted"
    return f"{_short(before)} → {_short(after)}"


def _exchanges(site: Site, parameters: list[str]) -> list[Callable[[], str]]:
    """Each other parameter in the place of one."""
    node = site[0]
    if not (isinstance(node, ast.Name) and node.id in parameters):
        return []
    return [partial(_put, site, ast.Name(other, node.ctx)) for other in parameters if other != node.id]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 70 else line[:67] + "…"


def _compile(text: str, reference: Function, label: str) -> Function | None:
    filename = f"<mutant of {reference.__name__}: {label}>"
    try:
        code = compile(text, filename, "exec")
    except SyntaxError:
        return None
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    scope = dict(reference.__globals__)
    exec(code, scope)
    function: Function = scope[reference.__name__]
    return function


def survivors(declaration: Declaration) -> tuple[int, list[str]]:
    """How many mutants there are, and which the checker takes for right."""
    checker = Checker(replace(declaration), patience=1.0)  # a copy has no misconceptions: no hint is looked for
    tried = [(mutant.description, checker.check(mutant.function).status) for mutant in mutants(declaration.reference)]
    return len(tried), [description for description, status in tried if status == "right"]


def main() -> None:
    module = importlib.import_module(f"ultralearn.exercises.{sys.argv[1]}")
    for name, checker in module.week.checkers.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        count, alive = survivors(checker.declaration)
        print(f"{name}: {count - len(alive)} of {count} killed")
        for description in alive:
            print(f"    alive: {description}")


if __name__ == "__main__":
    main()
