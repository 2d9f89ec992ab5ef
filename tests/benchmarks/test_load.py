"""The load: it counts what failed, waits for whole answers, and times a request from when it was due."""

import socket
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks import load
from benchmarks.catalog import REAL, made
from benchmarks.contestants.search import BruteForce, ExactPruning
from benchmarks.processes import OURS, ContestantFailed
from benchmarks.server import Server
from benchmarks.servers import Model

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@contextmanager
def server(answer):
    """A server of this test: answer(number of the request, connection) for every request."""
    listening = socket.create_server(("127.0.0.1", 0))
    count = 0

    def serve(connection):
        nonlocal count
        with connection:
            while data := connection.recv(65536):
                for _ in range(data.count(b"\r\n\r\n")):
                    count += 1
                    answer(count, connection)

    def accept():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


def test_what_is_asked_is_counted_and_none_failed():
    with server(lambda number, connection: connection.sendall(OK)) as port:
        found = load.run(port, [load.get("/a"), load.get("/b")], 0.3, 4)
    assert found.failed == 0
    assert len(found.seconds) > 4
    assert min(found.seconds) > 0
    assert found.wall >= 0.3


def test_a_rate_is_kept():
    with server(lambda number, connection: connection.sendall(OK)) as port:
        found = load.run(port, [load.get("/")], 1.0, 4, rate=50)
    assert len(found.seconds) == 50


def test_a_server_that_is_stuck_is_charged_for_all_that_had_to_wait():
    def answer(number, connection):
        if number == 10:
            time.sleep(0.3)
        connection.sendall(OK)

    with server(answer) as port:
        found = load.run(port, [load.get("/")], 1.0, 1, rate=50)
    assert len(found.seconds) == 50
    # The fifteen that were due in the meantime waited too, the later the less.
    assert sum(seconds > 0.1 for seconds in found.seconds) >= 8


@pytest.mark.parametrize("status", [b"500 Internal Server Error", b"404 Not Found", b"201 Created"])
def test_any_status_but_200_has_failed(status):
    def answer(number, connection):
        connection.sendall(OK if number % 2 else OK.replace(b"200 OK", status))

    with server(answer) as port:
        found = load.run(port, [load.get("/")], 0.2, 1)
    assert found.failed >= 1
    assert abs(found.failed - len(found.seconds)) <= 1


def test_a_connection_that_is_closed_has_failed_and_is_made_anew():
    def answer(number, connection):
        if number == 5:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(OK)

    with server(answer) as port:
        found = load.run(port, [load.get("/")], 0.3, 2)
    assert found.failed >= 1
    assert len(found.seconds) > 20


def test_answers_in_pieces_and_in_chunks_are_put_together():
    assert load.body_of(OK[:-1]) is None
    assert load.body_of(OK) == b"hello"
    assert load.body_of(b"HTTP/1.1 200 OK\r\nconte") is None
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    assert load.body_of(chunked) == b"hello"
    assert all(load.body_of(chunked[:cut]) is None for cut in range(len(chunked) - 4))
    with pytest.raises(ValueError, match="length is not said"):
        load.body_of(b"HTTP/1.1 200 OK\r\n\r\nhello")


def test_one_answer():
    with server(lambda number, connection: connection.sendall(OK)) as port:
        assert load.ask(port, load.post("/", "{}")) == b"hello"
    with (
        server(lambda number, connection: connection.sendall(OK.replace(b"200", b"503"))) as port,
        pytest.raises(ValueError, match="503"),
    ):
        load.ask(port, load.get("/"))


# --- servers


ASGI = ("-m", "benchmarks.servers.asgi", "{port}", "none", "hello")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.server.BUILD", tmp_path / "build")


def test_a_server_is_asked_counted_and_stopped():
    with Server(OURS, ASGI, "hello", [load.get("/")], None, "GET /") as hello:
        hello.check_all()
        before = hello.cpu()
        found = load.run(hello.port, hello.requests, 0.5, 8)
        assert found.failed == 0
        spent = hello.cpu() - before
        assert 0 < spent <= 0.8  # one process, one thread
        assert len(hello.processes()) == 1
        assert hello.tell("about", packages=["uvicorn"])["versions"]["uvicorn"]
    assert hello.processes() == []


