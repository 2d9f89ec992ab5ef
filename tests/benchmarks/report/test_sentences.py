"""The sentences on serving and on catalogs follow from the figures: other figures, other sentences."""

import html
import io
import json

import pytest
from matplotlib import pyplot as plt
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from benchmarks.report import plots
from benchmarks.report.catalog import CatalogReport
from benchmarks.report.results import FOLDER as FOLDER_OF_RESULTS
from benchmarks.report.results import read as results_of
from benchmarks.report.serving import ServingReport

FIXED = {"environment": "lib", "model": "M", "data_format": "GET /", "tuned": None, "series": "", "like": ""}
MACHINE = {"cpu": "A CPU", "cores": 2, "system": "Linux", "architecture": "x86_64"}


def spread(value, width=0.0):
    return {"median": value, "min": value * (1 - width), "max": value * (1 + width), "values": 7}


def measure(name, title, unit, more_is_better, digits, tie=0.0):
    return {
        "name": name,
        "title": title,
        "unit": unit,
        "more_is_better": more_is_better,
        "digits": digits,
        "tie": tie,
    }


def results(suite, quality, cost, measures, entries, conditions):
    return {
        "format": 1,
        "suite": suite,
        "title": suite,
        "quality": quality,
        "cost": cost,
        "measures": measures,
        "trials": 0,
        "rounds": 7,
        "seeds": {},
        "threads": 1,
        "conditions": conditions,
        "data": {"ratings": "a" * 64},
        "machine": MACHINE,
        "environments": {"lib": {"python": "3.11.7", "lib": "1.0"}},
        "entries": entries,
    }


def served(name, kind, cpu, p99=1.0, failed=0, like="", width=0.02):
    measured = {"cpu": cpu, "share": 100 * 20 / cpu, "rate": 1e6 / cpu, "p50": 0.5, "p99": p99}
    spreads = {key: spread(value, width) for key, value in measured.items()} | {"failed": spread(failed)}
    return {**FIXED, "name": name, "label": name, "kind": kind, "params": {}, "like": like, "measured": spreads}


def serving(hot=24.0, lib=300.0, **changes):
    entries = [
        served("Bare ASGI, hello", "baseline", 20.0),
        served("FastAPI, hello", "baseline", 70.0),
        served("Our service, hot path", "ours", hot),
        served("Our service, ordinary way", "ours", 400.0, like="computed"),
        served("Lib", "peer", lib, like="computed", **changes),
    ]
    measures = [
        measure("cpu", "CPU a request", "µs", False, 0),
        measure("share", "Of the limit", "%", True, 1),
        measure("rate", "Requests", "a second", True, 0),
        measure("p50", "Half within", "ms", False, 2),
        measure("p99", "99 % within", "ms", False, 2),
        measure("failed", "Failed", "requests", False, 0),
    ]
    conditions = {
        "connections": 16,
        "closed_seconds": 3.0,
        "rate": 100,
        "open_seconds": 3.0,
        "people": 200,
        "pinned": True,
        "limit": "Bare ASGI, hello",
    }
    return results("serving", "share", "cpu", measures, entries, conditions)


SIZES = {"1.7k": 1_682, "60k": 60_000, "1M": 1_000_000}
TIMES = {
    "brute force": (0.01, 0.4, 10.0),
    "exact pruning": (0.02, 0.1, 2.0),
    "faiss flat": (0.01, 0.4, 10.0),
    "HNSW 0.95": (0.02, 0.05, 0.5),
    "HNSW 0.99": (0.03, 0.1, 1.0),
}


def catalog(recall=0.96, tail=3.0, looked=(0.5, 0.3, 0.1), build=100.0, **changed):
    times = TIMES | {name.replace("_", " "): values for name, values in changed.items()}
    entries = []
    for (label, size), place in zip(SIZES.items(), range(3), strict=True):
        for series, values in times.items():
            ours, graph = series in ("brute force", "exact pruning"), series.startswith("HNSW")
            measured = {
                "recall": spread(recall if graph else 1.0),
                "p50": spread(values[place]),
                "p99": spread(values[place] * (tail if series == "exact pruning" else 1.5)),
                "build": spread(build if graph else 0.01),
                "memory": spread(1.0),
            }
            kind = "ours" if ours else "peer"
            name = f"{series}, {label}"
            row = {"name": name, "label": name, "kind": kind, "params": {"items": size}, "series": series}
            entries.append({**FIXED, **row, "measured": measured})
    measures = [
        measure("recall", "Recall@10", "", True, 3, 0.01),
        measure("p50", "Half within", "ms", False, 3),
        measure("p99", "99 % within", "ms", False, 3),
        measure("build", "Build", "CPU s", False, 3),
        measure("memory", "Memory", "MB", False, 1),
    ]
    conditions = {
        "queries": 300,
        "rank": 64,
        "real": 1682,
        "noise": 0.45,
        "neighbors": {"real": 0.82, "made": 0.83},
        "looked_at": {"real": 0.5, "made": 0.53, **dict(zip(SIZES, looked, strict=True))},
    }
    return results("catalog", "recall", "p50", measures, entries, conditions)


