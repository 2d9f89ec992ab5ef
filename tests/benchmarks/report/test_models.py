"""What the book makes of the benchmarks' results: sentences follow from the figures, no label covers another."""

import copy
import html
import io
import json
import re

import pytest
from matplotlib import pyplot as plt
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from benchmarks.report import plots
from benchmarks.report.models import ModelReport, setting
from benchmarks.report.results import FOLDER as FOLDER_OF_RESULTS
from benchmarks.report.results import Unreadable
from benchmarks.report.results import read as results_of


def spread(value, width=0.0, values=5):
    return {"median": value, "min": value - width, "max": value + width, "values": values}


def entry(name, kind, ndcg, fit, serve, like="", tuned=None, **more):
    measured = {"ndcg": spread(ndcg), "fit": spread(fit, fit / 50), "serve": spread(serve)}
    fixed = {"environment": "ultralearn" if kind != "peer" else "lib", "model": "M", "data_format": "columns"}
    found = {"params": {"rank": 32} if tuned else {}, "series": "", "like": like, "tuned": tuned}
    return {"name": name, "label": name, "kind": kind, "measured": measured, **fixed, **found, **more}


TUNED = {"params": {"reg": 2.0}, "score": 0.5, "trials": 30, "space": {"reg": "1 to 9"}}
EFFORT = {**TUNED, "effort": {"name": "sweeps", "scores": {"2": 0.4, "4": 0.5}}}
RESULTS = {
    "format": 1,
    "suite": "ranking",
    "title": "Which films?",
    "quality": "ndcg",
    "cost": "fit",
    "measures": [
        {"name": "ndcg", "title": "nDCG@10", "unit": "", "more_is_better": True, "digits": 3, "tie": 0.005},
        {"name": "fit", "title": "Fit", "unit": "CPU s", "more_is_better": False, "digits": 3, "tie": 0.0},
        {
            "name": "serve",
            "title": "Lists of 20",
            "unit": "users per CPU s",
            "more_is_better": True,
            "digits": 0,
            "tie": 0,
        },
    ],
    "trials": 30,
    "rounds": 5,
    "seeds": {"splits": 42, "tuning": 0, "models": [0, 1, 2, 3, 4]},
    "threads": 1,
    "data": {"train": "a" * 64},
    "machine": {"cpu": "A CPU", "cores": 2, "system": "Linux", "architecture": "x86_64"},
    "environments": {"ultralearn": {"python": "3.11.7"}, "lib": {"python": "3.11.7", "lib": "1.0"}},
    "entries": [
        entry("Popularity", "baseline", 0.25, 0.001, 100_000),
        entry("iALS", "ours", 0.490, 0.10, 150_000, like="iALS", tuned=EFFORT),
        entry("Lib iALS", "peer", 0.493, 0.20, 30_000, like="iALS", tuned=TUNED),
        entry("Lib, defaults", "peer", 0.30, 0.20, 500),
    ],
}


def changed(**medians):
    """The results with other medians: name__measure=value."""
    data = copy.deepcopy(RESULTS)
    for key, value in medians.items():
        name, measure = key.split("__")
        row = next(row for row in data["entries"] if row["name"].replace(" ", "_") == name)
        row["measured"][measure] = spread(value, value / 50)
    return data


@pytest.fixture
def read(tmp_path):
    def write_and_read(data):
        path = tmp_path / "ranking.json"
        path.write_text(json.dumps(data))
        return results_of(path)

    return write_and_read


def test_where_ours_are_ahead_or_tied_no_loss_is_stated(read):
    assert ModelReport(read(RESULTS)).losses() == []
    assert ModelReport(read(RESULTS)).headline().startswith("For every library row")


def test_a_slower_fit_is_stated_with_its_figures(read):
    (sentence,) = ModelReport(read(changed(iALS__fit=0.3))).losses()
    assert sentence == (
        "Lib iALS is fitted faster than our iALS, 1.5 times: 0.200 CPU s against 0.300 CPU s; "
        "nDCG@10 0.493 against 0.490."
    )
    assert ModelReport(read(changed(iALS__fit=0.3))).headline().startswith("For 0 of 2 library rows")


def test_slower_lists_and_overlapping_ranges_are_stated(read):
    (sentence,) = ModelReport(read(changed(iALS__serve=20_000))).losses()
    assert "is ahead in lists of 20 of our iALS, 1.5 times: 30k users per CPU s against 20k" in sentence
    data = changed(iALS__fit=0.22)
    data["entries"][1]["measured"]["fit"]["min"] = 0.19
    assert "with ranges that overlap" in ModelReport(read(data)).losses()[0]
    assert ModelReport(read(changed(iALS__fit=0.204))).losses() == []


def test_a_better_quality_of_a_peer_is_stated(read):
    first, second = ModelReport(read(changed(Lib_iALS__ndcg=0.5))).losses()
    assert first == "The best nDCG@10 here is that of Lib iALS: 0.500. Of ours, iALS comes closest with 0.490."
    assert second == "Lib iALS has a better nDCG@10 than our iALS: 0.500 against 0.490."


def test_a_cheaper_peer_of_another_method_is_stated(read):
    data = changed(Lib_iALS__fit=0.05)
    data["entries"][2]["like"] = ""
    (sentence,) = ModelReport(read(data)).losses()
    assert sentence == (
        "Lib iALS is as good as our iALS, by another way and in less time: "
        "nDCG@10 0.493 in 0.050 CPU s against nDCG@10 0.490 in 0.100 CPU s."
    )
    more = copy.deepcopy(data["entries"][2])
    for name in ("second", "third"):
        data["entries"].append({**more, "name": name})
        found = ModelReport(read(data)).losses()[0]
        assert ("One more row" if name == "second" else "2 more rows") in found


