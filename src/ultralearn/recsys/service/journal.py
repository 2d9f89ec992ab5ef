"""One line of JSON a request, and its metrics, made when no request waits for them."""

import asyncio
import functools
import itertools
import json
import logging
import os
import queue
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, TextIO

from ultralearn.recsys.service.metrics import Entry, Metrics

FLUSH_SECONDS = 0.1
AT_ONCE = 200  # entries written before others get their turn
TOGETHER = 100  # times that many, before they are written
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# Added to time.perf_counter, it tells the time of day.
_ZERO = time.time() - time.perf_counter()
_origin = os.urandom(6).hex().encode() + b"-"
_numbers = itertools.count(1)
if hasattr(os, "register_at_fork"):

    def _new_origin() -> None:
        global _origin
        _origin = os.urandom(6).hex().encode() + b"-"

    os.register_at_fork(after_in_child=_new_origin)


def request_id_of(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The request's own X-Request-Id where it has one that is fit to be repeated, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            if REQUEST_ID.fullmatch(value):
                return value
            break
    return new_request_id()


def new_request_id() -> bytes:
    """An id that no other request has."""
    return b"%b%d" % (_origin, next(_numbers))


class Journal:
    """Takes entries, and hands them to the metrics and the log when nobody waits.

    The event loop makes the lines, between requests; a thread writes them, since whoever reads them may be slow. What
    a process that is killed had not written yet, at most a tenth of a second of it, is lost.
    """

    def __init__(self, metrics: Metrics, stream: TextIO | None) -> None:
        """stream: where the lines go; None: nowhere."""
        self.metrics = metrics
        self.stream = stream
        self._entries: deque[Entry] = deque()
        self.record = self._entries.append  # takes one request, and nothing else: the fast path calls it
        self._texts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._made: list[str] = []  # lines that nobody has put yet
        self._writer: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to hand over, on the running event loop."""
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()
        self._task = asyncio.get_running_loop().create_task(self._hand_over())

    def stop(self) -> None:
        """Writes what is left."""
        if self._task is not None:
            self._task.cancel()
        self.flush()
        self._texts.put(None)
        if self._writer is not None:
            self._writer.join()
            self._writer = None

    def event(self, event: str, **details: Any) -> None:
        """Writes one line that is not of a request: a swap, a refusal, the end."""
        level = details.pop("level", "info")
        line = {"time": _moment(time.time()), "level": level, "event": event, **details}
        self._put(json.dumps(line, ensure_ascii=True, default=str) + "\n")

    def flush(self) -> None:
        """Hands over everything taken so far, at once."""
        while self._entries:
            self._made.append(self._counted())
        self._put_made()

    async def _hand_over(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            while self._entries and len(self._made) < TOGETHER:
                self._made.append(self._counted())
                await asyncio.sleep(0)  # so many lines are a fraction of a millisecond; then requests have their turn
            self._put_made()

    def _put_made(self) -> None:
        """Puts all lines at once, since the writer has to be woken."""
        made, self._made = self._made, []
        self._put("".join(made))

    def _counted(self) -> str:
        """The lines of the next entries, which the metrics have now."""
        take = self._entries.popleft
        entries = [take() for _ in range(min(AT_ONCE, len(self._entries)))]
        self.metrics.count(entries)
        return _lines(entries) if self.stream is not None else ""

    def _put(self, text: str) -> None:
        if self.stream is None or not text:
            return
        if self._writer is None:
            self.stream.write(text)
            self.stream.flush()
        else:
            self._texts.put(text)

    def _write(self) -> None:
        while (text := self._texts.get()) is not None:
            if self.stream is not None:
                self.stream.write(text)
                self.stream.flush()


class JSONLines(logging.Formatter):
    """The server's own log in the same form."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line = {"time": _moment(record.created), "level": record.levelname.lower(), "event": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def _moment(seconds: float) -> str:
    """UTC, in ISO 8601 with milliseconds."""
    milliseconds = int(1000 * seconds)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")


def _lines(entries: list[Entry]) -> str:
    """A line of JSON for each."""
    lines, second, prefix = [], -1, ""
    for kind, started, ended, request_id in entries:
        moment = ended + _ZERO
        if int(moment) != second:
            second = int(moment)
            prefix = f'{{"time":"{_second(second)}.'
        lines.append(
            f'{prefix}{int(1000 * (moment - second)):03d}Z",{kind.line},"ms":{1000 * (ended - started):.3f}'
            f',"request_id":"{request_id.decode()}"}}\n'
        )
    return "".join(lines)
