"""What a change costs: make itself is asked what it would run in a copy of the checkout after a file was touched."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ultralearn.publish.closure import Closures

ROOT = Path(__file__).parents[3]
SRC = Path("src/ultralearn")
SCRIPTS = sorted(path.stem for path in (ROOT / "notebooks").glob("week_*.py"))
WEEKS = [stem[:7] for stem in SCRIPTS]
PARTS = ["src", "tests", "notebooks", "benchmarks", "deploy", "book", ".ci", ".github"]
NOW = time.time()
WRITTEN_AT, GREEN_AT, TOUCHED_AT = NOW - 3000, NOW - 2000, NOW - 1000


def mentions(folder, module):
    """The weeks that say in a file of theirs that they import a module."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        if re.search(rf"^\s*(from|import) {re.escape(module)}\b", path.read_text(), re.MULTILINE):
            found |= set(re.findall(r"week_\d\d", path.as_posix()))
    return found


class Checkout:
    """A copy of this one where everything was executed and is green."""

    def __init__(self, root):
        self.root = root
        for part in PARTS:
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", ".ruff_cache"))
        for path in [*ROOT.glob("requirements*.txt"), ROOT / "pyproject.toml", ROOT / "Makefile"]:
            shutil.copy(path, root)
        (root / "installed").touch()
        self.settle()

    def make(self, *arguments, **environment):
        outside = {
            name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "ULTRALEARN", "MFL"))
        }
        command = ["make", f"PY={sys.executable}", "ENV=installed", "READERS=installed", *arguments]
        environment = outside | {"PYTHONPATH": str(self.root / "src")} | environment
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def settle(self):
        """Everything is older than what was made of it."""
        self.make("_build/closure.mk")
        targets = re.findall(r"^(_build/[^:]+):", (self.root / "_build/closure.mk").read_text(), re.MULTILINE)
        for target in targets:
            (self.root / target).parent.mkdir(parents=True, exist_ok=True)
            (self.root / target).touch()
        for path in self.root.rglob("*"):
            made = path.relative_to(self.root).as_posix() in [*targets, "_build/closure.mk", "installed"]
            os.utime(path, (GREEN_AT if made else WRITTEN_AT,) * 2)

    def due(self, **environment):
        """What make would do now: notebooks to execute, weeks to prove, rooms to test."""
        said = self.make("--dry-run", "notebooks", "proofs", "unit", **environment)
        return (
            set(re.findall(r"publish\.execute notebooks/(week_\d\d)", said)),
            set(re.findall(r"--stamp _build/green/proofs/(\S+)", said)),
            set(re.findall(r"--stamp _build/green/unit/(\S+)", said)),
        )

    def touch(self, path):
        for name in (path, "installed"):  # the environment follows the lock
            os.utime(self.root / name, (TOUCHED_AT,) * 2)

    def after_touching(self, path):
        before = (self.root / path).stat().st_mtime
        self.touch(path)
        try:
            return self.due()
        finally:
            os.utime(self.root / path, (before,) * 2)


def test_the_browser_looks_at_the_site_and_not_at_what_it_was_made_from():
    needs = {path.relative_to(ROOT).as_posix() for path in Closures(ROOT).others()["_build/green/browser"]}
    assert {"tests/book/test_browser.py", "src/ultralearn/cli/serve.py"} <= needs
    assert not [name for name in needs if name.startswith(("src/ultralearn/exercises/", "src/ultralearn/practice/"))]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return Checkout(tmp_path_factory.mktemp("checkout"))


def first(pattern):
    """An exercise's file of a folder."""
    return next(path for path in sorted(ROOT.glob(pattern)) if path.stem not in ("__init__", "common")).relative_to(
        ROOT
    )


def test_where_nothing_changed_nothing_is_due(checkout):
    assert checkout.due() == (set(), set(), set())


def test_the_command_line_executes_and_proves_nothing(checkout):
    executed, proved, rooms = checkout.after_touching(SRC / "cli/__init__.py")
    assert (executed, proved) == (set(), set())
    assert "tests.cli" in rooms
    assert "tests.rl" not in rooms


