"""A client that costs little: requests made beforehand, connections kept, one epoll loop, no HTTP library.

What it may cost: it must not be busier than the fastest server. It knows as much of HTTP as the servers here say.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST = 10.0  # seconds without any answer, after which what is open has failed


@dataclass
class Served:
    """What came back: seconds from when a request was due until its answer was whole, one a request that succeeded."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    wall: float = 0.0


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LONGEST)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.due = 0.0


def get(path: str) -> bytes:
    """A GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n".encode()


def post(path: str, body: str) -> bytes:
    """A POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def body_of(answer: bytes) -> bytes | None:
    """The body of an answer, or None while a part of it is still to come."""
    head, found, rest = answer.partition(b"\r\n\r\n")
    if not found:
        return None
    low = head.lower()
    place = low.find(b"\r\ncontent-length:")
    if place >= 0:
        length = int(low[place + 17 :].split(b"\r\n", 1)[0])
        return rest if len(rest) >= length else None
    if b"\r\ntransfer-encoding: chunked" in low:
        return _joined(rest)
    raise ValueError(f"an answer whose length is not said: {head!r}")


def _joined(chunks: bytes) -> bytes | None:
    whole = b""
    while True:
        size, found, chunks = chunks.partition(b"\r\n")
        if not found:
            return None
        length = int(size, 16)
        if len(chunks) < length + 2:
            return None
        if length == 0:
            return whole
        whole, chunks = whole + chunks[:length], chunks[length + 2 :]


def ask(port: int, request: bytes) -> bytes:
    """The body of one answer. Raises OSError, or ValueError for any status but 200."""
    connection = _Connection(port)
    with connection.socket:
        connection.socket.sendall(request)
        while (body := body_of(connection.received)) is None:
            if not (part := connection.socket.recv(65536)):
                raise ConnectionError("the connection was closed before the answer was whole")
            connection.received += part
    if not connection.received.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"{connection.received[:200]!r}")
    return body


class _Run:
    """One run of the loop below."""

    def __init__(self, port: int, connections: int) -> None:
        self.port = port
        self.found = Served()
        self.loop = select.epoll()
        self.opened: dict[int, _Connection] = {}
        self.idle: deque[_Connection] = deque()
        for _ in range(connections):
            self.connect()

    def connect(self) -> None:
        """One connection more."""
        one = _Connection(self.port)
        one.socket.setblocking(False)
        self.opened[one.socket.fileno()] = one
        self.loop.register(one.socket, select.EPOLLIN)
        self.idle.append(one)

    def replace(self, one: _Connection) -> None:
        """The server closed it: a request that was on it has failed."""
        if one in self.idle:
            self.idle.remove(one)
        else:
            self.found.failed += 1
        self.loop.unregister(one.socket)
        del self.opened[one.socket.fileno()]
        one.socket.close()
        self.connect()

    def read(self, one: _Connection) -> bool:
        """Take what has come; whether the answer is whole."""
        try:
            part = one.socket.recv(65536)
        except OSError:
            part = b""
        if not part:
            self.replace(one)
            return False
        one.received += part
        return body_of(one.received) is not None

    def close(self) -> None:
        """Let go of everything."""
        self.loop.close()
        for one in self.opened.values():
            one.socket.close()


def run(port: int, requests: Sequence[bytes], seconds: float, connections: int, rate: float | None = None) -> Served:
    """Send the requests in turn, over so many connections, for so long.

    rate: requests a second, each sent when it is due, and its time counted from then, whether or not a connection was
    free: a server that is stuck is not asked less. None: each connection asks again as soon as it has its answer.
    """
    clock = time.perf_counter
    all_of_it = _Run(port, connections)
    found, idle = all_of_it.found, all_of_it.idle
    sent = 0
    began = last = clock()
    until = began + seconds
    try:
        while True:
            now = clock()
            due = now if rate is None else began + sent / rate
            while idle and due <= now and due < until:
                one = idle.popleft()
                one.due, one.received = due, b""
                one.socket.send(requests[sent % len(requests)])
                sent += 1
                due = now if rate is None else began + sent / rate
            waiting = connections - len(idle)
            if not waiting and due >= until:
                break
            if waiting and now - last > LONGEST:
                found.failed += waiting
                break
            # epoll counts in whole milliseconds, rounded up: the last two are waited out awake, or each request would
            # be sent late, and the server be blamed.
            pause = 0.1 if not idle else due - now - 0.002
            for number, _ in all_of_it.loop.poll(min(max(pause, 0.0), 0.1)):
                one = all_of_it.opened[number]
                if not all_of_it.read(one):
                    continue
                last = clock()
                if one.received.startswith(b"HTTP/1.1 200"):
                    found.seconds.append(last - one.due)
                else:
                    found.failed += 1
                idle.append(one)
    finally:
        all_of_it.close()
    found.wall = clock() - began
    return found
