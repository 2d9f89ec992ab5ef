"""What SIGTERM and SIGHUP do."""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from ultralearn.recsys.service.access_log import AccessLog
from ultralearn.recsys.service.answers import (
    Reloaded,
)
from ultralearn.recsys.service.loading import ReleaseError
from ultralearn.recsys.service.serving import Service


@contextlib.contextmanager
def handled_signals(service: Service, access_log: AccessLog, reload: Callable[[], Reloaded]) -> Any:
    """SIGTERM: not ready at once, closed after drain_seconds, as the server would have closed. SIGHUP: reload."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)

    def begin(number: int) -> None:
        access_log.metrics.ready.set(0)
        access_log.event("draining", seconds=service.settings.drain_seconds)
        loop.call_later(service.settings.drain_seconds, _call, stop, number, None)

    def drain(number: int, frame: FrameType | None) -> None:
        if service.draining:  # asked twice: now
            _call(stop, number, frame)
            return
        service.draining = True
        loop.call_soon_threadsafe(begin, number)

    def reload_aside() -> None:
        with contextlib.suppress(ReleaseError):  # it is in the log
            reload()

    def on_hup(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(loop.run_in_executor, None, reload_aside)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, drain), signal.SIGHUP: signal.signal(signal.SIGHUP, on_hup)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _call(handler: Any, number: int, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
