"""The committed notebooks: pairs in step, executed, of the house's anatomy, and the published data drawn from them."""

import ast
import json
import re
import statistics

import pytest

from tests.exercises.conftest import load
from ultralearn.practice.claims import CLAIM_MIME, Claim, claim_bundle
from ultralearn.publish import accept, notebooks
from ultralearn.publish.repository import PLACEHOLDER

SCRIPTS = notebooks.sources()
HEADINGS = ["## From memory", "## Build", "## Explain it", "## Cards", "## Further reading"]
MINUTES = 3
each_pair = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def accepted(script):
    return json.loads((accept.RESULTS / f"{script.stem[:7]}.json").read_text(encoding="utf-8"))


def test_there_are_notebooks():
    assert SCRIPTS
    stored = {path.stem for path in notebooks.FOLDER.glob("*.ipynb")}
    assert stored == {script.stem for script in SCRIPTS}


@each_pair
def test_pair_is_in_step(script):
    assert notebooks.drift(script) == []


@each_pair
def test_every_code_cell_is_executed_in_order_and_without_error(script):
    cells = code_cells(notebooks.read(script.with_suffix(".ipynb")))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    errors = [output.evalue for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert errors == []


@each_pair
def test_outputs_name_no_machine(script):
    text = script.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert not re.findall(r"(?<![\w.:/])/(?:home|root|tmp|Users|work)/\w+", text)


@each_pair
def test_anatomy(script):
    notebook = notebooks.read_source(script)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    positions = [prose.find(f"\n{heading}\n") for heading in HEADINGS]
    assert all(position >= 0 for position in positions), list(zip(HEADINGS, positions, strict=True))
    assert positions == sorted(positions)
    reading = prose[positions[-1] :]
    assert 1 <= len(re.findall(r"\]\(https?://", reading)) <= 3
    assert f"{{cards}} {'_'.join(script.stem.split('_')[:2])}" in prose
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1


@each_pair
def test_cells_are_small(script):
    sizes = [len(cell.source.splitlines()) for cell in code_cells(notebooks.read_source(script))]
    assert statistics.median(sizes) <= 6, sizes
    assert sum(size < 20 for size in sizes) >= 0.9 * len(sizes), sizes


@each_pair
def test_at_most_two_cells_are_exempt_and_say_why(script):
    cells = code_cells(notebooks.read_source(script))
    exempt = [cell for cell in cells if {"nbval-ignore-output", "nbval-skip"} & set(cell.metadata.get("tags", []))]
    assert len(exempt) <= 2
    assert all(len(cell.metadata.get("reason", "")) > 10 for cell in exempt)
    assert not any(re.search(r"#\s*NBVAL", cell.source) for cell in cells)


def test_first_code_cell_is_the_same_everywhere():
    first = {code_cells(notebooks.read_source(script))[0].source for script in SCRIPTS}
    assert len(first) == 1
    assert PLACEHOLDER in first.pop()


@each_pair
def test_run_time_is_within_the_bound(script):
    """What the accepted run took; nothing is timed here."""
    assert accept.harvest(script.with_suffix(".ipynb"))["seconds"] < 60 * MINUTES


@each_pair
def test_claims_hold_and_show_what_was_measured(script):
    found = accept.claims(notebooks.read(script.with_suffix(".ipynb")))
    assert found
    assert all(claim["holds"] for claim in found)
    stored = notebooks.read(script.with_suffix(".ipynb"))
    for output in (output for cell in code_cells(stored) for output in cell.outputs):
        data = output.get("data", {})
        if CLAIM_MIME in data:
            expected = claim_bundle(Claim(**data[CLAIM_MIME]))
            assert data["text/html"] == expected["text/html"], "the shown value is not the measured one"


@each_pair
def test_claims_in_the_source_are_those_of_the_outputs(script):
    tree = ast.parse(script.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "claim"]
    assert len(calls) == len(accept.claims(notebooks.read(script.with_suffix(".ipynb"))))


@each_pair
def test_results_are_those_of_the_notebook_and_of_the_exercises(script):
    week = script.stem[:7]
    results = accepted(script)
    assert results["notebook"] == accept.harvest(script.with_suffix(".ipynb"))
    rows = results["proofs"]["exercises"]
    assert [(row["week"], row["name"]) for row in rows] == [(int(week[-2:]), name) for name in load(week).checkers]
    assert rows == accept.proofs(week), f"run `make accept WEEK={week[-2:]}`"


def test_no_other_week_has_results():
    assert {path.stem for path in accept.RESULTS.iterdir()} == {script.stem[:7] for script in SCRIPTS}


@each_pair
def test_a_week_is_within_its_budgets(script):
    """What the accepted runs took of the processors; nothing is timed here."""
    results = accepted(script)
    assert results["notebook"]["cpu_seconds"] <= accept.NOTEBOOK_BUDGET
    assert results["proofs"]["cpu_seconds"] <= accept.PROOFS_BUDGET
