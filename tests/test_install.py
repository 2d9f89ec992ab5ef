"""The installation, with a pip that does what a test tells it: no network, no wheels."""

import os
import pty
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from ultralearn import install
from ultralearn.install import InstallationError

SOURCE = Path(install.__file__)

# Keeps what it was asked for, then does what the file `script` says; unpacks a package as pip does, RECORD last.
PIP = """
import sys, time
from pathlib import Path
asked = sys.argv[1:]
root = Path({root!r})
with (root / "asked").open("a") as out:
    print(*asked, file=out)
def unpack(name, finished=True):
    info = Path(__file__).parents[1] / f"{{name}}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("")
    (info / "RECORD").write_text(f"{{info.name}}/INSTALLER,," if finished else f"{{info.name}}/METADATA,,")
exec((root / "script").read_text())
"""


@pytest.fixture
def project(tmp_path):
    """A course with locks of three and two packages, and a pip that succeeds."""
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\ntorch==2.13.0\ntqdm==4.70.1\n")
    (tmp_path / "requirements-test.txt").write_text("# a comment\nmypy==2.4.1\nruff==0.17.6 ; python_version < '4'\n")
    (tmp_path / "script").write_text("")
    return tmp_path


@pytest.fixture
def environment(project):
    """Its environment, ready, with the fake pip."""
    return give_pip(project)


def give_pip(project):
    environment = project / ".venv"
    venv.create(environment, symlinks=True)
    pip = install.site_packages(environment) / "pip"
    pip.mkdir()
    (pip / "__init__.py").write_text("")
    (pip / "__main__.py").write_text(PIP.format(root=str(project)))
    return environment


def asked(project):
    return (project / "asked").read_text().splitlines()


def test_torch_then_the_rest_then_the_course(project, environment, capsys):
    install.install(project)
    lock = project / "requirements.txt"
    assert asked(project) == [
        "install pip>=24.1",
        f"install --progress-bar raw torch==2.13.0 --constraint {lock}",
        f"install --progress-bar raw --requirement {lock}",
        f"install --progress-bar raw --no-deps --no-build-isolation --editable {project}",
    ]
    lines = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in lines[:4]] == ["1/4", "2/4", "3/4", "4/4"]
    assert "torch, 200 MB" in lines[1]
    assert lines[-1].endswith("_build/install.log")


def test_an_extra_is_held_to_the_readers_lock(project, environment, capsys):
    install.install(project, "test")
    assert asked(project)[1:] == [
        f"install --progress-bar raw --requirement {project}/requirements-test.txt "
        f"--constraint {project}/requirements.txt"
    ]
    assert "2/2  What `test` adds, 2 packages, 270 MB" in capsys.readouterr().out


def test_pips_lines_go_to_the_log_and_its_progress_is_counted(project, environment, capsys):
    (project / "script").write_text(
        "if 'torch==2.13.0' in asked:\n"
        "    print('Collecting torch')\n"
        "    print('Progress 50000000 of 190000000')\n"
        "    print('Progress 190000000 of 190000000')\n"
        "    print('Collecting sympy')\n"
        "    print('Progress 6000000 of 6000000')\n"
    )
    install.install(project)
    log = (project / "_build/install.log").read_text()
    assert "== torch, 200 MB" in log
    assert "Collecting sympy\n" in log
    assert "Progress" not in log
    out = capsys.readouterr().out
    assert "196 MB downloaded" in out
    assert "Collecting" not in out


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("WARNING: Retrying after connection broken by 'NewConnectionError'", "The package index does not answer."),
        ("connection broken\nOSError: [Errno 28] No space left on device", "The disk is full."),
        ("ERROR: Could not install: [Errno 13] Permission denied: '/x'", "pip may not write to the place named below."),
        ("SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]')", "does not trust the certificate"),
        ("ERROR: No matching distribution found for torch==2.13.0", "pip failed, and says why in its last lines."),
    ],
)
def test_a_failing_pip_gets_a_sentence_its_last_lines_and_the_log(project, environment, said, advice):
    (project / "script").write_text(
        f"if 'torch==2.13.0' in asked:\n    print('chatter\\n' * 500)\n    print({said!r})\n    sys.exit(1)\n"
    )
    with pytest.raises(InstallationError) as stopped:
        install.install(project)
    text = str(stopped.value)
    assert advice in text
    assert said.splitlines()[-1] in text
    assert text.count("\n") < 20
    assert str(project / "_build/install.log") in text
    assert len(asked(project)) == 2  # nothing after the step that failed


def test_a_log_that_cannot_be_written_does_not_stop_pip(project, environment, monkeypatch):
    (project / "script").write_text("print('chatter\\n' * 20_000)")  # more than a pipe holds

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    pip = install.Pip(environment, project / "install.log", "pip")
    screen = install.Screen(1)
    screen.begin("pip")
    pip.install(("x",), screen)


def test_what_an_interrupted_pip_left_half_unpacked_is_forgotten(project, environment):
    (project / "script").write_text("unpack('whole')\nunpack('half', finished=False)\nsys.exit(1)\n")
    with pytest.raises(InstallationError):
        install.install(project)
    site = install.site_packages(environment)
    (site / "no_record-1.0.dist-info").mkdir()
    (site / "~ip").mkdir()
    (site / "~ip.py").write_text("")
    (project / "script").write_text("")
    install.install(project)
    assert [path.name for path in site.glob("*.dist-info")] == ["whole-1.0.dist-info"]
    assert not list(site.glob("~*"))


