"""A caller that trusts nobody: bounded in time and size, no redirect followed, JSON that is JSON."""

import asyncio
import contextlib
import socket
import threading
import time

import httpx2 as httpx
import pytest

from ultralearn.gates.calls import Caller, NotJSONError, Response


@contextlib.contextmanager
def raw_server(*pieces, pause=0.0):
    """Sends these bytes to whoever connects, whatever was asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65536)
                        for piece in pieces:
                            connection.sendall(piece)
                            time.sleep(pause)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def get(address, seconds=60.0, **parts):
    async def once():
        async with Caller(httpx.URL(address), parts.get("headers", {}), seconds, False) as caller:
            return await caller.get("/x")

    return asyncio.run(once())


def test_an_answer_is_told_as_it_came():
    with raw_server(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
    ) as address:
        answer = get(address)
    assert (answer.status, answer.json()) == (200, {"a": 1})
    assert answer.seconds > 0


def test_a_server_that_drips_is_cut_off():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with raw_server(head, *[b"x"] * 1000, pause=0.02) as address:
        answer = get(address, seconds=0.3)  # all of it would take 20 s
    assert answer.status is None
    assert answer.problem == "no whole answer within 0.3 s"


def test_a_server_that_never_stops_is_cut_off():
    with raw_server(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", *[b"x" * 100_000] * 100) as address:
        answer = get(address)
    assert answer.status is None
    assert "longer than 1,000,000 bytes" in answer.problem


@pytest.mark.parametrize(
    "sent",
    [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", b"HTTP/1.1 boo\r\n\r\n"],
)
def test_what_is_not_http_is_a_problem_with_a_reason(sent):
    with raw_server(sent) as address:
        answer = get(address)
    assert answer.status is None
    assert answer.problem


def test_a_broken_compression_is_a_problem():
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc") as address:
        assert get(address).status is None


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = get(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert answer.status is None
    assert answer.problem.startswith("no connection")


def test_a_redirect_is_told_and_not_followed():
    with raw_server(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n") as address:
        answer = get(address)
    assert answer.status == 302
    assert answer.said() == "302, a redirect to '/login' (not followed)"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"{}"),
        ("", b"{}"),
        ("application/jsonp", b"{}"),
        ("application/json", b""),
        ("application/json", b"<html>"),
        ("application/json", b'{"a": NaN}'),
        ("application/json", b'{"a": -Infinity}'),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 100_000),
    ],
)
def test_what_is_not_json(kind, body):
    with pytest.raises(NotJSONError):
        Response(200, 0.1, headers={"content-type": kind}, body=body).json()


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"])
def test_what_is_json(kind):
    assert Response(200, 0.1, headers={"content-type": kind}, body=b"[1]").json() == [1]
