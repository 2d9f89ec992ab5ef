"""What the first cell of a notebook does on Colab."""

import builtins
import sys
import types
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from ultralearn import colab
from ultralearn.practice import progress

INSTALLED = {"fits": "2.1", "old": "1.9", "exact": "1.0", "nightly": "3.0.dev1+cu128", "torch": "2.1", "numpy": "2.4.6"}


@pytest.fixture
def on_colab(monkeypatch):
    """A session that has what INSTALLED says, answers no, and keeps what it was told to do."""

    def version(name):
        try:
            return INSTALLED[name]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None

    session = types.SimpleNamespace(requires=[], commands=[], mounted=[], answer="n")
    drive = types.ModuleType("google.colab.drive")
    drive.mount = session.mounted.append
    package = types.ModuleType("google.colab")
    package.drive = drive
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setenv("ULTRALEARN_HOME", "")  # given back after the test
    monkeypatch.setattr(colab.importlib.metadata, "requires", lambda package: session.requires)
    monkeypatch.setattr(colab.importlib.metadata, "version", version)
    monkeypatch.setattr(colab.subprocess, "run", lambda command, check: session.commands.append(command[1:]))
    monkeypatch.setattr(builtins, "input", lambda prompt: session.answer)
    return session


def test_versions_are_compared_and_what_an_extra_or_another_system_needs_is_left_out(on_colab):
    on_colab.requires = [
        "fits>=2",
        "old>=2",
        "exact==1.0",
        "nightly>=2.9",
        "absent[x]>=1; python_version >= '3.11'",
        "absent_elsewhere; sys_platform == 'win32'",
        "absent_extra; extra == 'book'",
    ]
    assert colab.unmet_requirements() == [(Requirement("old>=2"), "1.9"), (Requirement("absent[x]>=1"), None)]


def test_what_is_missing_or_too_old_is_installed(on_colab, capsys):
    on_colab.requires = ["fits>=2", "old>=2,<3", "absent[x]>=1"]
    colab.prepare()
    assert on_colab.commands == [["-m", "pip", "install", "-q", "old<3,>=2", "absent[x]>=1"]]
    assert "Replaced, because Colab's was too old: old." in capsys.readouterr().out


def test_torch_and_numpy_are_never_installed_and_too_old_ones_are_named(on_colab, capsys):
    on_colab.requires = ["torch>=2.8", "numpy>=2"]
    colab.prepare()
    assert on_colab.commands == []
    said = capsys.readouterr().out
    assert "Colab has torch 2.1, the course needs torch>=2.8." in said
    assert "numpy" not in said


def test_where_nothing_is_missing_nothing_is_installed_or_said(on_colab, capsys):
    on_colab.requires = ["fits>=2", "torch>=2", "numpy>=2"]
    colab.prepare()
    assert on_colab.commands == []
    assert capsys.readouterr().out == ""


def test_the_log_goes_to_drive_where_the_learner_says_so(on_colab):
    colab.prepare()
    assert on_colab.mounted == []
    on_colab.answer = "y"
    colab.prepare()
    assert on_colab.mounted == ["/content/drive"]
    assert str(progress.home()) == "/content/drive/MyDrive/ultralearn"