@pytest.mark.parametrize("left", ["nothing in it", "no pip", "no Python"])
def test_a_half_made_environment_is_made_anew(project, monkeypatch, left):
    environment = project / ".venv"
    environment.mkdir()
    (environment / "left").write_text("")
    if left != "nothing in it":
        venv.create(environment, symlinks=True)
    if left == "no Python":
        (environment / "bin/python").unlink()
        (environment / "bin/python").symlink_to(project / "gone")
    run = subprocess.run

    def make_with_the_fake_pip(command, **kwargs):
        if "venv" not in command:
            return run(command, **kwargs)
        assert command == [sys.executable, "-m", "venv", "--clear", str(environment)]
        done = run([*command, "--without-pip"], **kwargs)
        give_pip(project)
        return done

    monkeypatch.setattr(install.subprocess, "run", make_with_the_fake_pip)
    install.install(project)
    assert not (environment / "left").exists()
    assert len(asked(project)) == 4


def test_an_environment_that_works_is_kept(project, environment, capsys):
    (environment / "kept").write_text("")
    install.install(project)
    assert (environment / "kept").exists()
    assert ": was there, " in capsys.readouterr().out


def test_a_python_that_cannot_make_environments_is_named(project, monkeypatch):
    monkeypatch.setattr(install.sys, "executable", "/bin/false")
    with pytest.raises(InstallationError, match="/bin/false could not make the environment"):
        install.install(project)


def test_a_folder_that_cannot_be_written_gets_a_sentence(project, monkeypatch):
    def denied(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(InstallationError, match=r"cannot write there: .*\.venv.*\nClone it into a folder of yours"):
        install.install(project)


def as_make_runs_it(project):
    """The file in its place, run by a Python that has nothing installed."""
    place = project / "src/ultralearn/install.py"
    place.parent.mkdir(parents=True)
    place.write_text(SOURCE.read_text())
    return [sys.executable, "-I", "-S", str(place)]


def test_an_interrupted_run_says_so_ends_pip_and_the_next_one_goes_on(project, environment):
    command = as_make_runs_it(project)
    (project / "script").write_text(
        "if 'torch==2.13.0' in asked:\n"
        "    unpack('half', finished=False)\n    (root / 'there').touch()\n    time.sleep(600)\n"
    )
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
        # Whoever runs the tests in the background may have had it ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not (project / "there").exists():
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate()  # returns only once pip, which holds the pipes too, has ended
    assert running.returncode == 130
    assert "Interrupted. Run the same command again" in errors
    assert "Traceback" not in errors
    (project / "script").write_text("")
    done = subprocess.run(command, capture_output=True, text=True, cwd=project)
    assert done.returncode == 0, done.stderr
    assert "4/4" in done.stdout
    assert not list(install.site_packages(environment).glob("half*"))


def test_a_failure_is_no_traceback(project, environment):
    (project / "script").write_text("sys.exit('ERROR: of a kind unheard of')")
    done = subprocess.run(as_make_runs_it(project), capture_output=True, text=True, cwd=project)
    assert done.returncode == 1
    assert "ERROR: of a kind unheard of" in done.stderr
    assert "Traceback" not in done.stderr


def test_on_a_terminal_the_line_counts_and_is_never_longer_than_the_terminal(project, environment):
    (project / "script").write_text(
        "if 'torch==2.13.0' in asked:\n"
        "    print('Collecting torch', flush=True)\n    print('Progress 90000000 of 190000000', flush=True)\n"
        "    (root / 'there').touch()\n"
        "    while not (root / 'go').exists(): time.sleep(0.05)\n"
        "    print('Installing collected packages: a, torch', flush=True)\n    unpack('a')\n    time.sleep(1.5)\n"
    )
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        as_make_runs_it(project), stdout=theirs, stderr=theirs, cwd=project, env={**os.environ, "COLUMNS": "60"}
    )
    os.close(theirs)
    said = ""
    while True:
        try:
            said += os.read(ours, 1000).decode()
        except OSError:  # what Linux says at the end
            break
        if "1 packages, 90 MB downloaded" in said:
            (project / "go").touch()
    assert running.wait() == 0
    assert "1 of 2 unpacked" in said
    ticks = [line for line in said.replace("\r\n", "\n").replace("\033[K", "").split("\r") if "downloaded" in line]
    assert ticks
    assert max(map(len, (tick for tick in ticks if "\n" not in tick))) <= 60


def test_the_nine_packages_of_the_course_are_pinned_for_readers():
    pinned = {pin.partition("==")[0] for pin in install.pins(install.ROOT / "requirements.txt") if "==" in pin}
    nine = "jupyter-book jupytext torch gymnasium numpy matplotlib papermill nbval wandb"
    assert set(nine.split()) <= pinned


def test_the_locks_agree_and_share_no_line():
    readers, tests = (install.pins(install.ROOT / name) for name in ("requirements.txt", "requirements-test.txt"))
    assert not set(readers) & set(tests)
    versions = {}
    for name, _, version in (pin.partition(" ;")[0].partition("==") for pin in readers):
        versions.setdefault(name, set()).add(version)
    for name, _, version in (pin.partition(" ;")[0].partition("==") for pin in tests):
        assert version in versions.get(name, {version}), name
