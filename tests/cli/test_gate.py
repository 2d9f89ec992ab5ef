"""The command: what it prints, where it keeps it, and the exit codes that scripts rely on."""

import functools
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tests.gates.month_03 import apis
from ultralearn.cli import main as cli
from ultralearn.gates.month_03 import checks
from ultralearn.gates.report import Report
from ultralearn.practice import progress
from ultralearn.recsys import data
from ultralearn.recsys.data import DataUnavailableError, load_movielens

FAST = checks.Limits(
    people=60, rate=100, p95_seconds=60, requests_per_client=1, seconds=60, first_seconds=60, total_seconds=300
)


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ULTRALEARN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ULTRALEARN_HEADLESS", raising=False)
    monkeypatch.setattr(checks, "run_gate", functools.partial(checks.run_gate, limits=FAST))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def good():
    ratings = load_movielens()
    with apis.served(apis.CosineApi(ratings, apis.item_cosine(ratings))) as url:
        yield url


def run(*arguments):
    return CliRunner().invoke(cli.app, arguments, env={"COLUMNS": "120"})


def reports(home):
    return [json.loads(path.read_text()) for path in sorted((home / "gates").glob("*.json"))]


def test_ready_is_3_and_the_report_is_shown_and_kept(good, own_home):
    progress.record("drill", week=3, exercises=["truncated_svd"])
    progress.record("attempt", week=3, exercise="truncated_svd", verdict="right", hint=None)
    result = run("gate", "3", "--url", good, "--seed", "3")
    assert result.exit_code == 3, result.output
    for part in ("READY, NOT DEPLOYED", "unseen people", "verified", "not checked", "measured", "truncated_svd"):
        assert part in result.stdout
    [kept] = reports(own_home)
    assert (kept["verdict"], kept["seed"], kept["month"]) == ("ready, not deployed", 3, 3)
    assert kept["measured"][0]["seen"].startswith("1 exercise of weeks 3 to 6")
    assert progress.events()[-1] | {"time": ""} == {
        "time": "",
        "event": "gate",
        "month": 3,
        "subject": good,
        "verdict": "ready, not deployed",
        "report": str(next((own_home / "gates").glob("*.json"))),
    }


def test_json_is_all_that_goes_to_stdout(good, own_home):
    result = run("gate", "3", "--url", good, "--json", "--seed", "3", "--header", "X-API-Key: secret")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == reports(own_home)[0]
    assert "secret" not in result.output


def test_failed_is_1(own_home):
    result = run("gate", "3", "--url", f"http://127.0.0.1:{apis.free_port()}")
    assert result.exit_code == 1
    assert "FAILED" in result.stdout
    assert reports(own_home)[0]["verdict"] == "failed"


def test_passed_is_0(monkeypatch, own_home):
    passed = Report(3, "https://films.example.com", "2026-11-23T19:00:00.000+00:00", 30, 1, "passed", (), (), {})

    async def run_gate(*given, **options):
        return passed

    monkeypatch.setattr(checks, "run_gate", run_gate)
    result = run("gate", "3", "--url", "https://films.example.com")
    assert result.exit_code == 0
    assert "PASSED" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "month"),
        (["3"], "--url"),
        (["three", "--url", "http://127.0.0.1"], "gates at months 3, 6, 9, 12, not three"),
        (["4", "--url", "http://127.0.0.1"], "gates at months 3, 6, 9, 12"),
        (["6", "--url", "http://127.0.0.1"], "not written yet"),
        (["3", "--url", "films.example.com"], "expected something like"),
        (["3", "--url", "http://me:pass@films.example.com"], "--header"),
        (["3", "--url", "http://127.0.0.1", "--header", "secret"], "a name and a value"),
        (["3", "--url", "http://127.0.0.1", "--header", "X-Key: a\r\nb"], "a name and a value"),
        (["3", "--url", "http://127.0.0.1", "--seed", "-1"], "seed"),
        (["3", "--url", "http://127.0.0.1", "--skip", "latency"], "--skip"),
    ],
)
def test_a_mistyped_command_is_2_and_asks_nothing(arguments, says, own_home, monkeypatch):
    monkeypatch.delattr(checks, "Gate3")
    result = run("gate", *arguments)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.output.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert not list(own_home.glob("gates/*"))


def test_a_report_that_could_not_be_kept_stops_the_gate_before_it_begins(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ULTRALEARN_HOME", str(tmp_path / "file"))
    monkeypatch.delattr(checks, "Gate3")
    result = run("gate", "3", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert "ULTRALEARN_HOME" in result.output


def test_a_report_that_is_not_kept_after_all_does_not_count(monkeypatch):
    def full(self, folder):
        raise OSError("disk full")

    passed = Report(3, "https://films.example.com", "2026-11-23T19:00:00.000+00:00", 30, 1, "passed", (), (), {})

    async def run_gate(*given, **options):
        return passed

    monkeypatch.setattr(checks, "run_gate", run_gate)
    monkeypatch.setattr(Report, "save", full)
    result = run("gate", "3", "--url", "https://films.example.com")
    assert result.exit_code == 1
    assert "disk full" in result.output


def test_without_the_ratings_nothing_is_verified(monkeypatch):
    def unavailable():
        raise DataUnavailableError("The MovieLens ratings could not be had.")

    monkeypatch.setattr(data, "load_movielens", unavailable)
    result = run("gate", "3", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "could not be had" in result.output


def test_progress_shows_the_log(own_home):
    assert "Nothing yet" in run("progress").stdout
    progress.record("drill", week=3, exercises=["solve_ridge"])
    progress.record("attempt", week=3, exercise="solve_ridge", verdict="wrong", hint=None)
    progress.record("hint", week=3, exercise="solve_ridge", level=1)
    progress.record("attempt", week=3, exercise="solve_ridge", verdict="right", hint=None)
    progress.record("attempt", week=4, exercise="bias_prediction", verdict="wrong", hint=None)
    progress.record("gate", month=3, subject="http://127.0.0.1:8000", verdict="failed", report="x.json")
    shown = run("progress", "--json")
    assert shown.exit_code == 0
    content = json.loads(shown.stdout)
    first, second = content["weeks"]
    assert first | {"from_memory_minutes": []} == {
        "week": 3,
        "tried": 1,
        "right": 1,
        "hints": 1,
        "from_memory_minutes": [],
    }
    assert len(first["from_memory_minutes"]) == 1
    assert (second["week"], second["tried"], second["right"]) == (4, 1, 0)
    assert content["gates"][0]["verdict"] == "failed"
    assert "Gate 3" in run("progress").stdout


@pytest.mark.parametrize("arguments", [["--help"], ["gate", "--help"], ["gate", "-h"], ["progress", "--help"]])
def test_help_is_for_people(arguments):
    result = run(*arguments)
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    if "gate" in arguments:
        assert "Exit codes: 0 passed, 1 failed, 2 a mistake in the command, 3 ready but not deployed" in " ".join(
            result.stdout.split()
        )


def test_help_does_not_wait_for_torch():
    code = "import sys; from ultralearn.cli import main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_as_a_process():
    """The exit code that a shell sees."""
    command = [sys.executable, "-m", "ultralearn.cli", "gate", "3", "--url", f"http://127.0.0.1:{apis.free_port()}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1, result.stderr
    assert "no connection" in result.stdout
    assert "Traceback" not in result.stderr
