"""Run a learner's function, which can do anything, and keep the notebook whole."""

from __future__ import annotations

import contextlib
import io
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

import numpy as np
import torch

from ultralearn.practice.declaration import Function

WALL = 60.0  # seconds by the clock until what does not compute counts as asleep
AT_WORK = 0.02  # of the time by the clock: less computing than that is sleep, however busy the machine is


class StoppedByTimer(BaseException):
    """A function ran longer than it may. Not an Exception, so that `except Exception` in its body cannot catch it."""


@dataclass(frozen=True)
class Outcome:
    """What came of calling a function once."""

    value: Any = None
    error: BaseException | None = None
    seconds: float = 0.0  # of CPU time
    printed: str = ""


def attempt(action: Callable[[], Any], cpu: float | None, wall: float = WALL) -> Outcome:
    """Run `action` for `cpu` seconds of computing at most; whatever it raises, prints or draws at random stays inside.

    CPU time is the process's, all threads together: how busy the machine is does not matter to it. After `wall`
    seconds by the clock, what hardly computes is ended, for it sleeps or waits. Only the user's own interrupt gets
    through. The limits need a platform with interval timers and the main thread; a loop inside C code ends late.
    """
    printed = io.StringIO()
    value, error = None, None
    with _own_randomness(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        began = time.process_time()
        try:
            with _limits(cpu, wall):
                value = action()
        except KeyboardInterrupt:
            raise
        except BaseException as raised:  # SystemExit and the timer among them
            error = raised
        seconds = time.process_time() - began
    return Outcome(value, error, seconds, printed.getvalue())


@contextlib.contextmanager
def bound_to_its_name(function: Function) -> Iterator[None]:
    """Bind a function's name to it where its body looks it up: recursion meets itself, not the fallback."""
    name = function.__name__
    scope = getattr(function, "__globals__", {})
    absent = object()
    before = scope.get(name, absent)
    scope[name] = function
    try:
        yield
    finally:
        if before is absent:
            scope.pop(name, None)
        else:
            scope[name] = before


@contextlib.contextmanager
def _limits(cpu: float | None, wall: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    began, computed = time.monotonic(), time.process_time()

    def used_up(signum: int, frame: FrameType | None) -> None:
        raise StoppedByTimer(f"stopped after {cpu:.2g} s of computing")

    def asleep(signum: int, frame: FrameType | None) -> None:
        if time.process_time() - computed < AT_WORK * (time.monotonic() - began):
            raise StoppedByTimer(f"stopped after waiting for {wall:g} s")

    with contextlib.ExitStack() as stack:
        if cpu is not None:
            stack.enter_context(_timer(signal.ITIMER_PROF, signal.SIGPROF, cpu, used_up))
        stack.enter_context(_timer(signal.ITIMER_REAL, signal.SIGALRM, wall, asleep))
        yield


@contextlib.contextmanager
def _timer(which: int, number: int, limit: float, action: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call `action`, which raises, when `limit` is over, and each half second from then on.

    A bare `except` can swallow what it raises; from the second time on, each further line of the code that did so
    raises it again, the lines of its `except` and `finally` among them.
    """
    fired = False

    def fire(signum: int, frame: FrameType | None) -> None:
        nonlocal fired
        try:
            action(signum, frame)
        except StoppedByTimer:
            if fired:
                _at_every_line(frame, partial(action, signum))
            fired = True
            raise

    handler, tracer = signal.signal(number, fire), sys.gettrace()
    earlier = signal.setitimer(which, limit, 0.5)
    try:
        yield
    finally:
        signal.setitimer(which, 0)
        sys.settrace(tracer)
        signal.signal(number, handler)
        signal.setitimer(which, *earlier)


def _at_every_line(frame: FrameType | None, action: Callable[[FrameType | None], None]) -> None:
    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and frame.f_code.co_filename != __file__:  # at "exception" it would end the tracing
            action(frame)
        return trace

    sys.settrace(trace)
    while frame is not None and frame.f_code.co_filename != __file__:
        frame.f_trace = trace
        frame = frame.f_back


@contextlib.contextmanager
def _own_randomness() -> Iterator[None]:
    """Seed the global generators, then restore the notebook's own states: a check must not move its random numbers."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def explain_error(error: BaseException, function: Function) -> str:
    """What went wrong and in which line of the learner's own code."""
    where = _line_of(error, function)
    if isinstance(error, StoppedByTimer):
        return f"did not come back: {error}{where}. Does a loop end?"
    if isinstance(error, SystemExit):
        return f"called sys.exit{where}. Return the result instead."
    if isinstance(error, RecursionError):
        return (
            f"calls itself without end{where}. While it is checked, `{function.__name__}` is your own function, "
            "not the one that stands in for it."
        )
    if isinstance(error, NameError) and error.name:
        return f"uses `{error.name}`, which is not defined yet{where}. Run the cell that defines it, or mend the name."
    text = str(error).strip().splitlines()
    return f"raised {type(error).__name__}{': ' + text[0] if text else ''}{where}."


def _line_of(error: BaseException, function: Function) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == function.__code__.co_filename]
    if not own:
        return ""
    return f" in your line {own[-1].lineno}" + (f", `{own[-1].line}`" if own[-1].line else "")