@pytest.fixture
def read(tmp_path):
    def write_and_read(data):
        path = tmp_path / f"{data['suite']}.json"
        path.write_text(json.dumps(data))
        return results_of(path)

    return write_and_read


# --- serving


def test_a_promise_that_is_kept_and_one_that_is_not(read):
    kept, broken = read(serving(hot=24)), read(serving(hot=26))
    assert ServingReport(kept).kept()
    assert not ServingReport(broken).kept()
    assert (
        ServingReport(kept)
        .findings()[0]
        .startswith("The promise was 80 % of the limit, and it is kept: 83.3 % (81.7 to 85.0 in 7 rounds).")
    )
    assert "and it is not kept: 76.9 %" in ServingReport(broken).findings()[0]
    assert ServingReport(broken).headline().startswith("Our hot path does 77 % of what")


def test_whoever_is_ahead_of_the_hot_path_or_of_the_ordinary_way_is_named(read):
    found = ServingReport(read(serving())).losses()
    assert len(found) == 2
    assert found[0] == (
        "Bare ASGI, hello is ahead of our service, hot path: CPU a request 20 µs against 24 and "
        "requests 50k a second against 41.7k."
    )
    assert found[1].startswith("Lib is ahead of our service, ordinary way: CPU a request 300 µs against 400 and")
    assert len(ServingReport(read(serving(lib=500))).losses()) == 1
    assert "(the ranges overlap)" in ServingReport(read(serving(lib=370, width=0.1))).losses()[1]
    slow_end = ServingReport(read(serving(lib=500, p99=0.5))).losses()
    assert [sentence for sentence in slow_end if sentence.startswith("Lib")] == [
        "Lib is ahead of our service, hot path: 99 % within 0.50 ms against 1.00.",
        "Lib is ahead of our service, ordinary way: 99 % within 0.50 ms against 1.00.",
    ]


def test_requests_that_failed_are_said(read):
    fine, bad = read(serving()), read(serving(failed=3))
    assert ServingReport(fine).setup()[-1] == "No request failed."
    assert ServingReport(bad).setup()[-1].startswith("Requests failed")
    assert ServingReport(bad).losses()[0] == "Lib: requests failed, up to 3 in a round."
    assert "failed" not in [measure.name for measure in fine.shown()]
    assert "failed" in [measure.name for measure in bad.shown()]


def test_without_a_core_of_its_own_the_times_are_not_trusted(read):
    data = serving()
    data["conditions"]["pinned"] = False
    assert "not to be trusted" in ServingReport(read(data)).setup()[0]


# --- catalog


def test_where_lines_cross(read):
    found = read(catalog())
    small, large, point = CatalogReport(found).crossing("brute force", "exact pruning")
    # Ahead by a factor of 2 at 1,682, behind by one of 4 at 60,000: a third of the way on a log scale.
    assert (small, large) == (1_682, 60_000)
    assert point == pytest.approx(1_682 * (60_000 / 1_682) ** (1 / 3))
    assert CatalogReport(found).crossing("faiss flat", "HNSW 0.99")[:2] == (1_682, 60_000)
    always = read(catalog(exact_pruning=(0.005, 0.1, 2.0)))
    assert CatalogReport(always).crossing("brute force", "exact pruning") == "always"
    never = read(catalog(exact_pruning=(0.02, 0.5, 11.0)))
    assert CatalogReport(never).crossing("brute force", "exact pruning") == "never"
    again = read(catalog(exact_pruning=(0.005, 0.5, 2.0)))  # ahead, behind, ahead: the last time counts
    assert CatalogReport(again).crossing("brute force", "exact pruning")[:2] == (60_000, 1_000_000)


