"""What a learner's code can do to the checker, and what the learner is told."""

import dataclasses
import itertools
import linecache
import signal
import sys
import time

import numpy as np
import pytest
import torch
from scipy import sparse

from ultralearn.practice import Probe, Property, Tolerance, Week, gradient_reaches, no_gradient_reaches, progress
from ultralearn.practice.checker import Checker
from ultralearn.practice.comparison import difference
from ultralearn.practice.declaration import Declaration, attempted
from ultralearn.practice.session import functions_in_use

numbers = itertools.count()


def scale(values: np.ndarray, factor: float) -> np.ndarray:
    """Values times a factor."""
    return values * factor


def adds(values, factor):
    """You add the factor;
    what happens to a value of zero?
    """
    return values + factor


def divides(values, factor):
    """You divide by the factor."""
    return values / factor


def always_doubles(values, factor):
    """The factor is fixed at 2 in your code."""
    return values * 2.0


def works_in_place(values, factor):
    """You change the caller's values."""
    values *= factor
    return values


def fails_on_many(values, factor):
    """Your function fails on more than three values."""
    if len(values) > 3:
        raise ValueError("too many")
    return values * factor


PARTS = {
    "question": "What does each value become?",
    "nudge": "One multiplication does it.",
    "probes": [
        Probe("two values", lambda: {"values": np.array([1.0, 3.0]), "factor": 2.0}),
        Probe("other factor", lambda: {"values": np.array([1.0, 0.0, 2.0]), "factor": 0.5}),
        Probe("many", lambda: {"values": np.arange(1000.0), "factor": 3.0}, 50),
    ],
}
MISCONCEPTIONS = [adds, divides, always_doubles, works_in_place, fails_on_many]


@pytest.fixture
def week(tmp_path, monkeypatch):
    monkeypatch.setenv("ULTRALEARN_HOME", str(tmp_path))
    monkeypatch.delenv("ULTRALEARN_HEADLESS", raising=False)
    return Week(99, [declared()])


def declared(reference=scale, misconceptions=MISCONCEPTIONS, **change) -> Declaration:
    declaration = Declaration(reference, **PARTS | change)
    for wrong in misconceptions:
        declaration.misconception(wrong)
    return declaration


def written(body: str, signature: str = "values, factor"):
    """A function as a notebook's cell defines it: with its source at hand and globals of its own."""
    filename = f"<cell {next(numbers)}>"
    source = f"def scale({signature}):\n    {body}\n"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    scope = {"np": np}
    exec(compile(source, filename, "exec"), scope)
    return scope["scale"]


def verdict(week, body, **kwargs):
    return week.checkers["scale"].check(written(body, **kwargs))


@pytest.mark.parametrize(
    "body",
    [
        "...",
        '"""Doc."""',
        '"""Doc."""\n    ...',
        "pass",
        "raise NotImplementedError",
        'raise NotImplementedError("todo")',
    ],
)
def test_an_empty_body_is_not_attempted_and_the_reference_stands_in(week, body, capsys):
    function = written(body)
    assert not attempted(function)
    assert week.exercise(function) is scale
    assert "not attempted" in capsys.readouterr().out
    assert progress.events() == []


def test_a_right_answer_is_used_unwrapped(week, capsys):
    function = written("return factor * np.asarray(values)")
    assert week.exercise(function) is function
    assert "right. Your own function is used" in capsys.readouterr().out
    assert functions_in_use[99, "scale"]
    assert [event["verdict"] for event in progress.events()] == ["right"]


