"""The real server: told to stop, swapped, restarted and killed while a hundred clients ask."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.recsys.service.conftest import HANGS, KEY, N_USERS, httpx, put
from ultralearn.recsys.service.loading import load_release

CLIENTS = 100
PAUSE = 0.1  # between the requests of a client: a hundred clients at ten a second, less what two cores cannot do
FORBIDDEN = [
    "torch",
    "scipy",
    "polars",
    "pandas",
    "sklearn",
    "matplotlib",
    "optuna",
    "gymnasium",
    "ultralearn.recsys.data",
]


async def one_request(port, path, method="GET", headers="", body=b""):
    """Status, headers and body of one request on a connection of its own. Raises OSError or ValueError if it fails."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n".encode() + body
        )
        answer = await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    head, _, content = answer.partition(b"\r\n\r\n")
    if not head:
        raise ConnectionResetError("the connection was closed without an answer")
    status, *lines = head.decode("latin-1").split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), content


class Crowd:
    """A hundred clients who ask on and on; what each of them saw is kept."""

    def __init__(self, port, headers=""):
        self.port = port
        self.headers = headers
        self.answers = []  # model versions
        self.failures = []
        self._over = asyncio.Event()

    async def __aenter__(self):
        self._clients = [asyncio.create_task(self._ask(number)) for number in range(CLIENTS)]
        await asyncio.sleep(0.5)
        return self

    async def __aexit__(self, *error):
        await asyncio.sleep(0.5)
        self._over.set()
        await asyncio.gather(*self._clients)

    async def _ask(self, number):
        request = 0
        while not self._over.is_set():
            request += 1
            user = (number + request) % (N_USERS + 5) + 1
            try:
                if request % 4 == 0:
                    body = json.dumps({"items": [{"item": user, "rating": 5}]}).encode()
                    kind = self.headers + "Content-Type: application/json\r\n"
                    status, headers, content = await one_request(self.port, "/recommend", "POST", kind, body)
                else:
                    status, headers, content = await one_request(self.port, f"/recommend/{user}", "GET", self.headers)
                answer = json.loads(content)
                if status != 200 or answer["model_version"] != headers["x-model-version"] or not answer["items"]:
                    self.failures.append((status, content[:200]))
                self.answers.append(answer["model_version"])
            except (OSError, ValueError, KeyError) as error:
                self.failures.append(repr(error))
            await asyncio.sleep(PAUSE)


class Proxy:
    """Passes each connection on to one of the backends that say they are ready. It never asks twice: nothing is hidden.

    Every INTERVAL it asks each /ready; a backend that does not say 200 gets no new connection.
    """

    INTERVAL = 0.05

    def __init__(self):
        self.backends = []  # ports
        self.ready = []
        self._turn = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        self._watch = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *error):
        self._watch.cancel()
        self._server.close()

    async def _look(self):
        while True:
            ready = []
            for port in list(self.backends):
                with contextlib.suppress(OSError, ValueError):
                    if (await one_request(port, "/ready"))[0] == 200:
                        ready.append(port)
            self.ready = ready
            await asyncio.sleep(self.INTERVAL)

    async def wait_for(self, *ports):
        async with asyncio.timeout(HANGS):
            while self.ready != list(ports):
                await asyncio.sleep(0.02)

    async def _pass_on(self, reader, writer):
        self._turn += 1
        try:
            backend = self.ready[self._turn % len(self.ready)]
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", backend)
            await asyncio.gather(pump(reader, back_writer), pump(back_reader, writer))
        except (OSError, ZeroDivisionError):  # nobody there, or nobody ready
            writer.close()


async def pump(reader, writer):
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        with contextlib.suppress(OSError):
            writer.close()


