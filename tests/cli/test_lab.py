import sys
from pathlib import Path

from ultralearn.cli import lab
from ultralearn.publish import notebooks


def test_learners_copies_are_made_once_and_never_overwritten(course, monkeypatch, capsys):
    notebooks.write(notebooks.read_source(Path("notebooks/week_99_small.py")), Path("notebooks/week_99_small.ipynb"))
    (made,) = lab.make_copies()
    assert "jupytext" not in notebooks.read(made).metadata
    made.write_text("the learner's own answer")
    assert lab.make_copies() == []
    monkeypatch.setattr(sys, "argv", ["lab", "--fresh"])
    lab.main()
    lab.main()
    out = capsys.readouterr().out
    assert "work/week_99_small_2.ipynb" in out
    assert "work/week_99_small_3.ipynb" in out
    assert made.read_text() == "the learner's own answer"
