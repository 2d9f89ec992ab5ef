"""A small course of one week, in a folder of its own."""

import json

import pytest

WEEK = """# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Week 99: a test
#
# Text.

# %%
import numpy as np

from ultralearn.practice import claim

# %% tags=["parameters"]
size: int = 3

# %%
print("sum", np.arange(size).sum())

# %%
claim("The sum grows.", float(np.arange(size).sum()), at_least=2, against=1)

# %% tags=["nbval-ignore-output"] reason="a random number"
np.random.default_rng().random()
"""


TIMED = """<testsuites><testsuite>
<testcase name="a"><properties><property name="cpu_seconds" value="{}"/></properties></testcase>
<testcase name="b"><properties><property name="cpu_seconds" value="0.5"/></properties></testcase>
</testsuite></testsuites>"""


def make_course(root, monkeypatch):
    """Make a folder with one percent script, the current one; nothing is executed."""
    monkeypatch.chdir(root)
    for name in ("ULTRALEARN_HEADLESS", "TQDM_DISABLE"):
        monkeypatch.setenv(name, "")  # execution sets them; given back after the test
    (root / "notebooks").mkdir()
    (root / "book").mkdir()
    (root / "notebooks/week_99_small.py").write_text(WEEK)
    (root / "_config.yml").write_text("repository:\n  url: https://example.org/OWNER/course\n  branch: main\n")
    (root / "_build/proofs").mkdir(parents=True)
    (root / "_build/junit").mkdir()
    (root / "_build/junit/proofs.week_99.xml").write_text(TIMED.format(1.5))
    (root / "_build/proofs/week_99.a.json").write_text(json.dumps({"week": 99, "position": 0, "name": "a"}))
    return root


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one week."""
    return make_course(tmp_path, monkeypatch)
