"""One line of JSON a request, and its metrics, written by a thread that no request waits for."""

import itertools
import json
import logging
import os
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any, TextIO

from ultralearn.recsys.service.metrics import Entry, Metrics

FLUSH_SECONDS = 0.1
AT_ONCE = 100  # entries written before others get their turn
WAITING = 10_000  # entries kept while nobody writes them
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_origin = os.urandom(6).hex().encode()
_numbers = itertools.count(1)
if hasattr(os, "register_at_fork"):

    def _new_origin() -> None:
        global _origin
        _origin = os.urandom(6).hex().encode()

    os.register_at_fork(after_in_child=_new_origin)


def request_id_of(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The request's own X-Request-Id where it has one that is fit to be repeated, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            if REQUEST_ID.fullmatch(value):
                return value
            break
    return b"%s-%x" % (_origin, next(_numbers))


class Journal:
    """Takes entries from the event loop, and hands them to the log and the metrics in its own time.

    What a process that is killed had not written yet, at most a tenth of a second of it, is lost.
    """

    def __init__(self, metrics: Metrics, stream: TextIO | None) -> None:
        """stream: where the lines go; None: nowhere."""
        self.metrics = metrics
        self._stream = stream
        self._entries: deque[Entry] = deque()
        self._flushing, self._putting = threading.Lock(), threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread that writes."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Writes what is left, and ends the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.flush()

    def record(self, entry: Entry) -> None:
        """Takes one request."""
        self._entries.append(entry)
        if len(self._entries) > WAITING:
            self.flush()

    def event(self, event: str, **details: Any) -> None:
        """Writes one line that is not of a request: a swap, a refusal, the end."""
        level = details.pop("level", "info")
        line = {"time": _moment(time.time()), "level": level, "event": event, **details}
        self._put(json.dumps(line, ensure_ascii=True, default=str) + "\n")

    def flush(self) -> None:
        """Hands over everything taken so far."""
        with self._flushing:
            while self._entries:
                self._hand_over(min(AT_ONCE, len(self._entries)))
                time.sleep(0)  # a hundred lines are a fraction of a millisecond; then requests have their turn

    def _write(self) -> None:
        while not self._stopped.wait(FLUSH_SECONDS):
            if self._entries:
                self.flush()

    def _hand_over(self, count: int) -> None:
        lines = []
        for _ in range(count):
            entry = self._entries.popleft()
            self.metrics.count(entry)
            if self._stream is not None:
                lines.append(_line(entry))
        if lines:
            self._put("".join(lines))

    def _put(self, text: str) -> None:
        if self._stream is not None:
            with self._putting:
                self._stream.write(text)
                self._stream.flush()


class JSONLines(logging.Formatter):
    """The server's own log in the same form."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line = {"time": _moment(record.created), "level": record.levelname.lower(), "event": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(entry: Entry) -> str:
    """The entry as JSON; none of its text needs escaping: ids and methods are checked, the rest is ours."""
    line = (
        f'{{"time":"{_moment(entry.ended)}","level":"{"error" if entry.status == 500 else "info"}","event":"request",'
        f'"request_id":"{entry.request_id.decode()}","method":"{entry.method}","route":"{entry.route}",'
        f'"status":{entry.status},"ms":{1000 * entry.seconds:.3f}'
    )
    if entry.user is not None:
        line += f',"user":{entry.user}'
    if entry.source is not None:
        line += f',"source":"{entry.source}","model_version":"{entry.version}"'
    return line + "}\n"
