"""The verdict, which nothing but success may turn into success, and the report that is kept."""

import dataclasses
import io
import itertools
import json
import os

import pytest
from rich.console import Console

from ultralearn.gates.report import Line, Measured, Report, failed, not_checked, verdict, verified
from ultralearn.gates.table import table

NAMES = ["a", "b", "deployed"]
FINDINGS = {"verified": verified("seen"), "failed": failed("seen", "mend it"), "not checked": not_checked("no time")}


def lines(*statuses):
    return [
        Line(name, f"{name} holds", FINDINGS[status], only_deployed=name == "deployed")
        for name, status in zip(NAMES, statuses, strict=True)
    ]


@pytest.mark.parametrize("statuses", list(itertools.product(FINDINGS, repeat=3)))
def test_every_combination_has_the_one_right_verdict(statuses):
    expected = {
        ("verified", "verified", "verified"): "passed",
        ("verified", "verified", "not checked"): "ready, not deployed",
    }.get(statuses, "failed")
    assert verdict(NAMES, lines(*statuses)) == expected


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ([], []),
        (NAMES, []),
        (NAMES, lines("verified", "verified", "verified")[:2]),
        (NAMES, lines("verified", "verified", "verified")[:1] * 3),
        (["a", "b"], lines("verified", "verified", "verified")),
        (["deployed"], lines("verified", "verified", "not checked")[2:]),
    ],
)
def test_a_check_left_out_cannot_pass(expected, given):
    assert verdict(expected, given) == "failed"


@pytest.fixture
def a_report():
    return Report(
        month=3,
        subject="http://127.0.0.1:8000",
        started="2026-11-23T19:15:00.123+00:00",
        seconds=31.4,
        seed=7,
        verdict="failed",
        lines=tuple(lines("verified", "failed", "not checked")),
        measured=(Measured("from memory", "2 exercises"),),
        versions={"ultralearn": "0.1.0"},
    )


def test_the_report_is_saved_whole(a_report, tmp_path):
    path = a_report.save(tmp_path / "new" / "gates")
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "gate_3_20261123T191500.123Z.json"
    assert kept == json.loads(json.dumps(a_report.as_json()))
    assert {field.name for field in dataclasses.fields(Report)} - {"lines"} <= set(kept)
    assert [(check["name"], check["status"]) for check in kept["checks"]] == [
        ("a", "verified"),
        ("b", "failed"),
        ("deployed", "not checked"),
    ]
    assert kept["checks"][1]["todo"] == "mend it"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_report_that_cannot_be_written_leaves_nothing(a_report, tmp_path, monkeypatch):
    def full(*given):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        a_report.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_table_says_all_of_it_in_a_narrow_terminal(a_report):
    shown = io.StringIO()
    Console(file=shown, width=60).print(table(a_report))
    text = " ".join(shown.getvalue().split())
    for part in ("verified", "failed", "mend it", "not checked", "no time", "measured", "2 exercises", "FAILED"):
        assert part in text
    assert max(map(len, shown.getvalue().splitlines())) <= 60


def test_what_a_server_says_is_not_taken_for_markup(a_report):
    rude = dataclasses.replace(a_report, lines=(Line("a", "", failed("[bold]500[/nothing]", "[link=x]")),))
    shown = io.StringIO()
    Console(file=shown, width=100).print(table(rude))
    assert "[bold]500[/nothing]" in shown.getvalue()
