"""The image's recipe, held without building it: what goes in, as whom it runs, and that nothing is missing."""

import ast
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SERVICE = ROOT / "src/ultralearn/recsys/service"
BIN = Path(sys.executable).parent

# Imported by uvicorn by their names, so no import in the service's source shows them.
LOADED_BY_NAME = {"httptools", "uvloop"}
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""} | {
    "python_version": "3.11",
    "python_full_version": "3.11.2",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "platform_machine": "x86_64",
}


def instructions(text):
    """(name, arguments) of each instruction, comments out, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def pins(path):
    """name -> version of a file of `name==version ; marker` lines that hold on Linux with Python 3.11."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    requirements = [Requirement(line) for line in lines]
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in requirements
        if one.marker is None or one.marker.evaluate(LINUX)
    }


@pytest.mark.parametrize("name", ["Dockerfile", "lambda/Dockerfile"])
def test_hadolint_finds_nothing(name):
    done = subprocess.run(
        [BIN / "hadolint", "--no-color", "--failure-threshold", "style", DEPLOY / name], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_two_stages_and_the_last_has_only_what_was_copied_into_it():
    found = instructions(DOCKERFILE)
    stages = [number for number, (name, _) in enumerate(found) if name == "FROM"]
    assert len(stages) == 2
    last = found[stages[1] + 1 :]
    assert {name for name, _ in last} == {"COPY", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert [arguments for name, arguments in last if name == "COPY"] == ["--from=build /srv /srv"]


def test_the_base_is_the_official_image_and_nothing_here_knows_another():
    found = instructions(DOCKERFILE)
    assert found[0] == ("ARG", "BASE=docker.io/library/python:3.11-slim-bookworm")
    assert {arguments.split()[0] for name, arguments in found if name == "FROM"} == {"${BASE}"}
    assert "# syntax" not in DOCKERFILE


def test_it_runs_as_a_number_that_is_not_root():
    users = [arguments for name, arguments in instructions(DOCKERFILE) if name == "USER"]
    assert users == ["10001:10001"]


def test_health_is_asked_without_curl_and_the_command_is_replaced_by_python():
    found = dict(instructions(DOCKERFILE))
    assert found["HEALTHCHECK"].endswith('CMD ["python3", "/srv/app/healthcheck.py"]')
    assert found["CMD"].startswith('["/bin/sh", "-c", "exec python3 -m ultralearn.recsys.service ')
    assert not re.search(r"curl|wget|apt-get|gcc|build-essential", "".join(map(" ".join, instructions(DOCKERFILE))))


def copied():
    """What the build stage copies: source -> destination."""
    sources = {}
    for name, arguments in instructions(DOCKERFILE):
        if name == "COPY" and not arguments.startswith("--from"):
            *froms, to = arguments.split()
            sources |= dict.fromkeys(froms, to)
    return sources


def test_the_context_holds_what_is_copied_and_nothing_else():
    lines = [line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] != "#"]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied())
    assert all((ROOT / source).exists() for source in copied())


def test_nothing_that_is_copied_holds_ratings_or_a_model():
    tracked = subprocess.run(
        ["git", "ls-files", "--others", "--cached", "--exclude-standard", *copied()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert tracked
    kinds = ("*.py", "*.html", "*.css", "*.js", "*.svg", "*.txt")
    assert [path for path in tracked if not any(fnmatch.fnmatch(path, kind) for kind in kinds)] == []
    assert sum((ROOT / path).stat().st_size for path in tracked) < 300_000


def test_versions_are_those_of_the_project():
    ours, project = pins(DEPLOY / "requirements.txt"), pins(ROOT / "requirements.txt")
    assert ours
    assert {name: project.get(name) for name in ours} == ours


def imported():
    """Top-level modules that the service's source imports and that are neither Python's nor its own."""
    names = set()
    for path in SERVICE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).split(".")[0])
    return names - sys.stdlib_module_names - {"ultralearn"}


def test_the_requirements_are_what_the_service_imports_and_what_that_needs():
    owners = packages_distributions()
    wanted = [canonicalize_name(owners[name][0]) for name in imported()] + sorted(LOADED_BY_NAME)
    needed = set()
    while wanted:
        name = wanted.pop()
        if name in needed:
            continue
        needed.add(name)
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(LINUX):
                wanted.append(canonicalize_name(requirement.name))
    listed = set(pins(DEPLOY / "requirements.txt"))
    assert (needed - listed, listed - needed) == (set(), set()), "missing, and not needed"
    assert not needed & {"torch", "scipy", "pandas", "polars", "matplotlib", "mlflow"}


def test_with_nothing_but_what_is_copied_the_service_starts(tmp_path):
    for source, to in copied().items():
        if to.startswith("/srv/app/"):
            destination = tmp_path / to.removeprefix("/srv/app/")
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, destination, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                destination.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, destination)
    check = (
        "import sys, ultralearn.recsys.service.app, ultralearn.recsys.service.__main__\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "print(*(module.__file__ for name, module in sys.modules.items() if name.startswith('ultralearn')), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", check],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    modules, *files = done.stdout.splitlines()
    assert not {"torch", "scipy", "pandas", "polars", "matplotlib"} & set(modules.split())
    assert files
    assert all(Path(file).is_relative_to(tmp_path) for file in files), files


@pytest.fixture
def server():
    class Answers(BaseHTTPRequestHandler):
        status = 200
        asked: list[str] = []  # noqa: RUF012

        def do_GET(self):
            self.asked.append(self.path)
            self.send_response(self.status)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield Answers, listening.server_port
        listening.shutdown()
        thread.join()


def healthcheck(port):
    return subprocess.run(
        [sys.executable, "-I", DEPLOY / "healthcheck.py"],
        env={"PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_healthcheck_passes_where_the_service_is_ready(server):
    answers, port = server
    assert healthcheck(port).returncode == 0
    assert answers.asked == ["/ready"]


@pytest.mark.parametrize("status", [503, 500, 404, 302])
def test_the_healthcheck_fails_where_it_is_not(server, status):
    answers, port = server
    answers.status = status
    done = healthcheck(port)
    assert done.returncode == 1
    assert f"/ready says {status}" in done.stderr


def test_the_healthcheck_fails_where_nobody_listens(server):
    _, port = server
    free = 1  # nothing listens on port 1 of this machine
    assert free != port
    done = healthcheck(free)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
