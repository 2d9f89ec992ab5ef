"""The parent's side of a server: start it on a core of its own, ask it, count its CPU time, stop it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from benchmarks import load
from benchmarks.processes import BUILD, ONE_THREAD, OURS, ROOT, ContestantFailed

MARK = "BENCHMARKS_SERVER"  # in the environment of all processes of a server, however they were started
START_SECONDS = 120
TICK = os.sysconf("SC_CLK_TCK")
VERSIONS = (
    "import importlib.metadata as m, json, platform, sys;"
    "print(json.dumps({'python': platform.python_version(), **{n: m.version(n) for n in sys.argv[1:]}}))"
)


def cores() -> tuple[set[int], set[int]] | None:
    """The load's core and the servers' one, or None where there is one core only."""
    usable = sorted(os.sched_getaffinity(0))
    return ({usable[0]}, {usable[1]}) if len(usable) > 1 else None


class Server:
    """A server, all its processes, in its own environment."""

    def __init__(
        self,
        environment: str,
        command: Sequence[str],
        name: str,
        requests: Sequence[bytes],
        check: Callable[[int, bytes], None] | None,
        data_format: str,
    ) -> None:
        self.name, self.requests, self.data_format = name, requests, data_format
        self._check = check
        self._mark = uuid.uuid4().hex
        self._python = sys.executable if environment == OURS else str(BUILD / environment / "bin/python")
        self.log = BUILD / "logs" / f"{''.join(c if c.isalnum() else '_' for c in name)}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._folder = tempfile.mkdtemp(prefix="bench-")  # what a server leaves lying about goes with it
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [self._python, *(part.format(port=self.port) for part in command)],
                cwd=ROOT,
                env=os.environ | ONE_THREAD | {MARK: self._mark, "TMPDIR": self._folder},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        """Until it gives a right answer. Raises ContestantFailed."""
        until = time.perf_counter() + START_SECONDS
        said: Exception | None = None
        while time.perf_counter() < until and self._process.poll() is None:
            try:
                self._ask(0)
                return
            except (OSError, ValueError, KeyError) as error:
                said = error
                time.sleep(0.1)
        self.__exit__()
        raise ContestantFailed(f"{self.name}: no right answer ({said!r}). Its log: {self.log}")

    def tell(self, do: str, **arguments: Any) -> dict[str, Any]:
        """`about`: what runs here."""
        assert do == "about"
        found = subprocess.run([self._python, "-c", VERSIONS, *arguments["packages"]], capture_output=True, text=True)
        if found.returncode:
            raise ContestantFailed(f"{self.name}: {found.stderr}")
        return {"data_format": self.data_format, "versions": json.loads(found.stdout)}

    def _ask(self, number: int) -> None:
        body = load.ask(self.port, self.requests[number])
        if self._check is not None:
            self._check(number, body)

    def check_all(self) -> None:
        """Ask everything once; every answer must be right. Raises ContestantFailed."""
        try:
            for number in range(len(self.requests)):
                self._ask(number)
        except (OSError, ValueError, KeyError) as error:
            raise ContestantFailed(f"{self.name}: a wrong answer ({error!r}). Its log: {self.log}") from error

    def processes(self) -> list[int]:
        """All that carry its mark."""
        wanted = f"{MARK}={self._mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def cpu(self) -> float:
        """CPU seconds, user and system, of all its processes so far; those that ended are forgotten."""
        return sum(map(_cpu, self.processes()))

    def pin(self, to: set[int]) -> None:
        """All its threads on these cores."""
        for process in self.processes():
            with contextlib.suppress(OSError):
                for thread in os.listdir(f"/proc/{process}/task"):
                    os.sched_setaffinity(int(thread), to)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        _signal([self._process.pid], signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
        until = time.perf_counter() + 10
        while (left := self.processes()) and time.perf_counter() < until:
            _signal(left, signal.SIGKILL)
            time.sleep(0.05)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _cpu(process: int) -> float:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0.0
    # After the name, which may hold anything: fields 14 and 15 of proc(5), user and system time.
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICK


def _signal(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