def test_processes_that_a_server_starts_are_its_own_even_where_it_lets_go_of_them():
    script = (
        "import subprocess, sys, time; "
        "subprocess.Popen([sys.executable, '-c', 'import time; t = time.process_time\\nwhile t() < 60: pass'], "
        "start_new_session=True); "
        "import runpy; sys.argv = ['asgi', sys.argv[1], 'none', 'hello']; "
        "runpy.run_module('benchmarks.servers.asgi', run_name='__main__')"
    )
    with Server(OURS, ("-c", script, "{port}"), "two", [load.get("/")], None, "GET /") as both:
        assert len(both.processes()) == 2
        before = both.cpu()
        while both.cpu() - before < 0.1:  # nobody asked: it is the other one, or this goes on for ever
            time.sleep(0.05)
    assert both.processes() == []


def test_a_wrong_answer_fails_the_server_by_name(monkeypatch):
    def check(number, body):
        if number:
            raise ValueError(f"{body!r} is not what was asked")

    requests = [load.get("/"), load.get("/")]
    with (
        Server(OURS, ASGI, "wrong", requests, check, "GET /") as wrong,
        pytest.raises(ContestantFailed, match=r"wrong: a wrong answer .*hello"),
    ):
        wrong.check_all()
    monkeypatch.setattr("benchmarks.server.START_SECONDS", 3)
    with pytest.raises(ContestantFailed, match="dead: no right answer"):
        Server(OURS, ("-c", "raise SystemExit(1)"), "dead", requests, None, "GET /")


def test_all_serve_the_same_ten_films(tmp_path):
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(40, 4)).astype(np.float32)
    seen = {"seen_starts": np.array([0, 2, 2, 5]), "seen_items": np.array([0, 7, 1, 2, 3])}
    titles = np.array([f"film {number}" for number in range(40)])
    np.savez(tmp_path / "m.npz", user_factors=users, item_factors=items, titles=titles, version=np.array("v"), **seen)
    answer = Model(str(tmp_path / "m.npz")).answer(1)
    scores = items @ users[0]
    scores[[0, 7]] = -np.inf
    assert [film["item"] - 1 for film in answer["items"]] == np.argsort(-scores)[:10].tolist()
    assert answer["items"][0]["title"] == f"film {int(np.argmax(scores))}"


# --- searches


@pytest.mark.parametrize("n", [10, 11, 300, 5_000])
def test_pruning_finds_what_brute_force_finds(n):
    rng = np.random.default_rng(n)
    items = (rng.normal(size=(n, 8)) * rng.exponential(size=(n, 1))).astype(np.float32)
    items[: n // 10] = items[-(n // 10) :]  # equal scores
    brute, pruning = BruteForce(), ExactPruning()
    brute.build(items)
    pruning.build(items)
    for query in rng.normal(size=(30, 8)).astype(np.float32):
        found, expected = pruning.search(query, 10), brute.search(query, 10)
        assert len(set(found.tolist())) == 10
        np.testing.assert_allclose(items[found] @ query, items[expected] @ query, rtol=1e-5, atol=1e-6)
    if n == 5_000:
        assert pruning.looked_at < 0.9 * 30 * n


def test_a_query_of_nothing_and_items_of_length_0():
    pruning = ExactPruning()
    pruning.build(np.zeros((600, 4), dtype=np.float32))
    assert len(set(pruning.search(np.zeros(4, dtype=np.float32), 10).tolist())) == 10


def test_made_items_keep_lengths_mean_and_spread():
    rng = np.random.default_rng(0)
    real = (rng.normal(1, 1, size=(REAL, 8)) * rng.exponential(size=(REAL, 1))).astype(np.float32)
    more = made(real, 20_000, seed=1)
    lengths, real_lengths = np.linalg.norm(more, axis=1), np.linalg.norm(real, axis=1)
    quantiles = [0.05, 0.5, 0.95]
    np.testing.assert_allclose(np.quantile(lengths, quantiles), np.quantile(real_lengths, quantiles), rtol=0.1)
    directions, real_directions = more / lengths[:, None], real / real_lengths[:, None]
    np.testing.assert_allclose(directions.mean(0), real_directions.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(directions.T), np.cov(real_directions.T), atol=0.05)
    assert not (more[:, None] == real[None, :50]).all(-1).any()  # none is a copy
    np.testing.assert_array_equal(more, made(real, 20_000, seed=1))
