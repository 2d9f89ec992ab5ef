"""A small release of simulated ratings, made once; no test here asks a network or needs MovieLens."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import httpx2 as httpx
import numpy as np
import pytest
from starlette.testclient import TestClient

from ultralearn.recsys.data import simulate
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.release import write_release
from ultralearn.recsys.service.app import create_app
from ultralearn.recsys.service.scoring import GOLDEN_K, top
from ultralearn.recsys.service.settings import Settings

N_USERS, N_ITEMS = 60, 80
KEY = "a long enough key"


def simulated(seed=0):
    """Ratings and a model fitted on them; one title would be harmful if it were shown as it is."""
    ratings = simulate(N_USERS, N_ITEMS, 1200, rank=4, seed=seed).ratings
    titles = list(ratings.titles)
    titles[0], titles[1] = '<script>alert(1)</script> & "Co"', "Amélie ☆"
    years = np.where(np.arange(N_ITEMS) % 7 == 0, 0, 1950 + np.arange(N_ITEMS) % 49)
    ratings = replace(ratings, titles=tuple(titles), years=years)
    return ratings, IALS(rank=8, sweeps=3, reg=5.0, seed=seed).fit(ratings)


def make_release(folder, seed=0):
    """Writes one; its golden query asks for what this very model shows, so that another model breaks it."""
    ratings, model = simulated(seed)
    liked = [3, 5, 8]
    scores = model.fold_in(np.array(liked))
    scores[liked] = -np.inf
    return write_release(model, ratings, folder, [(liked, top(scores, GOLDEN_K), GOLDEN_K - 2)])


@pytest.fixture(scope="session")
def releases(tmp_path_factory):
    """Two folders with releases that differ."""
    root = tmp_path_factory.mktemp("releases")
    for name, seed in (("one", 0), ("two", 1)):
        make_release(root / name, seed)
    return root


@pytest.fixture
def folder(releases, tmp_path):
    """A copy of the first release, to be changed."""
    return copied(releases / "one", tmp_path / "release")


def copied(source, target):
    target.mkdir(parents=True)
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def put(source, target):
    """Puts another release in the place of one, as write_release does: never half."""
    new = copied(source, target.with_name(target.name + ".new"))
    target.rename(target.with_name(target.name + f".old{time.monotonic_ns()}"))
    new.rename(target)


@pytest.fixture
def client_of():
    """Makes test clients of apps with these settings."""
    clients = []

    def make(release, log=None, fast_path=True, **settings):
        app = create_app(Settings(release=release, **settings), log, fast_path)
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(client_of, releases):
    return client_of(releases / "one")


@pytest.fixture
def log():
    stream = io.StringIO()
    stream.lines = lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    return stream


HANGS = 300  # seconds until what does not end counts as hanging, on the busiest machine


class Process:
    """The real server in a process of its own, on a free port."""

    def __init__(self, folder, *options, reads=True, **environment):
        variables = {f"ULTRALEARN_{name.upper()}": str(value) for name, value in environment.items()}
        command = [sys.executable, "-m", "ultralearn.recsys.service", "--release", str(folder), "--port", "0"]
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.popen = subprocess.Popen(
            [*command, *options],
            env=os.environ | one_thread | variables,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that its workers can be ended with it
        )
        self.lines = []  # what it has written; read all the time, as a platform does, since a full pipe holds it up
        self._reader = threading.Thread(target=self._read, args=(reads,), daemon=True)
        self._reader.start()
        self.wait_until_said("listening")
        self.first = self.lines[0] if self.lines else {}
        self.port = self.first.get("port")
        self.url = self.first.get("url")

    def _read(self, on):
        """All that it writes; with on=False the first line only."""
        for text in self.popen.stdout:
            self.lines.append(json.loads(text))
            if not on:
                return

    def wait_until_said(self, event, times=1, seconds=HANGS):
        """Until it has written this so many times, or has ended."""
        deadline = time.monotonic() + seconds
        while sum(line["event"] == event for line in list(self.lines)) < times and self._reader.is_alive():
            assert time.monotonic() < deadline, f"not {event} after {seconds} s"
            time.sleep(0.01)
        return self

    def wait_until_ready(self, seconds=HANGS):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/ready", timeout=HANGS).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s")

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """It and its workers, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        self._reader.join()

    def stop(self):
        """SIGTERM, and all that it wrote until it ended."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(timeout=HANGS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._reader.join()
        return self.popen.returncode, self.lines


@pytest.fixture
def start():
    """Starts servers, and stops those that the test leaves running."""
    started = []

    def begin(folder, *options, **told):
        process = Process(folder, *options, **told)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