def test_a_wrong_answer_gets_its_hint_and_the_reference_stands_in(week, capsys):
    assert week.exercise(written("return values + factor")) is scale
    out = capsys.readouterr().out
    assert "You add the factor; what happens to a value of zero?" in out
    assert "values * factor" not in out  # the reference is no hint
    assert progress.events()[-1]["hint"] == "adds"
    assert not functions_in_use[99, "scale"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return None", "Got None"),
        ("return [2.0, 6.0]", "Got a list, expected an array of shape (2,)"),
        ("return (values * factor).reshape(1, -1)", "shape (1, 2), expected (2,)"),
        ("return (values * factor).astype('float32')", "dtype float32, expected float64"),
        ("return values * np.nan", "NaN (2 of 2 elements)"),
        ("return values * factor + 1", "They differ most at index 0: expected 2, yours is 3"),
        ("return values[5] * factor", "raised IndexError"),
        ("return valeus * factor", "uses `valeus`, which is not defined yet in your line 2"),
        ("import sys; sys.exit(1)", "called sys.exit"),
        ("return scale(values, factor)", "calls itself without end"),
        ("print('look'); return values - factor", "It printed: look"),
        ("values[0] = 7.0; return values * 2", "two values, values=[1., 3.], factor=2"),
        ("return np.array([1.0, 3.0]) * factor if len(values) == 2 else values[:1]", "shape (1,), expected (3,)"),
    ],
)
def test_what_the_learner_is_told(week, body, words):
    found = verdict(week, body)
    assert found.status == "wrong"
    assert words in found.message
    assert found.hint is None


def test_two_nans_are_no_difference():
    expected, given = np.array([np.nan, 1.0, 2.0]), np.array([np.nan, 1.0, 2.5])
    assert "differ most at index 2: expected 2, yours is 2.5" in difference(expected, given, Tolerance())


def test_signature_comes_first(week):
    assert (
        "It takes (values, by), expected (values, factor)" in verdict(week, "return 1", signature="values, by").message
    )


def test_what_is_no_function(week):
    assert "Expected a function, got int" in week.checkers["scale"].check(3).message


def test_an_input_that_was_modified(week):
    others = [adds, divides, always_doubles, fails_on_many, shifts]
    found = Checker(declared(misconceptions=others)).check(written("values *= factor; return values"))
    assert "modifies its input `values`" in found.message
    assert (
        Checker(declared(misconceptions=others, mutates=True)).check(written("values *= factor; return values")).status
        == "right"
    )


def shifts(values, factor):
    """You shift the values by one place."""
    return np.roll(values * factor, 1)


def test_a_sparse_input_is_shown_compared_and_watched():
    def doubled(table):
        return table * 2

    def in_place(table):
        table.data *= 2
        return table

    def unchanged(table):
        return table

    def dense(table):
        return (table * 2).toarray()

    small = Probe("2 x 2", lambda: {"table": sparse.csr_array([[0.0, 1.0], [0.0, 0.0]])})
    probes = [small, Probe("3 x 2", lambda: {"table": sparse.csr_array(np.eye(3, 2))}, 1.0)]
    checker = Checker(declared(doubled, probes=probes))
    assert checker.check(doubled).status == "right"
    assert "modifies its input `table`" in checker.check(in_place).message
    told = checker.check(unchanged).message
    assert "Expected [[0., 2.], [0., 0.]], yours is [[0., 1.], [0., 0.]]" in told
    assert "table=[[0., 1.], [0., 0.]]" in told
    assert "expected a sparse array of shape (2, 2)" in checker.check(dense).message


def test_a_recursive_solution_meets_itself(week):
    body = (
        "return values * factor if len(values) < 2 else np.append(scale(values[:1], factor), scale(values[1:], factor))"
    )
    three = Probe("three", lambda: {"values": np.array([1.0, 2.0, 3.0]), "factor": 5.0}, 1.0)
    assert Checker(declared(probes=[*PARTS["probes"][:2], three])).check(written(body)).status == "right"


def test_the_name_is_given_back(week):
    function = written("return values * factor")
    function.__globals__["scale"] = "the fallback"
    week.checkers["scale"].check(function)
    assert function.__globals__["scale"] == "the fallback"


