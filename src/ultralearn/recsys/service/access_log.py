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
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from ultralearn.recsys.service.metrics import Floats, Kind, Metrics

FLUSH_SECONDS = 0.1
AT_ONCE = 400  # entries whose lines are made before others get their turn
TOGETHER = 50  # times that many, before they are written
MOST_WAITING = 30  # texts for the writer, one every FLUSH_SECONDS: what is more is dropped
LAST_SECONDS = 2  # for the last lines to be written: a process that is told to stop must not wait for a reader
KEPT = 10_000  # durations in microseconds, from 0, whose texts are kept
# A request that was answered: its kind, when it started and ended in seconds of time.perf_counter, and its id.
Entry = tuple[Kind, float, float, bytes]
FIELDS = 4
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_ENDINGS = [b"%03d" % number for number in range(1000)]


class Stream(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Takes text."""

    def flush(self) -> None:
        """Passes it on."""


class Descriptor:
    """An open file by its number. Who is held up while writing here holds no lock, and so does not hold up the end."""

    def __init__(self, number: int) -> None:
        self.number = number

    def write(self, text: str, /) -> None:
        """Writes all of it."""
        left = memoryview(text.encode())
        while left:
            left = left[os.write(self.number, left) :]

    def flush(self) -> None:
        """Nothing is held back."""


def _ids() -> Iterator[bytes]:
    """Ids that no other request has, here or in another process; most cost no more than to put two pieces together."""
    origin = os.urandom(6).hex().encode()
    for thousands in itertools.count():
        beginning = b"%b-%d" % (origin, thousands)
        for ending in _ENDINGS:
            yield beginning + ending


class AccessLog:
    """Takes entries, and hands them to the metrics and the log when nobody waits.

    The event loop makes the lines, between requests; a thread writes them, since whoever reads them may be slow. What
    a process that is killed had not written yet, at most a tenth of a second of it, is lost. Where the reader stands
    still for seconds, lines are dropped, and how many is said: requests are not held up, and memory does not fill.
    """

    def __init__(self, metrics: Metrics, stream: Stream | None) -> None:
        """stream: where the lines go; None: nowhere."""
        self.metrics = metrics
        self.stream = stream
        self._entries: list[Any] = []  # field after field: a tuple kept for each would cost the fast path more
        self.record: Callable[[Entry], None] = self._entries.extend
        self._texts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.new_id = _ids().__next__
        self._dropped = 0  # lines
        self._made: list[str] = []  # lines that nobody has put yet
        self._writer: threading.Thread | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to hand over, on the running event loop."""
        self.new_id = _ids().__next__  # now that this process is the one that will serve: it may have been forked
        self._writer = threading.Thread(target=self._write, name="access_log", daemon=True)
        self._writer.start()
        self._task = asyncio.get_running_loop().create_task(self._hand_over())

    def stop(self) -> None:
        """Writes what is left, as far as somebody reads it."""
        if self._task is not None:
            self._task.cancel()
        self.flush()
        self._texts.put(None)
        if self._writer is not None:
            self._writer.join(LAST_SECONDS)
            self._writer = None

    def id_of(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The request's own X-Request-Id where it has one that is fit to be repeated, else a new one."""
        for name, value in headers:
            if name == b"x-request-id":
                if REQUEST_ID.fullmatch(value):
                    return value
                break
        return self.new_id()

    def event(self, event: str, **details: Any) -> None:
        """Writes one line that is not of a request: a swap, a refusal, the end."""
        level = details.pop("level", "info")
        self._put(_event_line(level, event, details))

    def flush(self) -> None:
        """Hands over everything taken so far, at once."""
        while self._entries:
            self._made.append(self._lines_made())
        self._put_made()

    async def _hand_over(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            while self._entries and len(self._made) < TOGETHER:
                self._made.append(self._lines_made())
                await asyncio.sleep(0)  # so many lines are a fraction of a millisecond; then requests have their turn
            self._put_made()

    def _put_made(self) -> None:
        """Puts all lines at once, since the writer has to be woken."""
        made, self._made = self._made, []
        self._put("".join(made))

    def _lines_made(self) -> str:
        """The lines of the next entries, which the metrics have now."""
        taken = self._entries[: FIELDS * AT_ONCE]
        del self._entries[: FIELDS * AT_ONCE]
        kinds, starts, ends, request_ids = (taken[place::FIELDS] for place in range(FIELDS))
        ended = np.array(ends)
        seconds = ended - np.array(starts)
        self.metrics.count(kinds, seconds)
        return "" if self.stream is None else _lines(kinds, ended, seconds, request_ids)

    def _put(self, text: str) -> None:
        if self.stream is None or not text:
            return
        if self._writer is None:
            self.stream.write(text)
            self.stream.flush()
        elif self._texts.qsize() >= MOST_WAITING:
            self._dropped += text.count("\n")
        else:
            if self._dropped:
                text = _event_line("error", "lines dropped", {"lines": self._dropped}) + text
                self._dropped = 0
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


def _event_line(level: str, event: str, details: Mapping[str, Any]) -> str:
    line = {"time": _moment(time.time()), "level": level, "event": event, **details}
    return json.dumps(line, ensure_ascii=True, default=str) + "\n"


def _moment(seconds: float) -> str:
    """UTC, in ISO 8601 with milliseconds."""
    return _millisecond(int(1000 * seconds))


def _millisecond(milliseconds: int) -> str:
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")


class _Milliseconds(dict[int, str]):
    """Microseconds as milliseconds with three digits. The usual ones are kept, since to write a float takes long."""

    def __missing__(self, microseconds: int) -> str:
        text = f"{microseconds / 1000:.3f}"
        if microseconds < KEPT:
            self[microseconds] = text
        return text


_as_milliseconds = _Milliseconds()


def _lines(kinds: Sequence[Kind], ended: Floats, seconds: Floats, request_ids: Sequence[bytes]) -> str:
    """A line of JSON for each."""
    zero = time.time() - time.perf_counter()  # anew each time: clocks are set, and drift
    moments = (1000 * (ended + zero)).astype(np.int64).tolist()
    microseconds = np.rint(1e6 * seconds).astype(np.int64).tolist()
    lines, before, beginning = [], None, ""
    for kind, moment, took, request_id in zip(kinds, moments, microseconds, request_ids, strict=True):
        if moment != before:
            before, beginning = moment, f'{{"time":"{_millisecond(moment)}"'
        lines.append(
            f'{beginning},{kind.counted.line}{kind.line},"ms":{_as_milliseconds[took]}'
            f',"request_id":"{request_id.decode()}"}}\n'
        )
    return "".join(lines)