def test_it_imports_no_training_library(releases):
    """Nor anything else that the image of the service does not need."""
    program = f"""
import sys
from ultralearn.recsys.service import __main__
from ultralearn.recsys.service.app import create_app
from ultralearn.recsys.service.settings import Settings
create_app(Settings(release={str(releases / "one")!r}))
print([name for name in {FORBIDDEN} if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=HANGS)
    assert ran.stdout.strip() == "[]"


def test_it_says_where_it_listens_and_stops_when_told(start, releases):
    process = start(releases / "one", drain_seconds=600).wait_until_ready()
    assert process.first["event"] == "listening"
    assert process.first["url"] == f"http://127.0.0.1:{process.port}"
    httpx.get(f"{process.url}/recommend/1", headers={"X-Request-Id": "last"})
    process.signal(signal.SIGTERM)
    process.wait_until_said("draining")
    assert httpx.get(f"{process.url}/ready").status_code == 503
    assert httpx.get(f"{process.url}/recommend/1").status_code == 200  # not ready, and yet there
    code, lines = process.stop()  # told twice, it does not wait
    assert code == 0
    events = [line["event"] for line in lines if line["event"] != "request"]
    assert events[-2:] == ["draining", "stopped"]
    assert any(line.get("request_id") == "last" for line in lines)  # what was taken was written
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{process.url}/ready")


def test_told_once_it_stops_when_it_is_drained(start, releases):
    process = start(releases / "one", drain_seconds=0.2).wait_until_ready()
    process.signal(signal.SIGTERM)
    assert process.popen.wait(HANGS) == 0


def test_it_answers_and_stops_though_nobody_reads_its_log(start, releases):
    process = start(releases / "one", reads=False, drain_seconds=0)
    with httpx.Client(base_url=process.url) as client:
        for _ in range(600):  # more lines than a pipe holds
            assert client.get("/recommend/1").status_code == 200
    process.signal(signal.SIGTERM)
    assert process.popen.wait(HANGS) == 0


def test_a_bad_release_does_not_start(start, folder):
    (folder / "golden.json").unlink()
    process = start(folder)
    assert process.popen.wait(HANGS) == 3
    assert process.first["event"] == "not started"
    assert "golden.json cannot be read" in process.first["reason"]


def test_a_port_that_is_taken_is_said_to_be(start, releases):
    first = start(releases / "one")
    second = start(releases / "one", "--port", str(first.port))
    assert second.popen.wait(HANGS) == 3
    assert "try --port 0" in second.first["reason"]


def test_a_hundred_clients_during_a_swap_and_a_refused_swap(start, folder, releases):
    process = start(folder, api_key=KEY, drain_seconds=0.2).wait_until_ready()
    old, new = (load_release(releases / name).version for name in ("one", "two"))
    key = f"X-API-Key: {KEY}\r\n"

    async def swap():
        async with Crowd(process.port, key) as crowd:
            put(releases / "two", folder)
            process.signal(signal.SIGHUP)
            await until(lambda: crowd.answers and crowd.answers[-1] == new)
            (folder / "catalog.json").write_text("{}")
            status, _, content = await one_request(process.port, "/model/reload", "POST", key, b"")
            assert status == 409, content
        return crowd

    crowd = asyncio.run(swap())
    print(f"{len(crowd.answers)} answers during a swap, {len(crowd.failures)} failures")
    assert crowd.failures == []
    assert set(crowd.answers) == {old, new}
    assert crowd.answers[-1] == new
    assert process.stop()[0] == 0


async def until(holds, seconds=HANGS):
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


def test_a_hundred_clients_during_a_restart_behind_a_proxy(start, releases):
    first, second = (start(releases / "one", drain_seconds=1) for _ in range(2))

    async def restart():
        async with Proxy() as proxy:
            proxy.backends = [first.port, second.port]
            await proxy.wait_for(first.port, second.port)
            async with Crowd(proxy.port) as crowd:
                first.signal(signal.SIGTERM)
                await proxy.wait_for(second.port)
                await until(lambda: first.popen.poll() is not None)
                third = await asyncio.to_thread(lambda: start(releases / "two", drain_seconds=1).wait_until_ready())
                proxy.backends = [third.port, second.port]
                await proxy.wait_for(third.port, second.port)
        return crowd

    crowd = asyncio.run(restart())
    print(f"{len(crowd.answers)} answers during a restart, {len(crowd.failures)} failures")
    assert crowd.failures == []
    assert set(crowd.answers) == {load_release(releases / name).version for name in ("one", "two")}


def workers_of(process):
    """Process ids of the workers: children of the parent that answer for it."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
                command = Path(f"/proc/{entry}/cmdline").read_bytes()
                if parent == process.popen.pid and b"spawn_main" in command:
                    found.append(int(entry))
    return found


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="finds the workers in /proc, which this system has not")
def test_one_of_two_workers_is_killed(start, releases):
    process = start(releases / "one", "--workers", "2", drain_seconds=0.2).wait_until_said("started", 2)
    victim, other = workers_of(process)

    async def kill():
        async with Crowd(process.port) as crowd:
            before = len(crowd.answers)
            os.kill(victim, signal.SIGKILL)
            await until(lambda: len(crowd.answers) > before + 100)
            await until(lambda: len(set(workers_of(process)) - {victim}) == 2)
        after = [await one_request(process.port, f"/recommend/{user}") for user in range(1, 21)]
        return crowd, after

    crowd, after = asyncio.run(kill())
    print(
        f"kill -9 of one of two workers: {len(crowd.failures)} of {len(crowd.answers) + len(crowd.failures)} requests"
        f" lost: {sorted(set(map(str, crowd.failures)))}"
    )
    # What it was answering is lost, and no more than a connection a client: nothing can hold that.
    assert len(crowd.failures) <= CLIENTS
    assert len(crowd.answers) > len(crowd.failures)
    assert [status for status, _, _ in after] == [200] * 20
    workers = workers_of(process)
    assert other in workers
    assert victim not in workers
    assert len(workers) == 2
    assert process.stop()[0] == 0


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="finds the workers in /proc, which this system has not")
def test_two_workers_are_reloaded_one_after_the_other_and_count_together(start, folder, releases):
    process = start(folder, "--workers", "2", api_key=KEY, drain_seconds=0.2).wait_until_ready()
    headers = {"X-API-Key": KEY}
    asked = 40
    for user in range(1, asked + 1):
        httpx.get(f"{process.url}/recommend/{user}", headers=headers)
    label = 'ultralearn_requests_total{method="GET",route="/recommend/{user}",status="200"} '
    counted, deadline = [], time.monotonic() + HANGS
    while counted != [asked] and time.monotonic() < deadline:  # each worker writes its counts a moment later
        lines = httpx.get(f"{process.url}/metrics").text.splitlines()
        counted = [float(line.removeprefix(label)) for line in lines if line.startswith(label)]
    assert counted == [asked]
    put(releases / "two", folder)
    reloaded = httpx.post(f"{process.url}/model/reload", headers=headers).json()
    new = load_release(releases / "two").version
    assert (reloaded["status"], reloaded["version"]) == ("rolling", new)
    deadline = time.monotonic() + HANGS
    shown = {""}
    while shown != {new} and time.monotonic() < deadline:
        time.sleep(0.5)
        answers = [httpx.get(f"{process.url}/recommend/{user}", headers=headers) for user in range(1, 30)]
        assert {answer.status_code for answer in answers} == {200}
        shown = {answer.headers["x-model-version"] for answer in answers}
    assert shown == {new}
    assert process.stop()[0] == 0