def test_settings_say_what_was_searched(read):
    rows = read(RESULTS).rows
    assert setting(rows[1]) == "rank 32. Searched: reg from 1 to 9; sweeps the cheapest of 2, 4 within half a tie"
    assert setting(rows[3]) == "as the library ships it"
    fixed = entry("x", "ours", 0.4, 1, 1, params={"rank": 8, "reg": 0.12345})
    assert setting(read({**RESULTS, "entries": [*RESULTS["entries"], fixed]}).row("x")) == (
        "rank 8, reg 0.123. Not tuned"
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.update(format=0),
        lambda data: data.pop("machine"),
        lambda data: data["entries"][0].pop("label"),
        lambda data: data["entries"][0]["measured"].pop("fit"),
    ],
)
def test_damaged_results_are_refused(read, damage):
    data = copy.deepcopy(RESULTS)
    damage(data)
    with pytest.raises(Unreadable, match=r"ranking\.json .*make bench"):
        read(data)


# --- the page


@pytest.fixture
def build(tmp_path):
    """Build a page with these directives; returns its HTML and the warnings."""
    root = tmp_path / "source"
    (root / "book").mkdir(parents=True)

    def run(*directives, results=RESULTS):
        text = "\n\n".join(f"```{{benchmarks}} {directive}\n```" for directive in directives)
        (root / "index.md").write_text("# Index\n\n```{toctree}\nbook/page\n```\n")
        (root / "book/page.md").write_text(f"# Page\n\n{text}\n")
        if results is not None:
            (root / FOLDER_OF_RESULTS).mkdir(parents=True, exist_ok=True)
            given = results if isinstance(results, str) else json.dumps(results)
            (root / FOLDER_OF_RESULTS / "ranking.json").write_text(given)
        warnings = io.StringIO()
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                srcdir=root,
                confdir=None,
                outdir=tmp_path / "out",
                doctreedir=tmp_path / "trees",
                buildername="html",
                confoverrides={"extensions": ["myst_nb", "benchmarks.report.page"]},
                status=None,
                warning=warnings,
                freshenv=True,
            )
            app.build()
        return html.unescape((tmp_path / "out/book/page.html").read_text()), warnings.getvalue()

    return run


def test_the_page_shows_all_parts(build, tmp_path):
    parts = ("plot", "speed", "table", "losses", "setup", "settings", "versions")
    page, warnings = build(*(f"ranking {part}" for part in parts))
    assert warnings == ""
    for words in ("0.098 to 0.102", "150k", "Nowhere in this table", "A CPU, 2 cores", "lib 1.0", "aaaaaaaaaaaa"):
        assert words in page
    assert "Off the picture, far behind in nDCG@10: Popularity (0.250) and Lib, defaults (0.300)." in page
    alts = re.findall(r'<img alt="([^"]*)" src="([^"]*)" style="width: 4\d\dpx', page)
    assert [source for _, source in alts] == ["../_images/ranking-quality.svg", "../_images/ranking-serve.svg"]
    assert alts[0][0].startswith("For every library row, one of ours is as good and no slower. ")
    assert "iALS: 0.490 in 0.100 CPU s" in alts[0][0]
    assert alts[1][0].startswith("iALS serves 5.0 times as many as the fastest library row. ")


def test_the_same_results_draw_the_same_picture(build, tmp_path):
    drawn = []
    for _ in range(2):
        build("ranking plot")
        drawn.append((tmp_path / "out/_images/ranking-quality.svg").read_bytes())
    assert drawn[0] == drawn[1]
    assert b"fill: #ffffff" not in drawn[0]  # transparent


def test_without_results_the_page_says_so(build):
    page, warnings = build("ranking plot", "ranking losses", results=None)
    assert warnings == ""
    assert page.count("has not been run yet") == 2


def test_what_is_wrong_is_an_error_of_the_build(build):
    assert "cannot be read" in build("ranking plot", results="{")[1]
    assert "asked for 'prices'" in build("ranking prices")[1]


def test_losses_are_a_list(build):
    page, _ = build("ranking losses", results=changed(iALS__fit=0.3))
    assert "<li><p>Lib iALS is fitted faster than our iALS, 1.5 times" in page


def test_a_library_that_serves_faster_is_the_title(read):
    figure = plots.speed_plot(read(changed(iALS__serve=15_000)), read(RESULTS).measures[-1])
    assert figure.get_suptitle() == "The fastest library row serves 2.0 times\nas many as iALS"
    plt.close(figure)


# --- labels


def overlaps(boxes):
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_labels_of_close_points_do_not_overlap():
    figure, axes = plt.subplots(figsize=(4.6, 4.8))
    axes.set_xscale("log")
    axes.set_xlim(0.01, 10)
    axes.set_ylim(0.4, 0.5)
    points = [(0.1 * 1.2**i, 0.45 + 0.002 * (i % 3), f"contestant {i}", "black") for i in range(6)]
    boxes = plots.place_labels(axes, points)
    written = [text.get_window_extent().padded(2) for text in axes.texts]
    assert sorted(box.x0 for box in boxes) == pytest.approx(sorted(box.x0 for box in written), abs=1)
    assert sorted(box.y1 for box in boxes) == pytest.approx(sorted(box.y1 for box in written), abs=1)
    assert overlaps(boxes) == []
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 + 12 for box in boxes)
    plt.close(figure)


def test_a_crowd_without_room_is_drawn_all_the_same():
    figure, axes = plt.subplots(figsize=(1.5, 1.5))
    boxes = plots.place_labels(axes, [(0.5, 0.5, f"a long name {i}", "black") for i in range(12)])
    assert len(boxes) == 12
    assert overlaps(boxes)
    plt.close(figure)
