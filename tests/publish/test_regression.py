"""Execute, accept, compare: and each way in which a published notebook can be untrue is found."""

import contextlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.publish.conftest import TIMED, make_course
from ultralearn.practice.claims import CLAIM_MIME
from ultralearn.publish import accept, execute, notebooks

SCRIPT = Path("notebooks/week_99_small.py")
STORED = SCRIPT.with_suffix(".ipynb")
EXECUTED = Path("_build/executed/week_99_small.ipynb")
RESULTS = Path("book/results/week_99.json")


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
    results = json.loads(RESULTS.read_text())
    entry = results["notebook"]
    assert entry["title"] == "Week 99: a test"
    assert entry["claims"][0]["value"] == "3"
    assert entry["seconds"] > 0
    assert set(entry["versions"]) > {"python", "torch", "numpy"}
    assert results["proofs"] == {"cpu_seconds": 2.0, "exercises": [{"week": 99, "position": 0, "name": "a"}]}


def test_stored_notebook_names_no_path(published):
    assert str(published) not in STORED.read_text()


def stored_bytes():
    return STORED.read_bytes(), RESULTS.read_bytes()


def rerun(change=lambda cells: None, **run):
    """Stand in for an execution: the executed notebook with other figures of its run, or other outputs."""
    edit(EXECUTED, change)
    notebook = notebooks.read(EXECUTED)
    notebook.metadata["ultralearn"].update({"seconds": 77.7, "cpu_seconds": 66.6, "date": "2031-01-01"} | run)
    notebooks.write(notebook, EXECUTED)


def test_what_shows_the_same_is_left_as_it_is(published):
    before = stored_bytes()
    rerun(lambda cells: cells[-1].outputs[0].data.update({"text/plain": "0.123"}))  # the exempt one
    assert accept.accept() == {"week_99_small": False}
    assert stored_bytes() == before


def test_what_shows_something_else_gets_its_date_and_seconds(published):
    rerun(lambda cells: printing(cells).outputs[0].update(text="sum 4\n"))
    assert accept.accept(99) == {"week_99_small": True}
    assert "sum 4" in STORED.read_text()
    assert json.loads(RESULTS.read_text())["notebook"]["date"] == "2031-01-01"


def test_another_measured_value_is_accepted(published):
    def change(cells):
        cell = next(cell for cell in cells if cell.source.startswith("claim"))
        cell.outputs[0].data[CLAIM_MIME]["value"] = "2.9"

    rerun(change)
    assert accept.accept() == {"week_99_small": True}
    assert json.loads(RESULTS.read_text())["notebook"]["claims"][0]["value"] == "2.9"


def test_other_proofs_are_accepted_and_leave_the_notebook(published):
    before = STORED.read_bytes()
    Path("_build/proofs/week_99.b.json").write_text(json.dumps({"week": 99, "position": 1, "name": "b"}))
    assert accept.accept() == {"week_99_small": True}
    assert STORED.read_bytes() == before
    assert [row["name"] for row in json.loads(RESULTS.read_text())["proofs"]["exercises"]] == ["a", "b"]


def test_another_time_of_the_same_proofs_changes_nothing(published):
    before = stored_bytes()
    Path("_build/junit/proofs.week_99.xml").write_text(TIMED.format(9.5))
    assert accept.accept() == {"week_99_small": False}
    assert stored_bytes() == before


def test_one_week_is_accepted_without_the_others(published):
    """Nothing of another week is looked at: week 98 was never executed."""
    shutil.copy(SCRIPT, "notebooks/week_98_other.py")
    assert accept.accept(99) == {"week_99_small": False}
    with pytest.raises(accept.AcceptanceError, match=r"week_98_other\.py was not executed"):
        accept.accept()
    with pytest.raises(accept.AcceptanceError, match=r"no notebooks/week_07_\*"):
        accept.accept(7)


def test_what_is_above_its_budget_is_refused_even_where_it_shows_the_same(published):
    before = stored_bytes()
    rerun(cpu_seconds=103.5)
    with pytest.raises(accept.AcceptanceError, match=r"week_99_small took 103.5 s .* 3.5 s more than the 100 s"):
        accept.accept()
    rerun()
    Path("_build/junit/proofs.week_99.xml").write_text(TIMED.format(20))
    with pytest.raises(accept.AcceptanceError, match=r"proofs of week_99 took 20.5 s .* 0.5 s more"):
        accept.accept()
    assert stored_bytes() == before