def test_a_loop_is_stopped():
    found = Checker(declared(), patience=0.2).check(written("while True: pass"))
    assert "did not come back: stopped after 0.2 s of computing in your line 2" in found.message


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n        try:\n            sum(range(1000))\n        except Exception:\n            pass",
        "while True:\n        try:\n            sum(range(1000))\n        except:\n            pass",
        "while True:\n        try:\n            sum(range(1000))\n        finally:\n            continue",
    ],
    ids=["except Exception", "except", "finally"],
)
def test_a_loop_that_swallows_what_stops_it_is_stopped(body):
    tracer = sys.gettrace()
    assert "did not come back" in Checker(declared(), patience=0.2).check(written(body)).message
    assert sys.gettrace() is tracer


def test_what_sleeps_is_ended_by_the_clock_and_what_computes_is_not():
    asleep = Checker(declared(), wall=0.2).check(written("import time; time.sleep(3600)"))
    assert "did not come back: stopped after waiting for 0.2 s" in asleep.message
    slow = "import time\n    began = time.process_time()\n    while time.process_time() < began + 0.3: pass"
    computes = Checker(declared(), wall=0.1).check(written(f"{slow}\n    return values * factor"))
    assert computes.status == "right", computes.message


def slow_reference(values: np.ndarray, factor: float) -> np.ndarray:
    """Multiply; on many values, take a tenth of a second of computing."""
    began = time.process_time()
    while len(values) > 9 and time.process_time() < began + 0.1:
        pass
    return values * factor


def computing(seconds: float):
    wait = f"while time.process_time() < began + {seconds}: pass"
    clock = "import time\n    began = time.process_time()"
    return written(f"{clock}\n    if len(values) > 9:\n        {wait}\n    return values * factor")


def many(times: float):
    return [*PARTS["probes"][:2], Probe("many", PARTS["probes"][2].make, times)]


def test_a_budget_is_a_multiple_of_the_references_own_time():
    """The same function is slow beside a quick reference and right beside one that takes as long."""
    found = Checker(declared(probes=many(20))).check(computing(0.5))
    assert "Right, but slow: 0.5" in found.message
    assert "of computing on many. The solution takes 0.01 s here, and 20 times that is allowed." in found.message
    beside = declared(slow_reference, probes=many(20))
    assert Checker(beside).check(renamed(computing(0.5), "slow_reference")).status == "right"


def renamed(function, name):
    function.__name__ = name
    return function


def test_a_reference_that_was_measured_in_a_better_moment_is_measured_again():
    checker = Checker(declared(slow_reference, probes=many(4)))
    checker.check(slow_reference)
    kept = checker._known[slow_reference, 2]
    checker._known[slow_reference, 2] = dataclasses.replace(
        kept, outcome=dataclasses.replace(kept.outcome, seconds=0.001)
    )
    assert checker.check(renamed(computing(0.2), "slow_reference")).status == "right"


def test_too_slow_to_be_waited_for():
    stuck = "if len(values) > 9:\n        while True: pass\n    return values * factor"
    found = Checker(declared(probes=many(1)), patience=0.2).check(written(stuck))
    assert "Right on the small inputs, but too slow on many: stopped after 0.2 s of computing" in found.message


def test_a_reference_that_is_stopped_is_neither_the_learners_fault_nor_an_error():
    def waits(values: np.ndarray, factor: float) -> np.ndarray:
        """Multiply, and on many values wait, as on a machine that gives nothing."""
        if len(values) > 9:
            time.sleep(3600)
        return values * factor

    checker = Checker(declared(waits), wall=0.2)
    right = checker.check(renamed(written("return values * factor"), "waits"))
    assert (right.status, right.message) == (
        "right",
        "But not on everything (many). This machine is too busy to check it now. Run the cell again in a minute.",
    )
    assert checker.check(renamed(written("return values + factor"), "waits")).hint == "adds"

    def never(values: np.ndarray, factor: float) -> np.ndarray:
        """Multiply, some day."""
        time.sleep(3600)
        return values

    found = Checker(declared(never), wall=0.2).check(renamed(written("return values * factor"), "never"))
    assert found.status == "not checked"
    assert "too busy" in found.message


