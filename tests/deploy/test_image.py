"""The image, really built and really run, wherever a Docker engine answers. Where none does, these tests say so.

ULTRALEARN_DOCKER, ULTRALEARN_BASE_IMAGE and ULTRALEARN_BUILD_NETWORK name another client, another base (one that
stands in for the official image where no registry can be reached) and the network of the build. `.ci/docker` sets them.
"""

import http.client
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.deploy.test_dockerfile import copied
from tests.recsys.service.conftest import make_release
from ultralearn.recsys.service.loading import load_release

ROOT = Path(__file__).parents[2]
DOCKER = os.environ.get("ULTRALEARN_DOCKER", "docker")
BASE = os.environ.get("ULTRALEARN_BASE_IMAGE")
NETWORK = os.environ.get("ULTRALEARN_BUILD_NETWORK")
NAME = f"ultralearn-test-{os.getpid()}"
DRAIN = 2  # seconds
MEGABYTE = 1_000_000
MEMORY = 256  # MiB, as compose.yaml gives it
HARDENED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--memory", f"{MEMORY}m", "--memory-swap", f"{MEMORY}m", "--pids-limit", "64"),
)


def docker(*args, timeout=300, check=True):
    """What a docker command printed. A failure shows what it said."""
    environment = os.environ | {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    done = subprocess.run(
        [DOCKER, *map(str, args)], capture_output=True, text=True, timeout=timeout, env=environment, cwd=ROOT
    )
    if check and done.returncode:
        pytest.fail(f"docker {args[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}", pytrace=False)
    return done.stdout + ("" if check else done.stderr)


def why_there_is_no_engine():
    """The reason, or None where a Docker engine answers."""
    if reason := os.environ.get("ULTRALEARN_NO_ENGINE"):
        return reason
    if not shutil.which(DOCKER):
        return f"{DOCKER} is not installed"
    try:
        done = subprocess.run([DOCKER, "version"], capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return f"{DOCKER} version did not answer within 30 s"
    return (done.stderr.strip().splitlines() or ["it gives no reason"])[-1] if done.returncode else None


@pytest.fixture(scope="module", autouse=True)
def engine():
    if reason := why_there_is_no_engine():
        pytest.skip(f"no Docker engine: {reason}")


@pytest.fixture(scope="module")
def figures():
    """What was measured; it ends up in _build/image.json."""
    found = {"base": BASE or "python:3.11-slim-bookworm"}
    yield found
    (ROOT / "_build").mkdir(exist_ok=True)
    (ROOT / "_build/image.json").write_text(json.dumps(found, indent=1) + "\n")
    print(f"\nThe image: {found}")


def build(*args):
    """Builds with what this machine needs for it. Seconds."""
    started = time.monotonic()
    network = ["--network", NETWORK] if NETWORK else []
    docker("build", *network, *args, timeout=1800)
    return time.monotonic() - started


def size(image):
    return int(docker("image", "inspect", "--format", "{{.Size}}", image)) / MEGABYTE


@pytest.fixture(scope="module")
def image(engine, figures):
    base = ["--build-arg", f"BASE={BASE}"] if BASE else []
    figures["build_seconds"] = round(build("--file", "deploy/Dockerfile", "--tag", NAME, *base, "."), 1)
    yield NAME
    docker("image", "rm", "--force", NAME)


@pytest.fixture(scope="module")
def release(engine, tmp_path_factory):
    """A folder with a release of simulated ratings, as anybody can read it."""
    folder = tmp_path_factory.mktemp("releases") / "release"
    make_release(folder)
    folder.chmod(0o755)
    return folder


class Container:
    """One that runs hardened, with a port of this machine leading to it."""

    def __init__(self, image, *options, port=8080):
        self.started = time.monotonic()
        self.id = docker(
            *("run", "--detach", *HARDENED, "--health-interval", "1s", "--publish", f"127.0.0.1::{port}"),
            *("--env", f"ULTRALEARN_DRAIN_SECONDS={DRAIN}", *options, image),
        ).strip()
        try:
            self.port = int(docker("port", self.id, f"{port}/tcp").split(":")[-1])
        except ValueError:  # it has ended already, and has no port any more
            self.port = None

    def inspect(self, what):
        return docker("inspect", "--format", f"{{{{{what}}}}}", self.id).strip()

    def logs(self):
        return docker("logs", self.id, check=False)

    def ask(self, method, path, body=None, connection=None):
        """(status, headers, document)."""
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, answer.headers, json.loads(content)

    def ready(self):
        try:
            return self.ask("GET", "/ready")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait(self, until, seconds=600):
        """Seconds since it was started until something holds."""
        while not until():
            waited = time.monotonic() - self.started
            assert waited < seconds, f"still not after {waited:.0f} s; its log:\n{self.logs()}"
            assert self.inspect(".State.Running") == "true", f"it has ended; its log:\n{self.logs()}"
            time.sleep(0.05)
        return time.monotonic() - self.started

    def python(self, source):
        return docker("exec", self.id, "python3", "-c", source)


@pytest.fixture(scope="module")
def run(engine):
    """Runs containers, and removes them."""
    containers = []

    def start(*args, **options):
        containers.append(Container(*args, **options))
        return containers[-1]

    yield start
    for container in containers:
        docker("rm", "--force", container.id)


@pytest.fixture(scope="module")
def container(run, image, release):
    container = run(image, "--volume", f"{release}:/release:ro")
    container.wait(container.ready)
    return container


def test_it_is_built_and_small(image, figures):
    """The base is not ours to shrink; what we put on top is."""
    figures["megabytes"] = round(size(image))
    history = docker("history", "--no-trunc", "--format", "{{.Size}}\t{{.CreatedBy}}", "--human=false", image)
    added = [line.split("\t") for line in history.splitlines()]
    figures["megabytes_on_top_of_the_base"] = round(sum(int(n) for n, by in added if "/srv" in by) / MEGABYTE)
    assert 0 < figures["megabytes_on_top_of_the_base"] < 120
    assert figures["megabytes"] < 350
    assert figures["build_seconds"] < 300


def test_no_compiler_no_training_library_no_ratings_no_model_are_in_it(image, tmp_path):
    created = docker("create", image).strip()
    try:
        docker("export", "--output", tmp_path / "image.tar", created)
    finally:
        docker("rm", created)
    names = subprocess.run(["tar", "tf", tmp_path / "image.tar"], capture_output=True, text=True, check=True).stdout
    names = names.splitlines()
    assert "srv/app/ultralearn/recsys/service/app.py" in names
    compilers = re.compile(r"(^|/)bin/([\w.]+-linux-gnu-)?(gcc|g\+\+|cc|c\+\+|clang|ld|as|make|rustc|go)(-\d+)?$")
    assert [name for name in names if compilers.search(name)] == []
    packages = re.compile(r"/(torch|scipy|sklearn|pandas|polars|tensorflow|jax|mlflow|triton|nvidia)/")
    assert [name for name in names if packages.search(name)] == []
    data = re.compile(r"\.(safetensors|npz|inter|csv|pt|pkl|pickle)$|(^|/)u\.data$|ml-100k|ratings", re.IGNORECASE)
    assert [name for name in names if data.search(name) and not name.startswith("usr/")] == []
    ours = {name for name in names if name.startswith("srv/app/") and not name.endswith(("/", ".pyc"))}
    expected = {"srv/app/healthcheck.py"}
    for source in copied():
        if source.startswith("src/"):
            found = [ROOT / source] if (ROOT / source).is_file() else (ROOT / source).rglob("*")
            expected |= {f"srv/app/{path.relative_to(ROOT / 'src')}" for path in found if path.is_file()}
    assert ours == {name for name in expected if not name.endswith(".pyc")}


def test_it_becomes_healthy_within_its_memory(container, figures):
    figures["seconds_to_ready"] = round(container.wait(container.ready), 2)
    container.wait(lambda: container.inspect(".State.Health.Status") == "healthy")
    used = container.python(
        "import pathlib\n"
        "cgroup = pathlib.Path('/sys/fs/cgroup')\n"
        "files = cgroup / 'memory.current', cgroup / 'memory/memory.usage_in_bytes'\n"
        "print(next(file.read_text() for file in files if file.exists()))"
    )
    figures["megabytes_of_memory"] = round(int(used) / MEGABYTE)
    assert int(used) < MEMORY * 2**20
    assert container.inspect(".State.OOMKilled") == "false"


def test_it_runs_as_nobody_and_can_change_nothing(container):
    status = dict(
        line.split(":\t", 1) for line in container.python("print(open('/proc/1/status').read())").splitlines() if line
    )
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"10001"}
    assert [int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0, 0, 0, 0]
    assert status["NoNewPrivs"] == "1"
    assert container.python("print(open('/proc/1/comm').read())").strip() == "python3", "SIGTERM would reach a shell"
    tried = container.python(
        "for place in ('/', '/srv/app', '/srv/packages', '/etc', '/release', '/tmp'):\n"
        "    try:\n"
        "        open(place + '/written', 'w').close()\n"
        "        print(place)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    assert tried.split() == ["/tmp"]


def test_its_own_files_belong_to_root_and_nobody_else_may_change_them(container):
    """Even where somebody forgets --read-only."""
    changeable = container.python(
        "import os\n"
        "paths = [os.path.join(top, name) for top, _, names in os.walk('/srv') for name in names]\n"
        "print(len(paths), *[path for path in paths if os.stat(path).st_uid or os.stat(path).st_mode & 0o022])"
    ).split()
    assert int(changeable[0]) > 100
    assert changeable[1:] == []


def test_it_answers_as_the_release_does(container, release):
    same = load_release(release)
    status, headers, model = container.ask("GET", "/model")
    assert (status, model["version"], headers["X-Model-Version"]) == (200, same.version, same.version)
    _, _, answer = container.ask("GET", "/recommend/1")
    assert [one["item"] for one in answer["items"]] == [one.item + 1 for one in same.recommend(0).items]
    body = {"items": [{"item": 4, "rating": 5}, {"item": 6, "rating": 4}], "k": 5}
    _, _, answer = container.ask("POST", "/recommend", body)
    assert [one["item"] for one in answer["items"]] == [one.item + 1 for one in same.fold_in([3, 5], [5, 4], 5).items]
    assert container.ask("GET", "/recommend/0")[0] == 422


@pytest.mark.parametrize(
    ("options", "reason"),
    [((), "ULTRALEARN_RELEASE|/release"), (("--tmpfs", "/release"), "model.safetensors")],
    ids=["nothing is mounted", "an empty folder is mounted"],
)
def test_without_a_release_it_ends_and_says_why(run, image, options, reason):
    container = run(image, *options)
    docker("wait", container.id)
    assert container.inspect(".State.ExitCode") == "3"
    last = json.loads(container.logs().splitlines()[-1])
    assert last["event"] == "not started"
    assert re.search(reason, last["reason"])


def test_where_the_platform_names_the_port_it_listens_there(run, image, release):
    container = run(image, "--volume", f"{release}:/release:ro", "--env", "PORT=9090", port=9090)
    container.wait(container.ready)
    container.wait(lambda: container.inspect(".State.Health.Status") == "healthy")


class Load:
    """Clients that ask those containers that their probes found ready, as a load balancer would send them."""

    def __init__(self, *containers):
        self.containers = containers
        self.ready = dict.fromkeys(containers, True)
        self.answered = Counter()
        self.failed = []
        self.going = True
        kept = itertools.cycle([False, True])
        self.threads = [threading.Thread(target=self._probe)]
        self.threads += [threading.Thread(target=self._client, args=(n, next(kept))) for n in range(8)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *reason):
        self.going = False
        for thread in self.threads:
            thread.join()

    def _probe(self):
        while self.going:
            for container in self.containers:
                self.ready[container] = container.ready()
            time.sleep(0.1)

    def _client(self, number, keeps_connections):
        """Half of them keep a connection to each container, half open one for each request."""
        kept = {one: http.client.HTTPConnection("127.0.0.1", one.port, timeout=120) for one in self.containers}
        for turn in itertools.count(number):
            if not self.going:
                return
            up = [container for container in self.containers if self.ready[container]]
            chosen = up[turn % len(up)] if up else self.containers[-1]
            body = {"items": [{"item": turn % 50 + 1, "rating": 5}], "k": 5}
            try:
                connection = kept[chosen] if keeps_connections else None
                if turn % 2:
                    status, _, answer = chosen.ask("POST", "/recommend", body, connection)
                else:
                    status, _, answer = chosen.ask("GET", f"/recommend/{turn % 60 + 1}", connection=connection)
                if status != 200 or not answer["items"]:
                    self.failed.append((status, answer))
                self.answered[chosen, self.draining] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failed.append((chosen is self.containers[0], repr(error)))
            time.sleep(0.005)

    draining = False


def test_sigterm_under_load_loses_no_request(run, image, release, figures):
    """Not ready, drain, stop: one of two containers goes, as in every rolling update."""
    first, second = (run(image, "--volume", f"{release}:/release:ro") for _ in range(2))
    for container in (first, second):
        container.wait(container.ready)
    with Load(first, second) as load:
        time.sleep(1.5)
        load.draining = True
        asked = time.monotonic()
        docker("kill", "--signal", "TERM", first.id)
        docker("wait", first.id)
        took = time.monotonic() - asked
        time.sleep(1)
    assert load.failed == []
    assert load.answered[first, False] > 20
    assert load.answered[first, True] > 0, "nobody asked it while it drained, so nothing was tried"
    assert load.answered[second, True] > 20
    assert load.ready == {first: False, second: True}
    assert first.inspect(".State.ExitCode") == "0"
    assert took >= DRAIN
    figures["requests_around_sigterm"] = sum(load.answered.values())
    figures["failed_around_sigterm"] = len(load.failed)


def test_the_load_sees_a_container_that_does_not_drain(run, image, release):
    """The control: killed without a word, requests are lost, and the same load says so."""
    first, second = (run(image, "--volume", f"{release}:/release:ro") for _ in range(2))
    for container in (first, second):
        container.wait(container.ready)
    with Load(first, second) as load:
        time.sleep(1)
        docker("kill", "--signal", "KILL", first.id)
        time.sleep(1)
    assert load.failed


def test_lambdas_image_needs_no_mount(run, image, release, tmp_path):
    """The adapter is an empty file here: Lambda alone starts it."""
    (tmp_path / "lambda-adapter").write_bytes(b"")
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY lambda-adapter /\n")
    adapter, whole = f"{NAME}-adapter", f"{NAME}-lambda"
    try:
        build("--tag", adapter, tmp_path)
        arguments = ["--build-arg", f"SERVICE={image}", "--build-arg", f"ADAPTER={adapter}"]
        build("--file", "deploy/lambda/Dockerfile", *arguments, "--tag", whole, release)
        container = run(whole)
        container.wait(container.ready)
        assert container.ask("GET", "/model")[2]["version"] == load_release(release).version
        docker("rm", "--force", container.id)
    finally:
        docker("image", "rm", "--force", whole, adapter)


@pytest.mark.skipif(not shutil.which("prometheus"), reason="not on this machine: prometheus")
def test_prometheus_scrapes_it_and_works_out_every_alert(container, tmp_path):
    """The files of deploy/prometheus, with the container's address in place of its name."""
    folder = shutil.copytree(ROOT / "deploy/prometheus", tmp_path / "prometheus")
    config = (folder / "prometheus.yml").read_text()
    here = config.replace("recommender:8080", f"127.0.0.1:{container.port}").replace("_interval: 5s", "_interval: 1s")
    (folder / "prometheus.yml").write_text(here)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = ["--config.file", folder / "prometheus.yml", "--storage.tsdb.path", tmp_path / "data"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(["prometheus", *options, "--web.listen-address", address], stderr=log, stdout=log)

    def asked(path):
        connection = http.client.HTTPConnection(address, timeout=120)
        connection.request("GET", f"/api/v1/{path}")
        return json.loads(connection.getresponse().read())["data"]

    def rules():
        try:
            if not any(sample["value"][1] == "1" for sample in asked("query?query=ultralearn_ready")["result"]):
                return []
            found = [rule for group in asked("rules")["groups"] for rule in group["rules"]]
        except (OSError, KeyError, ValueError):
            return []
        return found if all(rule["health"] != "unknown" for rule in found) else []

    try:
        until = time.monotonic() + 600
        while not (found := rules()):
            assert time.monotonic() < until, (tmp_path / "log").read_text()[-2000:]
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(timeout=300)
    assert {rule["name"]: (rule["health"], rule["state"]) for rule in found} == dict.fromkeys(
        ("RecommenderDown", "RecommenderFails", "RecommenderSlow", "ReleaseRefused"), ("ok", "inactive")
    )