def test_a_subject_executes_and_proves_the_weeks_that_import_it(checkout):
    executed, proved, rooms = checkout.after_touching(SRC / "rl/rollouts.py")
    assert executed == mentions("notebooks", "ultralearn.rl")
    assert proved == mentions("src/ultralearn/exercises", "ultralearn.rl") | mentions(
        "tests/exercises", "ultralearn.rl"
    )
    assert "tests.rl" in rooms
    assert "tests.recsys" not in rooms


def test_practice_executes_and_proves_all(checkout):
    executed, proved, _ = checkout.after_touching(SRC / "practice/checker.py")
    assert executed == proved == set(WEEKS)


def test_a_package_above_what_is_imported_runs_too(checkout):
    """`import ultralearn.exercises.week_07` runs `ultralearn/exercises/__init__.py` as well."""
    executed, proved, _ = checkout.after_touching(SRC / "exercises/__init__.py")
    assert executed == proved == set(WEEKS)


def test_an_exercise_concerns_its_week_alone(checkout):
    executed, proved, _ = checkout.after_touching(first("src/ultralearn/exercises/week_07/*.py"))
    assert (executed, proved) == ({"week_07"}, {"week_07"})


def test_answers_execute_nothing(checkout):
    executed, proved, rooms = checkout.after_touching(first("tests/exercises/week_07/*.py"))
    assert (executed, proved) == (set(), {"week_07"})
    assert rooms <= {"tests.publish.closure"}  # these tests, which look at everything


def test_a_notebook_is_executed_alone_and_its_stubs_are_proved(checkout):
    executed, proved, _ = checkout.after_touching(Path("notebooks", f"{SCRIPTS[1]}.py"))
    assert (executed, proved) == ({WEEKS[1]}, {WEEKS[1]})


@pytest.mark.parametrize(
    ("data", "executed"),
    [
        (SRC / "recsys/service/static/page.css", {"week_05", "week_06"}),
        (SRC / "practice/book.mplstyle", set(WEEKS)),
        ("deploy/Dockerfile", {"week_06"}),  # read by its path in the repository
        (SRC / "cards/week_07.yaml", set()),
        ("book/plan.md", set()),
    ],
)
def test_data_counts_where_it_is_read(checkout, data, executed):
    assert checkout.after_touching(data)[0] == executed


def test_a_published_notebook_executes_and_proves_nothing(checkout):
    executed, proved, _ = checkout.after_touching(Path("notebooks", f"{SCRIPTS[0]}.ipynb"))
    assert (executed, proved) == (set(), set())


def test_the_lock_counts_for_everything(checkout):
    executed, proved, rooms = checkout.after_touching("requirements.txt")
    assert executed == proved == set(WEEKS)
    assert {"tests", "tests.cli", "tests.rl", "tests.recsys.service"} <= rooms


def test_a_stamp_counts_only_where_what_it_skipped_is_allowed(checkout):
    stamps = checkout.root / "_build/green/unit"

    def due(line, **environment):
        (stamps / "tests.rl").write_text(line)
        os.utime(stamps / "tests.rl", (GREEN_AT,) * 2)
        return "tests.rl" in checkout.due(**environment)[2]

    for line in ("NOT RUN: a (1): no Docker engine: none\n", "SKIPPED: a (1): slow\n"):
        assert not due(line)
        assert due(line, ULTRALEARN_NO_SKIPS="1")
    excused = {"ULTRALEARN_NO_SKIPS": "1", "ULTRALEARN_NO_ENGINE": "starting one needs root"}
    assert not due("NOT RUN: a (1): no Docker engine: none\n", **excused)
    assert due("SKIPPED: a (1): slow\n", **excused)
    assert not due("", ULTRALEARN_NO_SKIPS="1")


def test_an_import_inside_a_function_counts_and_so_does_a_deleted_file(tmp_path):
    checkout = Checkout(tmp_path)
    (tmp_path / SRC / "rl/hidden.py").write_text("VALUE = 1\n")
    with (tmp_path / SRC / "recsys/als.py").open("a") as file:
        file.write("\n\ndef later():\n    from ultralearn.rl import hidden\n\n    return hidden\n")
    checkout.settle()
    before = checkout.after_touching(SRC / "recsys/als.py")
    assert before[0]
    assert checkout.after_touching(SRC / "rl/hidden.py")[0] >= before[0]
    (tmp_path / "deploy/compose.yaml").unlink()
    assert checkout.due()[0] == {"week_06"}
