"""The workflows are thin: each step runs make targets that exist, and what readers and CI type is in the Makefile."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def made(command):
    """The targets of a command that is one call of make and nothing else."""
    assert re.fullmatch(r"make( [a-z-]+)+", command), command
    return set(command.split()[1:])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_run_is_a_make_target(path):
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        assert made(command) <= TARGETS


def test_the_three_workflows_are_there():
    assert [path.stem for path in WORKFLOWS] == ["publish", "test", "weekly"]


def test_ci_calls_make_test_and_allows_no_skip():
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert lines[-1] == "make test"
    assert any(line.startswith("export ULTRALEARN_NO_SKIPS=1") for line in lines)


def test_readme_and_contributing_name_targets_that_exist():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text()
        named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
        assert named
        assert named <= TARGETS, name
        assert len(text.splitlines()) <= 60, f"{name} is longer than a screen"
