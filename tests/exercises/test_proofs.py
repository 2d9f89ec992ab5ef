"""The proof of every exercise's checker: what is right passes, what is wrong is told apart, and gets its own hint."""

import ast
import inspect
import json
from pathlib import Path
from types import ModuleType

from tests.exercises.conftest import NAMES
from tests.exercises.mutants import survivors
from ultralearn.practice import Week
from ultralearn.practice.checker import Checker
from ultralearn.practice.comparison import changed
from ultralearn.practice.declaration import attempted, without_docstring

PROOFS = Path("_build/proofs")  # one file an exercise, for `make accept`


def test_every_week_with_a_notebook_has_exercises():
    assert {script.stem[:7] for script in Path().glob("notebooks/week_*.py")} == set(NAMES)


def test_every_file_of_a_week_is_collected_and_has_answers(week: Week):
    """A forgotten file would be an exercise that nobody meets, or one that nothing proves."""
    for folder in (f"src/ultralearn/exercises/week_{week.number:02}", f"tests/exercises/week_{week.number:02}"):
        files = {path.stem for path in Path(folder).glob("*.py")} - {"__init__", "common"}
        assert files == set(week.checkers), folder


def test_reference_is_short_and_right(checker: Checker):
    reference = checker.declaration.reference
    assert checker.check(reference).status == "right"
    lines = [line for line in without_docstring(inspect.getsource(reference)).splitlines() if line.strip()]
    assert len(lines) < 25, f"{len(lines)} lines"
    assert attempted(reference)


def test_second_solution_is_right(answers: ModuleType, checker: Checker):
    second = answers.SECOND
    assert second is not checker.declaration.reference
    verdict = checker.check(second)
    assert verdict.status == "right", verdict.message


def test_probes_are_equal_at_each_make_and_vary_every_argument(checker: Checker):
    probes = checker.declaration.probes
    for probe in probes:
        first, second = probe.make(), probe.make()
        assert not any(changed(first[name], second[name]) for name in first), f"{probe.label} differs from call to call"
        assert list(first) == checker.declaration.parameters
    made = [probe.make() for probe in probes]
    for name in checker.declaration.parameters:
        values = [inputs[name] for inputs in made]
        assert any(_differ(values[0], value) for value in values[1:]), f"no probe varies {name}"


def _differ(a: object, b: object) -> bool:
    try:
        return bool(a != b) or changed(a, b)
    except (ValueError, RuntimeError):  # arrays of one shape or another
        return changed(a, b)


def test_every_misconception_and_its_variants_earn_its_own_hint(answers: ModuleType, checker: Checker):
    declaration = checker.declaration
    hints = [inspect.getdoc(wrong) for wrong in declaration.misconceptions]
    assert len(set(hints)) == len(hints), "two misconceptions share a hint"
    variants = answers.VARIANTS
    names = [wrong.__name__ for wrong in declaration.misconceptions]
    assert len(variants) >= 2, "at least two misconceptions need a differently written variant"
    assert set(variants) <= set(names)
    for wrong in declaration.misconceptions:
        assert checker.check(wrong).hint == wrong.__name__
    for name, variant in variants.items():
        assert checker.check(variant).hint == name, f"the variant of {name} got another hint"


def test_no_hint_or_question_gives_the_solution_away(checker: Checker):
    declaration = checker.declaration
    lines = {line.strip() for line in declaration.solution().splitlines()[1:] if len(line.strip()) > 25}
    for text in [declaration.question, declaration.nudge, *map(inspect.getdoc, declaration.misconceptions)]:
        assert text
        assert text.strip()
        given_away = [line for line in lines if line in text]
        assert not given_away


def test_mutants_die(answers: ModuleType, checker: Checker, week_of: Week):
    declaration = checker.declaration
    count, alive = survivors(declaration)
    equivalent: dict[str, str] = answers.EQUIVALENT
    unexplained = [mutant for mutant in alive if mutant not in equivalent]
    row = {
        "week": week_of.number,
        "position": list(week_of.checkers).index(declaration.name),
        "name": declaration.name,
        "misconceptions": len(declaration.misconceptions),
        "variants": len(answers.VARIANTS),
        "mutants": count,
        "killed": count - len(alive),
        "survivors": unexplained,
        "equivalent": equivalent,
    }
    PROOFS.mkdir(parents=True, exist_ok=True)
    path = PROOFS / f"week_{week_of.number:02}.{declaration.name}.json"
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert count >= 10, f"only {count} mutants"
    assert len(equivalent) <= 2, "at most two mutants may be declared equivalent"
    assert set(equivalent) <= set(alive), "a mutant declared equivalent does not exist, or dies"
    assert all(reason.strip() for reason in equivalent.values())
    assert row["killed"] / (count - len(equivalent)) >= 0.95, f"alive: {unexplained}"


def test_stubs_are_those_of_the_references(week: Week):
    """Signature and docstring of each stub equal the reference's; every exercise has one, and none is filled in."""
    (script,) = Path().glob(f"notebooks/week_{week.number:02}_*.py")
    stubs = {
        node.name: node
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and [ast.unparse(d) for d in node.decorator_list] == ["exercise"]
    }
    references = {name: checker.declaration for name, checker in week.checkers.items()}
    assert list(stubs) == list(references)
    for name, declaration in references.items():
        reference = ast.parse(inspect.getsource(declaration.reference)).body[0]
        assert isinstance(reference, ast.FunctionDef)
        assert ast.unparse(stubs[name].args) == ast.unparse(reference.args), name
        assert ast.unparse(stubs[name].returns) == ast.unparse(reference.returns), name  # type: ignore[arg-type]
        assert ast.get_docstring(stubs[name]) == ast.get_docstring(reference), name
        assert [ast.unparse(statement) for statement in stubs[name].body[1:]] == ["..."], f"{name} is filled in"


def test_a_copy_of_the_reference_in_a_cell_is_taken(checker: Checker):
    """A learner who types the reference's own source gets their own function, unwrapped."""
    reference = checker.declaration.reference
    scope = dict(reference.__globals__)
    exec(inspect.getsource(reference), scope)
    typed = scope[reference.__name__]
    assert typed is not reference
    assert checker.check(typed).status == "right"
