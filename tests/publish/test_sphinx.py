"""The book's own Sphinx extensions, each on a small book of its own."""

import base64
import io
import json
import shutil
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from ultralearn.plan import load_plan
from ultralearn.publish.sphinx import cards, decks

SAMPLE = Path(__file__).parents[1] / "practice/sample"
ADDRESS = "https://github.com/someone/course"
RESULTS = {
    "week_03": {
        "notebook": {
            "name": "week_03_gone",
            "title": "Week 3",
            "seconds": 9.0,
            "date": "2026-11-22",
            "machine": "two cores",
            "versions": {"torch": "2.13.0"},
            "claims": [],
        },
        "proofs": {
            "exercises": [
                {
                    "week": 3,
                    "name": "loss",
                    "misconceptions": 6,
                    "variants": 2,
                    "mutants": 10,
                    "killed": 10,
                    "survivors": [],
                    "equivalent": {},
                }
            ]
        },
    },
    "week_07": {
        "notebook": {
            "name": "week_07_reinforce",
            "title": "Week 7",
            "seconds": 141.4,
            "date": "2026-11-23",
            "machine": "two cores",
            "versions": {"torch": "2.13.0"},
            "claims": [
                {
                    "sentence": "The pole stands.",
                    "bound": "at least 475",
                    "baseline": "22.4",
                    "value": "487",
                    "interval": "481 to 492",
                    "seeds": 5,
                    "holds": True,
                },
                {
                    "sentence": "The baseline helps.",
                    "bound": "at least 1.5",
                    "baseline": "1",
                    "value": "1.2",
                    "interval": None,
                    "seeds": None,
                    "holds": False,
                },
            ],
        },
        "proofs": {
            "exercises": [
                {
                    "week": 7,
                    "name": "returns",
                    "misconceptions": 5,
                    "variants": 2,
                    "mutants": 14,
                    "killed": 13,
                    "survivors": ["line 3: + -> -"],
                    "equivalent": {"line 4: 0 -> 0.0": "the same number"},
                }
            ]
        },
    },
}


