"""Execute, accept, compare: and each way in which a published notebook can be untrue is found."""

import contextlib
import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.publish.conftest import make_course
from ultralearn.publish import accept, execute, notebooks

SCRIPT = Path("notebooks/week_99_small.py")
STORED = SCRIPT.with_suffix(".ipynb")
EXECUTED = Path("_build/executed/week_99_small.ipynb")


@pytest.fixture(scope="module")
def executed_once(tmp_path_factory):
    """The course, executed and accepted: once for all tests, each of which takes a copy."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        root = make_course(tmp_path_factory.mktemp("course"), monkeypatch)
        execute.execute(SCRIPT, EXECUTED)
        accept.accept()
    return root


@pytest.fixture
def published(executed_once, tmp_path, monkeypatch):
    """A copy of the executed and accepted course, the current folder."""
    shutil.copytree(executed_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def replay():
    """Run the comparer as `make replay` does, in this process."""
    output = io.StringIO()
    plugins = ["-p", "ultralearn.publish.replay", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist"]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = pytest.main(["-q", "-rs", *plugins, "--executed", "_build/executed", "--rootdir", ".", "notebooks"])
    return int(code), output.getvalue()


def edit(path, change):
    notebook = notebooks.read(path)
    change(notebook.cells)
    notebooks.write(notebook, path)


def printing(cells):
    return next(cell for cell in cells if cell.source.startswith("print"))


def test_what_was_accepted_is_in_step_and_replays(published):
    assert notebooks.drift(SCRIPT) == []
    code, output = replay()
    assert code == 0, output
    assert "6 passed" in output


def test_results_say_what_the_run_showed(published):
    results = json.loads(accept.RESULTS.read_text())
    (entry,) = results["notebooks"]
    assert entry["title"] == "Week 99: a test"
    assert entry["claims"][0]["value"] == "3"
    assert entry["seconds"] > 0
    assert set(entry["versions"]) > {"python", "torch", "numpy"}
    assert results["exercises"][0]["name"] == "a"


def test_stored_notebook_names_no_path(published):
    assert str(published) not in STORED.read_text()


def test_a_tampered_value_fails_its_cell_alone(published):
    edit(STORED, lambda cells: printing(cells).outputs[0].update(text="sum 4\n"))
    code, output = replay()
    assert code == 1
    assert "1 failed, 5 passed" in output
    assert "The outputs differ" in output


def test_a_tampered_sentence_of_a_claim_fails(published):
    def change(cells):
        cell = next(cell for cell in cells if cell.source.startswith("claim"))
        cell.outputs[0].data["text/plain"] = cell.outputs[0].data["text/plain"].replace("at least 2", "at least 3")

    edit(STORED, change)
    assert replay()[0] == 1


def test_another_measured_value_of_a_claim_passes(published):
    def change(cells):
        cell = next(cell for cell in cells if cell.source.startswith("claim"))
        for kind, value in cell.outputs[0].data.items():
            if kind != "text/plain" and isinstance(value, str):
                cell.outputs[0].data[kind] = value.replace("measured 3", "measured 2.9")

    edit(STORED, change)
    assert replay()[0] == 0


def test_an_exempt_cell_may_differ_and_a_stale_source_may_not(published):
    edit(STORED, lambda cells: cells[-1].outputs[0].data.update({"text/plain": "0.5"}))
    assert replay()[0] == 0
    edit(STORED, lambda cells: printing(cells).update(source="print('sum', 3)"))
    code, output = replay()
    assert code == 1
    assert "Stale" in output


def test_a_missing_cell_fails(published):
    edit(EXECUTED, lambda cells: cells.pop(3))
    code, output = replay()
    assert code == 1
    assert "a cell is missing" in output


def test_a_reference_that_was_never_executed_fails(published):
    edit(STORED, lambda cells: printing(cells).update(execution_count=None, outputs=[]))
    code, output = replay()
    assert code == 1
    assert "never executed" in output


def test_a_notebook_that_was_not_executed_fails(published):
    EXECUTED.unlink()
    code, output = replay()
    assert code == 1
    assert "was not executed" in output


def test_elsewhere_than_on_the_reference_platform_nothing_is_compared(published):
    results = json.loads(accept.RESULTS.read_text())
    results["notebooks"][0]["versions"]["python"] = "3.99.1"
    accept.RESULTS.write_text(json.dumps(results))
    edit(STORED, lambda cells: printing(cells).outputs[0].update(text="sum 4\n"))
    code, output = replay()
    assert code == 0, output
    assert "6 skipped" in output
    assert "not on the reference platform" in output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("sum()", "mean()"), "differ in source"),
        (lambda text: text.replace('"parameters"', '"other"'), "differ in tags"),
        (lambda text: text.replace("a random number", "another reason"), "differ in reason"),
        (lambda text: text + "\n# %%\n1 + 1\n", "7 cells"),
        (lambda text: text.replace("# %%\nprint", "# %% [markdown]\n# print"), "differ in kind"),
    ],
)
def test_a_drifted_pair_is_found(published, change, words):
    SCRIPT.write_text(change(SCRIPT.read_text()))
    assert any(words in line for line in notebooks.drift(SCRIPT)), notebooks.drift(SCRIPT)


def test_a_script_without_a_notebook_has_drifted(course):
    assert "does not exist" in notebooks.drift(SCRIPT)[0]


def test_parameters_are_injected_and_such_a_run_is_not_accepted(course):
    execute.execute(SCRIPT, EXECUTED, {"size": 5})
    cells = notebooks.read(EXECUTED).cells
    assert printing(cells).outputs[0].text == "sum 10\n"
    assert len(notebooks.own_cells(notebooks.read(EXECUTED))) == len(cells) - 1
    with pytest.raises(accept.NotAccepted, match="parameters of its own"):
        accept.accept()


def test_an_unknown_parameter_is_an_error(course):
    with pytest.raises(ValueError, match=r"no parameter 'sizes'. Did you mean size\?"):
        execute.execute(SCRIPT, EXECUTED, {"sizes": 5})
    assert not EXECUTED.exists()


def test_a_failing_cell_leaves_no_result_and_says_where(course):
    SCRIPT.write_text(SCRIPT.read_text().replace("np.arange(size).sum())", "1 / 0)", 1))
    with pytest.raises(execute.ExecutionFailed, match="ZeroDivisionError"):
        execute.execute(SCRIPT, EXECUTED)
    assert not EXECUTED.exists()
    assert EXECUTED.with_suffix(".failed.ipynb").exists()


def test_a_claim_that_is_not_met_or_vacuous_fails_the_run(course):
    text = SCRIPT.read_text()
    SCRIPT.write_text(text.replace("at_least=2", "at_least=4"))
    with pytest.raises(execute.ExecutionFailed, match="Not met: measured 3"):
        execute.execute(SCRIPT, EXECUTED)
    SCRIPT.write_text(text.replace("against=1", "against=2"))
    with pytest.raises(execute.ExecutionFailed, match="meets the bound itself"):
        execute.execute(SCRIPT, EXECUTED)


def test_nothing_is_accepted_where_something_is_missing_or_stale(course):
    with pytest.raises(accept.NotAccepted, match="was not executed"):
        accept.accept()
    execute.execute(SCRIPT, EXECUTED)
    SCRIPT.write_text(SCRIPT.read_text().replace("sum()", "mean()"))
    with pytest.raises(accept.NotAccepted, match="another version"):
        accept.accept()
    (course / "_build/proofs/week_99.a.json").unlink()
    with pytest.raises(accept.NotAccepted, match="not proved"):
        accept.accept()
    assert not STORED.exists()
    assert not accept.RESULTS.exists()


def test_reading_what_is_not_there_says_what_to_do(course):
    with pytest.raises(FileNotFoundError, match="make notebooks"):
        notebooks.read(STORED)


def test_command_lines(course, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["execute", str(SCRIPT), str(EXECUTED), "-p", "nosize", "4"])
    with pytest.raises(SystemExit, match="FAILED"):
        execute.main()
    with pytest.raises(SystemExit, match="Nothing was accepted"):
        accept.main()
    monkeypatch.setattr(sys, "argv", ["execute", str(SCRIPT), str(EXECUTED)])
    execute.main()
    accept.main()
    out = capsys.readouterr().out
    assert "ran to the end in" in out
    assert "week_99_small: 1 claims" in out
