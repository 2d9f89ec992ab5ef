"""`pytest tests/exercises --week 07` proves one week; without it, all."""

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ultralearn.practice import Week
from ultralearn.practice.checker import Checker

NAMES = sorted(path.name for path in Path("src/ultralearn/exercises").glob("week_*"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--week", type=int, help="prove this week's exercises only")


def load(name: str) -> Week:
    week: Week = importlib.import_module(f"ultralearn.exercises.{name}").week
    return week


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `week` runs once a week, one that takes `exercise` once an exercise."""
    only = metafunc.config.getoption("--week", None)
    names = [name for name in NAMES if only is None or int(name.removeprefix("week_")) == only]
    if "exercise" in metafunc.fixturenames:
        pairs = [(name, exercise) for name in names for exercise in load(name).checkers]
        metafunc.parametrize("exercise", pairs, indirect=True, ids=["-".join(pair) for pair in pairs])
    elif "week" in metafunc.fixturenames:
        metafunc.parametrize("week", [load(name) for name in names], ids=names)


@pytest.fixture(autouse=True)
def cpu_seconds(request: pytest.FixtureRequest) -> Iterator[None]:
    """Note what the test took, for the week's budget; `--junitxml` keeps it."""
    began = sum(os.times()[:4])
    yield
    request.node.user_properties.append(("cpu_seconds", sum(os.times()[:4]) - began))


@pytest.fixture
def exercise(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The week's and the exercise's name."""
    pair: tuple[str, str] = request.param
    return pair


@pytest.fixture
def week_of(exercise: tuple[str, str]) -> Week:
    return load(exercise[0])


@pytest.fixture
def checker(exercise: tuple[str, str], week_of: Week) -> Checker:
    return week_of.checkers[exercise[1]]


@pytest.fixture
def answers(exercise: tuple[str, str]) -> ModuleType:
    """SECOND, VARIANTS and EQUIVALENT of one exercise."""
    return importlib.import_module("tests.exercises." + ".".join(exercise))