def test_a_reference_that_was_stopped_is_tried_anew_the_next_time():
    busy = True

    def waits(values: np.ndarray, factor: float) -> np.ndarray:
        """Multiply; while the machine is busy, in vain."""
        if busy:
            raise MemoryError
        return values * factor

    checker = Checker(declared(waits))
    assert checker.check(renamed(written("return values * factor"), "waits")).status == "not checked"
    busy = False
    assert checker.check(renamed(written("return values * factor"), "waits")).message == ""


def test_what_was_not_checked_is_no_attempt(week, monkeypatch, capsys):
    checker = week.checkers["scale"]
    monkeypatch.setattr(checker, "_reference_was_stopped", lambda index: True)
    assert week.exercise(written("return values * factor")) is scale
    assert "not checked. The reference stands in." in capsys.readouterr().out
    assert progress.events() == []


def test_timers_and_handlers_are_given_back(week):
    before = [signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGPROF)]
    signal.setitimer(signal.ITIMER_REAL, 3600)
    week.checkers["scale"].check(written("return values * factor"))
    assert 3000 < signal.setitimer(signal.ITIMER_REAL, 0)[0] <= 3600
    assert [signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGPROF)] == before
    assert [signal.getitimer(which)[0] for which in (signal.ITIMER_REAL, signal.ITIMER_PROF)] == [0, 0]


def test_a_result_that_breaks_when_looked_at(week):
    body = "class Bad:\n        def __eq__(self, other): raise RuntimeError('no')\n    return Bad()"
    assert verdict(week, body).status == "wrong"


def test_checks_do_not_move_the_notebooks_random_numbers(week):
    np.random.seed(3)
    torch.manual_seed(3)
    expected = np.random.rand(), torch.rand(1)
    np.random.seed(3)
    torch.manual_seed(3)
    verdict(week, "np.random.rand(9); return values * factor")
    assert (np.random.rand(), torch.rand(1)) == expected


def test_hints_go_from_question_to_nudge_to_what_the_attempt_earned(week, capsys):
    for _ in range(3):
        week.hint("scale")
    week.exercise(written("return values + factor"))
    week.hint(scale)
    week.exercise(written("return values * factor"))
    week.hint("scale")
    out = capsys.readouterr().out
    parts = ["What does each value", "One multiplication", "There is no attempt yet", "value of zero", "was right"]
    positions = [out.index(part) for part in parts]
    assert positions == sorted(positions)
    assert [event["level"] for event in progress.events() if event["event"] == "hint"] == [1, 2, 3, 4, 5]


def test_an_unknown_name_is_told(week, capsys):
    def scael(values, factor):
        return 1

    assert week.exercise(scael) is scael
    week.hint("scael")
    out = capsys.readouterr().out
    assert out.count("Week 99 has no exercise `scael`. Did you mean `scale`?") == 2


def test_headless_runs_log_nothing(week, monkeypatch):
    monkeypatch.setenv("ULTRALEARN_HEADLESS", "1")
    week.exercise(written("return values + factor"))
    assert progress.events() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"misconceptions": [adds]}, "1 misconceptions, expected at least 5"),
        ({"misconceptions": [adds, divides, always_doubles, works_in_place, lambda values, factor: 1]}, "no hint"),
        ({"misconceptions": [adds, divides, adds, works_in_place, shifts]}, "two misconceptions adds"),
        ({"probes": PARTS["probes"][:1]}, "at least 2"),
        ({"probes": PARTS["probes"][:2]}, "needs `times`"),
    ],
)
def test_a_declaration_that_could_not_teach_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        Week(99, [declared(**change)])


def test_an_exercise_is_declared_once():
    with pytest.raises(ValueError, match="twice"):
        Week(99, [declared(), declared()])


def test_a_reference_that_fails_is_the_authors_error():
    def broken(values: np.ndarray, factor: float) -> np.ndarray:
        raise ValueError("broken")

    checker = Checker(declared(broken))
    with pytest.raises(RuntimeError, match="the reference of broken failed"):
        checker.check(written("return values"))


