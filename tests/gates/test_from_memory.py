"""What the log says of from-memory exercises: a hint of any kind, and it does not count."""

import pytest

from ultralearn.gates.from_memory import measure, without_a_hint

WEEKS = range(3, 7)


def drill(*names, week=3):
    return {"event": "drill", "week": week, "exercises": list(names)}


def attempt(name, verdict, hint=None, week=3):
    return {"event": "attempt", "week": week, "exercise": name, "verdict": verdict, "hint": hint}


def hint(name, week=3):
    return {"event": "hint", "week": week, "exercise": name, "level": 1}


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([], []),
        ([attempt("svd", "right")], []),  # not from memory
        ([drill("svd"), attempt("svd", "right")], ["svd"]),
        ([drill("svd", week=None), attempt("svd", "right")], ["svd"]),
        ([drill("svd"), attempt("svd", "wrong"), attempt("svd", "right")], ["svd"]),
        ([drill("svd"), attempt("svd", "wrong", hint="sign"), attempt("svd", "right")], []),
        ([drill("svd"), hint("svd"), attempt("svd", "right")], []),
        ([drill("svd"), attempt("svd", "right"), hint("svd")], ["svd"]),
        ([hint("svd"), drill("svd"), attempt("svd", "right")], ["svd"]),
        ([drill("svd"), hint("als"), attempt("svd", "right")], ["svd"]),
        ([drill("svd"), attempt("svd", "not attempted")], []),
        ([drill("svd"), attempt("als", "right")], []),
        ([drill("svd"), attempt("svd", "right", week=4)], []),
        ([drill("svd"), drill("als"), attempt("svd", "right")], []),
        ([drill("svd"), hint("svd"), drill("svd"), attempt("svd", "right")], ["svd"]),
        ([drill("svd"), attempt("svd", "right"), drill("svd"), attempt("svd", "right")], ["svd"]),
        ([drill("svd", week=7), attempt("svd", "right", week=7)], []),
        ([drill("svd"), {"event": "attempt"}, {"event": "attempt", "week": "3", "exercise": "svd"}], []),
    ],
)
def test_what_counts(events, found):
    assert without_a_hint(events, WEEKS) == {3: found, 4: [], 5: [], 6: []}


def test_the_line_says_how_many_and_which():
    events = [drill("svd", "als"), attempt("svd", "right"), attempt("als", "right")]
    line = measure("from memory", events, WEEKS)
    assert line.seen == (
        "2 exercises of weeks 3 to 6 from memory without a hint "
        "(week 3: als, svd; week 4: none yet; week 5: none yet; week 6: none yet)"
    )
