"""What the first cell of a notebook does on Colab."""

import builtins
import sys
import types

from ultralearn import colab
from ultralearn.practice import progress


def test_on_colab_torch_and_numpy_are_never_installed(monkeypatch):
    monkeypatch.setattr(
        colab.importlib.metadata,
        "requires",
        lambda package: [
            "torch>=2",
            "numpy>=2",
            "absent_one>=1",
            "absent_two [x]>2",
            "pytest>1",
            "absent ; extra == 'book'",
        ],
    )
    assert colab.missing_requirements() == ["absent_one>=1", "absent_two [x]>2"]


def test_colab_installs_what_is_missing_and_offers_drive(monkeypatch):
    monkeypatch.setenv("ULTRALEARN_HOME", "")  # given back after the test
    commands, mounted = [], []
    drive = types.ModuleType("google.colab.drive")
    drive.mount = mounted.append
    package = types.ModuleType("google.colab")
    package.drive = drive
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setattr(colab, "missing_requirements", lambda: ["gymnasium>=1"])
    monkeypatch.setattr(colab.subprocess, "run", lambda command, check: commands.append(command))
    monkeypatch.setattr(builtins, "input", lambda prompt: "n")
    colab.prepare()
    assert commands[0][1:] == ["-m", "pip", "install", "-q", "gymnasium>=1"]
    assert mounted == []
    monkeypatch.setattr(builtins, "input", lambda prompt: "y")
    monkeypatch.setattr(colab, "missing_requirements", list)
    colab.prepare()
    assert mounted == ["/content/drive"]
    assert len(commands) == 1
    assert str(progress.home()) == "/content/drive/MyDrive/ultralearn"