def test_findings_name_the_fastest_and_the_crossings(read):
    found = CatalogReport(read(catalog())).findings()
    assert found[0].startswith("At 1.7k, the fastest of all that find 95% is brute force: 0.01 ms")
    assert found[2].startswith("At 1M, the fastest of all that find 95% is HNSW 0.95: 0.5 ms, where brute force")
    assert any("Exact pruning overtakes brute force between 1.7k and 60k films, at about 6k" in text for text in found)
    assert any("50% at 1.7k, 30% at 60k and 10% at 1M: the more there are" in text for text in found)
    assert found[-1] == (
        "Building the graph of 1M films takes 100 CPU seconds; against exact pruning it has earned that back after "
        "about 67k queries."
    )


def test_findings_turn_with_the_figures(read):
    poor = read(catalog(recall=0.9))  # a graph that misses too much wins nothing
    assert "is exact pruning: 2 ms" in CatalogReport(poor).findings()[2]
    assert CatalogReport(poor).headline() == "At 1M films, exact pruning answers\n5.0 times as fast as brute force"
    slow = read(catalog(HNSW_0_95=TIMES["HNSW 0.95"]) | {"suite": "catalog"})
    assert CatalogReport(slow).headline().startswith("At 1M films, HNSW answers\n20 times")
    useless = read(catalog(exact_pruning=(0.02, 0.1, 0.4)))
    assert CatalogReport(useless).findings()[-1].endswith("and it saves nothing against exact pruning.")
    assert any("does not catch up with exact pruning" in text for text in CatalogReport(useless).findings())
    odd = read(catalog(looked=(0.1, 0.3, 0.2)))
    assert not any("the more there are" in text for text in CatalogReport(odd).findings())


def test_where_libraries_are_ahead(read):
    found = CatalogReport(read(catalog())).losses()
    assert any(
        "HNSW 0.95, 1M answers 4.0 times as fast as our fastest, exact pruning: 0.5 ms" in text for text in found
    )
    assert any("at a recall of 0.960 against 1.000" in text for text in found)
    assert not any("1.7k answers" in text for text in found)
    slow_end = CatalogReport(read(catalog(tail=20.0))).losses()
    assert any("has the better slow end" in text for text in slow_end)
    assert not any("has the better slow end" in text for text in found)


def test_names_at_the_ends_of_lines_do_not_touch(read):
    figure = plots.size_plot(read(catalog()), "A title", "items", "Films")
    (axes,) = figure.axes
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 5
    assert [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)] == []
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)
    assert len({line.get_marker() for line in axes.lines}) == 5
    plt.close(figure)


# --- the page


@pytest.mark.parametrize("data", [serving(), catalog()], ids=["serving", "catalog"])
def test_the_page_shows_all_parts(data, tmp_path):
    suite = data["suite"]
    root = tmp_path / "source"
    (root / FOLDER_OF_RESULTS).mkdir(parents=True)
    (root / FOLDER_OF_RESULTS / f"{suite}.json").write_text(json.dumps(data))
    parts = ("plot", "findings", "table", "losses", "setup", "settings", "versions")
    text = "\n\n".join(f"```{{benchmarks}} {suite} {part}\n```" for part in (*parts, "speed"))
    (root / "index.md").write_text(f"# Index\n\n{text}\n")
    warnings = io.StringIO()
    with patch_docutils(), docutils_namespace():
        Sphinx(
            srcdir=root,
            confdir=None,
            outdir=tmp_path / "out",
            doctreedir=tmp_path / "trees",
            buildername="html",
            confoverrides={"extensions": ["myst_nb", "benchmarks.report.page"]},
            status=None,
            warning=warnings,
            freshenv=True,
        ).build()
    page = html.unescape((tmp_path / "out/index.html").read_text())
    (only,) = [line for line in warnings.getvalue().splitlines() if "WARNING" in line or "ERROR" in line]
    assert "asked for 'speed'" in only  # a part of other suites
    words = {
        "serving": ["and it is kept", "Lib is ahead of", "Requests a CPU second: ", "A CPU, 2 cores", "lib 1.0"],
        "catalog": ["overtakes", "Recall@10", "a smoothed bootstrap", "items 60000", "times as fast as our fastest"],
    }
    for expected in words[suite]:
        assert expected in page