def test_published_seconds_above_the_budget_give_way_to_those_within(published):
    notebook = notebooks.read(STORED)
    notebook.metadata["ultralearn"]["cpu_seconds"] = 120.0
    notebooks.write(notebook, STORED)
    rerun()
    assert accept.accept() == {"week_99_small": True}
    assert json.loads(RESULTS.read_text())["notebook"]["cpu_seconds"] == 66.6


BURN = "import pathlib, time\nwhile time.process_time() < 0.4: pass\npathlib.Path({!r}).touch()\n"
LEAVING = """
import pathlib, subprocess, sys, time
orphan, sleeper = sys.argv[1:]
leave = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"
subprocess.run([sys.executable, "-c", leave, orphan], check=True)
subprocess.Popen([sys.executable, "-c", sleeper + "time.sleep(600)"])
while not (pathlib.Path("orphan").exists() and pathlib.Path("sleeper").exists()):
    time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process wait for what others left behind")
def test_cpu_seconds_are_those_of_all_descendants(tmp_path):
    """One that its parent left behind counts, and one that still sleeps; and nothing stays."""
    before = psutil.Process().children()
    burning = [BURN.format(name) for name in ("orphan", "sleeper")]
    with execute.measured() as cost:
        subprocess.run([sys.executable, "-c", LEAVING, *burning], check=True, cwd=tmp_path)
    assert cost.cpu_seconds >= 0.8
    assert psutil.Process().children() == before


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
    edit(STORED, lambda cells: printing(cells).outputs[0].update(text="sum 4\n"))
    notebook = notebooks.read(STORED)
    notebook.metadata["ultralearn"]["versions"]["python"] = "3.99.1"
    notebooks.write(notebook, STORED)
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
    with pytest.raises(accept.AcceptanceError, match="parameters of its own"):
        accept.accept()


def test_an_unknown_parameter_is_an_error(course):
    with pytest.raises(ValueError, match=r"no parameter 'sizes'. Did you mean size\?"):
        execute.execute(SCRIPT, EXECUTED, {"sizes": 5})
    assert not EXECUTED.exists()


def test_a_failing_cell_leaves_no_result_and_says_where(course):
    SCRIPT.write_text(SCRIPT.read_text().replace("np.arange(size).sum())", "1 / 0)", 1))
    with pytest.raises(execute.ExecutionError, match="ZeroDivisionError"):
        execute.execute(SCRIPT, EXECUTED)
    assert not EXECUTED.exists()
    assert EXECUTED.with_suffix(".failed.ipynb").exists()


def test_a_claim_that_is_not_met_or_vacuous_fails_the_run(course):
    text = SCRIPT.read_text()
    SCRIPT.write_text(text.replace("at_least=2", "at_least=4"))
    with pytest.raises(execute.ExecutionError, match="Not met: measured 3"):
        execute.execute(SCRIPT, EXECUTED)
    SCRIPT.write_text(text.replace("against=1", "against=2"))
    with pytest.raises(execute.ExecutionError, match="meets the bound itself"):
        execute.execute(SCRIPT, EXECUTED)


def test_nothing_is_accepted_where_something_is_missing_or_stale(course):
    with pytest.raises(accept.AcceptanceError, match="was not executed"):
        accept.accept()
    execute.execute(SCRIPT, EXECUTED)
    text = SCRIPT.read_text()
    SCRIPT.write_text(text.replace("sum()", "mean()"))
    with pytest.raises(accept.AcceptanceError, match="another version"):
        accept.accept()
    SCRIPT.write_text(text)
    (course / "_build/proofs/week_99.a.json").unlink()
    with pytest.raises(accept.AcceptanceError, match="not proved"):
        accept.accept()
    assert not STORED.exists()
    assert not RESULTS.exists()


def test_reading_what_is_not_there_says_what_to_do(course):
    with pytest.raises(FileNotFoundError, match="make notebooks"):
        notebooks.read(STORED)


def test_command_lines(course, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["execute", str(SCRIPT), str(EXECUTED), "-p", "nosize", "4"])
    with pytest.raises(SystemExit, match="FAILED"):
        execute.main()
    monkeypatch.setattr(sys, "argv", ["accept"])
    with pytest.raises(SystemExit, match="Nothing was accepted"):
        accept.main()
    monkeypatch.setattr(sys, "argv", ["execute", str(SCRIPT), str(EXECUTED)])
    execute.main()
    monkeypatch.setattr(sys, "argv", ["accept", "99"])
    accept.main()
    out = capsys.readouterr().out
    assert "ran to the end in" in out
    assert "week_99_small: accepted" in out