def notebook():
    picture = io.BytesIO()
    with plt.style.context("ultralearn.practice.book"):
        figure = plt.figure()
        figure.savefig(picture, format="png")
    plt.close(figure)
    data = {"image/png": base64.b64encode(picture.getvalue()).decode()}
    cells = [
        new_markdown_cell("# Week 7: a test"),
        new_code_cell(
            'ax.set_title("The first line,\\nand the second")',
            execution_count=1,
            outputs=[new_output("display_data", data=data)],
        ),
        new_code_cell("draw()", execution_count=2, outputs=[new_output("display_data", data=data)]),
        new_markdown_cell("```{cards} week_07\n```"),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build a book of one notebook and the pages given; returns its folder and its warnings."""
    monkeypatch.setattr(cards, "CARDS", SAMPLE)
    monkeypatch.setattr(decks, "CARDS", SAMPLE)
    root = tmp_path / "source"
    (root / "notebooks").mkdir(parents=True)
    (root / "book").mkdir()
    (root / "_toc.yml").write_text("root: index\n")
    shutil.copytree(Path(__file__).parents[2] / "book/_templates", root / "templates")
    nbformat.write(notebook(), root / "notebooks/week_07_reinforce.ipynb")

    def run(accepted=None, **pages):
        names = "\n".join(f"book/{name}" for name in pages)
        (root / "index.md").write_text(f"# Index\n\n```{{toctree}}\nnotebooks/week_07_reinforce\n{names}\n```\n")
        for name, text in pages.items():
            (root / f"book/{name}.md").write_text(f"# {name}\n\n{text}\n")
        if accepted is not None:
            (root / "book/results").mkdir()
            for week, results in accepted.items():
                text = results if isinstance(results, str) else json.dumps(results)
                (root / f"book/results/{week}.json").write_text(text)
        warnings = io.StringIO()
        extensions = ["site", "cards", "decks", "plan", "results"]
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                srcdir=root,
                confdir=None,
                outdir=tmp_path / "out",
                doctreedir=tmp_path / "trees",
                buildername="html",
                confoverrides={
                    "extensions": [
                        "sphinx_thebe",
                        "myst_nb",
                        *(f"ultralearn.publish.sphinx.{name}" for name in extensions),
                    ],
                    "myst_enable_extensions": ["dollarmath"],
                    "nb_execution_mode": "off",
                    "html_theme": "sphinx_book_theme",
                    "html_theme_options": {"repository_url": ADDRESS, "repository_branch": "main"},
                    "html_sourcelink_suffix": "",
                    "templates_path": ["templates"],
                    "exclude_patterns": ["templates"],
                },
                status=None,
                warning=warnings,
                freshenv=True,
            )
            app.build()
        return tmp_path / "out", warnings.getvalue()

    return run


def test_a_week_gets_its_links_figures_and_cards(build):
    out, warnings = build()
    assert warnings == ""
    html = (out / "notebooks/week_07_reinforce.html").read_text()
    blob = "someone/course/blob/published/notebooks/week_07_reinforce.ipynb"
    assert f"https://colab.research.google.com/github/{blob}" in html
    assert f"{ADDRESS}/edit/main/notebooks/week_07_reinforce.py" in html
    assert 'href="../_sources/notebooks/week_07_reinforce.ipynb"' in html
    assert (out / "_sources/notebooks/week_07_reinforce.ipynb").exists()
    assert 'alt="The first line, and the second"' in html
    assert 'alt="Figure drawn by the cell above."' in html
    assert html.count("width: 520px") == 2
    assert "thebe" not in html

    assert 'id="card-week_07-reward-to-go"' in html
    assert html.count("<details>") == 3
    assert html.count('<details class="ul-choice">') == 3
    assert html.count("<strong>Wrong. </strong>") == 2
    assert '<div class="ul-card-source' in html
    assert 'href="../cards/week_07.apkg"' in html
    assert zipfile.is_zipfile(out / "cards/week_07.apkg")


def test_a_page_without_cards_says_which_there_are(build):
    out, warnings = build(page="```{cards} week_01\n```")
    assert "There is no week_01.yaml; there are week_07." in warnings
    assert f"{ADDRESS}/edit/main/book/page.md" in (out / "book/page.html").read_text()


def test_the_plan_is_shown_with_links_to_the_weeks_that_exist(build):
    parts = ("map", "written", "weekdays", "gates", "weeks")
    out, warnings = build(plan="\n\n".join(f"```{{plan}} {part}\n```" for part in parts))
    assert warnings == ""
    html = (out / "book/plan.html").read_text()
    plan = load_plan()
    for week in plan.weeks:
        assert week.build.replace("'", "’") in html.replace("&#39;", "’").replace("'", "’")
    assert html.count('class="ul-planned"') == 51
    assert "1 of the 52 weeks is written so far" in html
    assert html.count('href="../notebooks/week_07_reinforce.html" title=') == 1
    assert html.count("Saturday: job search") == 22
    assert [html.count(f"Gate, month {month}<") for month in (3, 6, 9, 12)] == [1, 1, 1, 1]
    assert "20 h" in html
    assert '<span class="ul-map-weeks">17–22</span>' in html


def test_results_are_shown_as_tables(build):
    parts = ("claims", "runs", "machine", "exercises", "equivalents")
    out, warnings = build(RESULTS, results="\n\n".join(f"```{{results}} {part}\n```" for part in parts))
    assert warnings == ""
    html = (out / "book/results.html").read_text()
    for text in ("487", "(481 to 492)", "5 seeds", "2 min 21 s", "9 s", "two cores", "torch 2.13.0", "13 of 14"):
        assert text in html
    assert html.count('class="ul-holds"') == 1
    assert html.count('class="ul-missed"') == 1
    assert "the same number" in html
    assert 'href="../notebooks/week_07_reinforce.html"' in html


def test_without_results_the_pages_say_so(build):
    parts = ("claims", "runs", "machine", "exercises", "equivalents")
    out, warnings = build(results="\n\n".join(f"```{{results}} {part}\n```" for part in parts))
    assert warnings == ""
    assert (out / "book/results.html").read_text().count("No run has been accepted yet") == 5


@pytest.mark.parametrize("damaged", ["{", '{"notebook": {}, "proofs": {}}'])
def test_damaged_results_are_an_error_of_the_build(build, damaged):
    _, warnings = build({"week_07": damaged}, results="```{results} claims\n```")
    assert "cannot be read" in warnings
    assert "make accept" in warnings


def test_a_part_that_is_not_there_is_named(build):
    _, warnings = build(page="```{plan} months\n```\n\n```{results} prices\n```")
    assert "asked for 'months'" in warnings
    assert "asked for 'prices'" in warnings
