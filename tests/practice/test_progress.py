"""The learner's log: whole lines, whatever happens; and what drills make of it."""

import json
import multiprocessing

import pytest

from ultralearn.practice import drill, progress


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ULTRALEARN_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("ULTRALEARN_HEADLESS", raising=False)


def test_events_come_back_in_order_with_their_times():
    progress.record("attempt", exercise="a", verdict="wrong")
    progress.record("hint", exercise="a", level=1)
    assert [event["event"] for event in progress.events()] == ["attempt", "hint"]
    assert all(event["time"].endswith("+00:00") for event in progress.events())


def test_no_log_is_no_events():
    assert progress.events() == []


def test_damaged_lines_are_reported_skipped_and_kept():
    progress.record("attempt", exercise="a")
    path = progress.log_path()
    damage = b'{"time": "2026-01-01T00:00:00+00:00", "ev'
    with path.open("ab") as log:
        log.write(b"\n[1, 2]\n" + b'{"time": "yesterday", "event": "hint"}\n' + b"\xff\xfe\n" + damage)
    progress.record("attempt", exercise="b")  # begins on a line of its own
    with pytest.warns(UserWarning, match="damaged and was skipped") as found:
        names = [event["exercise"] for event in progress.events()]
    assert names == ["a", "b"]
    assert len(found) == 4
    assert damage in path.read_bytes()


def test_a_log_that_cannot_be_written_warns(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ULTRALEARN_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="Set ULTRALEARN_HOME"):
        progress.record("attempt")


def _write_many(name):
    for number in range(200):
        progress.record("attempt", exercise=name, number=number, padding="x" * 500)


def test_two_notebooks_writing_at_once_lose_nothing():
    writers = [multiprocessing.get_context("spawn").Process(target=_write_many, args=(name,)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = progress.events()
    assert len(found) == 400
    for name in "ab":
        assert [event["number"] for event in found if event["exercise"] == name] == list(range(200))


def _log(path, *events):
    lines = [{"time": f"2026-03-01T19:{minute:02}:00+00:00", "event": kind, **rest} for minute, kind, rest in events]
    path.write_text("\n".join(json.dumps(line) for line in lines))


def test_sessions_count_time_tries_and_hints(tmp_path):
    attempt = {"week": 7, "exercise": "step"}
    _log(
        tmp_path / "log.jsonl",
        (0, "attempt", {**attempt, "verdict": "right"}),  # before the clock
        (1, "drill", {"week": 7, "exercises": ["step"]}),
        (2, "attempt", {**attempt, "verdict": "not attempted"}),
        (3, "attempt", {**attempt, "verdict": "wrong"}),
        (4, "hint", {**attempt, "level": 1}),
        (5, "attempt", {"week": 7, "exercise": "other", "verdict": "right"}),
        (6, "attempt", {"week": 3, "exercise": "step", "verdict": "right"}),
        (9, "attempt", {**attempt, "verdict": "right"}),
        (12, "attempt", {**attempt, "verdict": "wrong"}),  # after the end
        (20, "drill", {"exercises": ["step", "loss"]}),
        (25, "attempt", {**attempt, "verdict": "right"}),
    )
    first, second = drill.sessions(tmp_path / "log.jsonl")
    assert (first.minutes, first.tries, first.hints, first.finished) == (8.0, 2, 1, True)
    assert (second.minutes, second.tries, second.finished) == (None, 1, False)


def test_start_writes_the_log_and_says_so(capsys, monkeypatch):
    drill.start("step", week=7)
    assert "The clock runs. From memory: step" in capsys.readouterr().out
    assert drill.sessions()[0].exercises == ["step"]
    monkeypatch.setenv("ULTRALEARN_HEADLESS", "1")
    drill.start("step")
    assert "A headless run starts no clock" in capsys.readouterr().out
    assert len(drill.sessions()) == 1
    with pytest.raises(ValueError, match="got no exercise"):
        drill.start()