def loss(log_probs: torch.Tensor, returns: torch.Tensor) -> torch.Tensor:
    """A loss."""
    return -(log_probs * returns.detach()).mean()


@pytest.mark.parametrize(
    ("function", "reaches", "leaks"),
    [
        (loss, None, None),
        (lambda log_probs, returns: -(log_probs.detach() * returns).mean(), "No gradient", "flows from your result"),
        (lambda log_probs, returns: (log_probs * 0 * returns).sum(), "No gradient", None),
    ],
)
def test_gradient_properties(function, reaches, leaks):
    inputs = {"log_probs": torch.tensor([-1.0, -2.0]), "returns": torch.tensor([1.0, 3.0])}
    for prop, expected in [(gradient_reaches("log_probs"), reaches), (no_gradient_reaches("returns"), leaks)]:
        found = prop.check(function, **inputs)
        assert (found is None) == (expected is None)
        assert expected is None or expected in found


def test_properties_tell_answers_apart_where_values_do_not():
    parts = {
        "question": "?",
        "nudge": "!",
        "properties": [gradient_reaches("log_probs"), no_gradient_reaches("returns")],
        "probes": [
            Probe("two", lambda: {"log_probs": torch.tensor([-1.0, -2.0]), "returns": torch.tensor([1.0, 3.0])}),
            Probe("many", lambda: {"log_probs": -torch.ones(50), "returns": torch.arange(50.0)}, 1.0),
        ],
    }
    checker = Checker(declared(loss, [detaches_all, keeps_returns, sums, forgets_sign, first_only], **parts))
    assert (
        checker.check(lambda log_probs, returns: -(log_probs.detach() * returns.detach()).mean()).hint == "detaches_all"
    )
    assert checker.check(lambda log_probs, returns: -(log_probs * returns).mean()).hint == "keeps_returns"
    half = checker.check(lambda log_probs, returns: -(log_probs.detach() * returns).mean())
    assert half.hint is None
    assert "No gradient reaches" in half.message
    odd = checker.check(
        lambda log_probs, returns: -(log_probs * returns.detach()).mean() if not returns.requires_grad else 1 / 0
    )
    assert "While it was checked that" in odd.message


def detaches_all(log_probs, returns):
    """Nothing is learned: detached."""
    return -(log_probs.detach() * returns.detach()).mean()


def keeps_returns(log_probs, returns):
    """The returns are constants."""
    return -(log_probs * returns).mean()


def sums(log_probs, returns):
    """Summed."""
    return -(log_probs * returns.detach()).sum()


def forgets_sign(log_probs, returns):
    """Sign."""
    return (log_probs * returns.detach()).mean()


def first_only(log_probs, returns):
    """First."""
    return -(log_probs * returns.detach())[0]


def test_observe_makes_comparable():
    parts = {
        **PARTS,
        "observe": lambda function, **inputs: {"size": np.abs(function(**inputs)).sum()},
        "tolerance": Tolerance(rtol=1e-3),
        "properties": [Property("is odd", lambda function, **inputs: None)],
    }
    checker = Checker(declared(**parts))
    assert checker.check(written("return -values * factor")).status == "right"
    assert "Size: expected 8, got 16" in checker.check(written("return values * factor * 2")).message


def test_an_input_that_is_wrecked_beyond_comparison():
    def total(parts: list) -> float:
        return float(sum(part[0] for part in parts))

    def wrong(parts):
        """Wrong."""
        return 1.0

    parts = {
        "question": "?",
        "nudge": "!",
        "probes": [
            Probe("one", lambda: {"parts": [[2.0, 1.0]]}),
            Probe("two", lambda: {"parts": [[2.0, 1.0], [3.0, 4.0]]}, 1.0),
        ],
    }
    checker = Checker(declared(total, [wrong], **parts))

    def wrecks(parts):
        result = total(parts)
        parts[0] = 7
        return result

    assert "modifies its input `parts`" in checker.check(wrecks).message
