"""The shell scripts: what shellcheck finds, and how they say no."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.fake_commands import FakeCommands, Reply

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "deploy").rglob("*.sh"))
DEPLOYS = [ROOT / "deploy/cloud-run/deploy.sh", ROOT / "deploy/lambda/deploy.sh"]
BIN = Path(sys.executable).parent
FILES = ("model.safetensors", "model.json", "catalog.json", "golden.json")


@pytest.fixture
def release(tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(f"content of {name}")
    (folder / "ratings.csv").write_text("196,242,3")  # lies there by accident, and must stay there
    return folder


@pytest.fixture
def nothing_real():
    refuse = {name: lambda args, stdin: Reply(code=1, err="no") for name in ("gcloud", "aws", "docker", "curl")}
    with FakeCommands(refuse) as commands:
        yield commands


def given(script, release):
    return (["--project", "p"] if "cloud-run" in str(script) else []) + ["--release", str(release)]


def test_the_scripts_are_there():
    assert [str(path.relative_to(ROOT / "deploy")) for path in SCRIPTS] == [
        "cloud-run/deploy.sh",
        "cloud-run/take_down.sh",
        "lambda/deploy.sh",
        "lambda/take_down.sh",
    ]


@pytest.mark.skipif(
    not (BIN / "shellcheck").exists(), reason="not on this machine: shellcheck (no wheel for Linux on ARM)"
)
@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci/docker", ROOT / ".ci/run"], ids=lambda path: str(path.name))
def test_shellcheck_finds_nothing(script):
    done = subprocess.run([BIN / "shellcheck", "--severity=style", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert script.stat().st_mode & stat.S_IXUSR, f"{script} cannot be executed"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_help_says_how_it_is_called_and_calls_nothing(script, nothing_real):
    done = nothing_real.run(script, "--help")
    assert done.returncode == 0
    assert f"Usage: {script.relative_to(ROOT)}" in done.stdout
    assert nothing_real.calls == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize(
    ("args", "says"), [(["--speed", "9"], "--speed is not an option"), (["--region"], "--region needs a value")]
)
def test_what_is_mistyped_is_said_and_nothing_called(script, args, says, nothing_real):
    done = nothing_real.run(script, *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Usage:" in done.stderr
    assert nothing_real.calls == []


@pytest.mark.parametrize("script", DEPLOYS, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("missing", FILES)
def test_a_folder_without_a_whole_release_is_refused_before_anything_is_made(script, missing, release, nothing_real):
    (release / missing).unlink()
    done = nothing_real.run(script, *given(script, release), "--yes")
    assert done.returncode == 2
    assert missing in done.stderr
    assert "python -m ultralearn.recsys.release" in done.stderr
    assert nothing_real.calls == []


@pytest.mark.parametrize("script", DEPLOYS, ids=lambda path: path.parent.name)
def test_without_a_docker_engine_nothing_is_made(script, release, nothing_real):
    done = nothing_real.run(script, *given(script, release), "--yes")
    assert done.returncode == 2
    assert "No Docker engine answers" in done.stderr
    assert nothing_real.calls == [["docker", "version"]]


@pytest.mark.parametrize("script", DEPLOYS, ids=lambda path: path.parent.name)
def test_a_missing_command_is_named(script, release, nothing_real):
    nothing_real.without("curl")
    done = nothing_real.run(script, *given(script, release), "--yes")
    assert done.returncode == 2
    assert "curl is not installed" in done.stderr


@pytest.mark.parametrize("script", DEPLOYS, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("answer", ["n\n", "\n", "Y e s\n", ""])
def test_it_says_what_it_costs_and_asks(script, answer, release):
    calls = {name: lambda args, stdin: Reply() for name in ("gcloud", "aws", "docker", "curl")}
    with FakeCommands(calls) as commands:
        done = commands.run(script, *given(script, release), stdin=answer)
        assert done.returncode == 1
        assert "What it costs: nothing within each month's free tier" in done.stdout
        assert "take_down.sh removes all of it" in done.stdout
        assert commands.calls == [["docker", "version"]]


def engine(**answers):
    """What eval takes from .ci/docker, with these commands as they answer."""
    names = {"docker": Reply(code=1), "id": Reply("0\n"), "apt-get": Reply()} | answers
    with FakeCommands({name: lambda args, stdin, reply=reply: reply for name, reply in names.items()}) as commands:
        done = commands.run(ROOT / ".ci/docker")
    assert done.returncode == 0, done.stderr
    taken = subprocess.run(
        ["bash", "-euc", 'eval "$1"; printf "%s" "${ULTRALEARN_NO_ENGINE:-}"', "-", done.stdout],
        capture_output=True,
        text=True,
        check=True,
    )
    return done, taken.stdout


def test_where_an_engine_answers_ci_takes_it_as_it_is():
    done, reason = engine(docker=Reply())
    assert (done.stdout, reason) == ("", "")
    assert "answers already" in done.stderr


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"id": Reply("1000\n")}, "starting one needs root"),
        ({"apt-get": Reply(code=100)}, "apt-get update failed"),
    ],
    ids=["without root", "without a mirror"],
)
def test_where_ci_can_start_no_engine_it_says_why_and_goes_on(answers, why):
    done, reason = engine(**answers)
    assert reason == why
    assert f"No Docker engine: {why}. The container's tests will say that they did not run." in done.stderr
