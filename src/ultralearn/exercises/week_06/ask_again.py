"""Week 6: `ask_again`."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ultralearn.exercises.week_06.common import Seen
from ultralearn.practice import Declaration, Probe


class Clock(Protocol):
    """Something that knows the time, and can let it pass."""

    def now(self) -> float:
        """Seconds, from whenever."""

    def sleep(self, seconds: float) -> None:
        """Let so many of them pass."""


def ask_again(
    call: Callable[[], int],
    clock: Clock,
    draw: Callable[[float, float], float],
    base: float,
    most: float,
    patience: float,
) -> int:
    """Ask a service, again if need be, and return the last status.

    call(): asks once, takes time, returns a status, 0 where nobody is
    there. 0, 429, 502, 503 and 504 may be otherwise the next time;
    anything else is an answer. Before asking for the second time, sleep
    for draw(0, base) seconds, a random time up to base; then for
    draw(0, 2 * base), and so on, doubled each time, but never up to more
    than `most`. Sleep only if that ends no later than `patience` seconds
    after you began; else give up. base is at most `most`.
    """
    deadline = clock.now() + patience
    ceiling = base
    while True:
        status = call()
        if status not in (0, 429, 502, 503, 504):
            return status
        pause = draw(0, ceiling)
        if clock.now() + pause > deadline:
            return status
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)


AGAIN = (0, 429, 502, 503, 504)


class _World:
    """A service that answers by a script, and a clock that moves when something takes time. Binary fractions only, so
    that "no later than" is no matter of rounding.
    """

    def __init__(self, statuses: list[int], began: float = 100.0, takes: float = 0.125) -> None:
        self.script, self.time, self.takes = statuses, began, takes
        self.calls: list[float] = []
        self.drawn: list[tuple[float, float]] = []
        self.slept: list[float] = []

    def call(self) -> int:
        """Once more, by the script; after its end, and at the latest after 40 calls, all is well."""
        self.calls.append(self.time)
        self.time += self.takes
        number = len(self.calls) - 1
        return self.script[number] if number < len(self.script) else 200

    def now(self) -> float:
        """Seconds."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        if seconds < 0:
            raise ValueError(f"cannot sleep for {seconds} seconds")
        self.slept.append(seconds)
        self.time += seconds

    def draw(self, low: float, high: float) -> float:
        """Between the two, by a pattern."""
        self.drawn.append((float(low), float(high)))
        return low + (high - low) * (0.75, 1.0, 0.5)[len(self.drawn) % 3]


def _asked(function: Callable[..., Any], call: Any, clock: _World, **rest: Any) -> Seen:
    """What was returned, when it asked, and what it drew."""
    returned = function(call=call, clock=clock, **rest)
    return {
        "the status": returned,
        "asked at": np.array(clock.calls) - clock.calls[0] if clock.calls else np.zeros(0),
        "drawn between": [list(pair) for pair in clock.drawn],
        "slept for": np.array(clock.slept),
        "over after": clock.time - (clock.calls[0] if clock.calls else 0.0),
    }


def _patience(statuses: list[int], base: float, most: float, patience: float, **world: float) -> Seen:
    made = _World(statuses, **world)
    return {
        "call": made.call,
        "clock": made,
        "draw": made.draw,
        "base": base,
        "most": most,
        "patience": patience,
    }


declaration = Declaration(
    ask_again,
    question="A service is down for ten seconds and a thousand clients notice in the same instant. When should each of "
    "them ask again, so that it can come up at all? And which answers are not worth asking again for?",
    nudge="A loop: ask; is that an answer? Draw a pause; would it end too late? Sleep; double the "
    "ceiling, up to `most`.",
    probes=[
        Probe("down for two calls", lambda: _patience([503, 0], base=0.5, most=8.0, patience=30.0)),
        Probe("fine at once", lambda: _patience([], base=1.0, most=8.0, patience=30.0)),
        Probe("a question that is wrong", lambda: _patience([422, 422, 422], base=0.5, most=8.0, patience=30.0)),
        Probe("a bug", lambda: _patience([503, 500, 503, 200], base=0.5, most=4.0, patience=30.0)),
        Probe("asked too often", lambda: _patience([429, 429, 502, 504], base=0.25, most=8.0, patience=60.0)),
        Probe("down for long", lambda: _patience([503] * 9, base=1.0, most=4.0, patience=100.0)),
        Probe("down for longer than patience", lambda: _patience([502] * 40, base=1.0, most=4.0, patience=9.0)),
        Probe("slow to say no", lambda: _patience([504] * 40, base=0.5, most=2.0, patience=10.0, takes=2.0)),
        Probe(
            "a pause that ends just in time",
            lambda: _patience([503] * 5, base=1.0, most=8.0, patience=1.125, began=7.0),
        ),
        Probe(
            "a pause as long as it may be, on another clock",
            lambda: _patience([0, 503, 0] * 13, base=2.0, most=2.0, patience=20.0, began=0.0, takes=0.25),
            times=50,
        ),
    ],
    observe=_asked,
    mutates=True,
)


@declaration.misconception
def all_but_200(call, clock, draw, base, most, patience):
    """You ask again whatever went wrong. A 422 says that your question is wrong: asked ten times it is not better, and
    the answer comes ten times as late.
    """
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) != 200:
        pause = draw(0, ceiling)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)
    return status


@declaration.misconception
def mistakes_repeated(call, clock, draw, base, most, patience):
    """You ask again at a 500. That is a bug in the service, and it will be there the next time, too; what passes by
    itself is said with 429, 502, 503 and 504.
    """
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) in (0, 429, 500, 501, 502, 503, 504):
        pause = draw(0, ceiling)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)
    return status


@declaration.misconception
def too_often_is_final(call, clock, draw, base, most, patience):
    """You take 429 for an answer. It says "not now", which is what asking later is for."""
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) in (0, 502, 503, 504):
        pause = draw(0, ceiling)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)
    return status


@declaration.misconception
def nobody_there_is_final(call, clock, draw, base, most, patience):
    """Where nobody is there you give up. While a process is started anew, nobody is there for a second."""
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) in (429, 502, 503, 504):
        pause = draw(0, ceiling)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)
    return status


@declaration.misconception
def never_asked_again(call, clock, draw, base, most, patience):
    """You ask once. The first request after a quiet night meets a service that is being started."""
    return call()


@declaration.misconception
def same_pause_each_time(call, clock, draw, base, most, patience):
    """Your pauses do not grow. A service that is down for a minute is asked by everybody, at the same rate, for a
    minute.
    """
    deadline = clock.now() + patience
    while (status := call()) in AGAIN:
        pause = draw(0, base)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
    return status


@declaration.misconception
def growing_by_steps(call, clock, draw, base, most, patience):
    """Your pauses grow by the same amount each time. Doubled is what is asked for: it gets out of the way sooner."""
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) in AGAIN:
        pause = draw(0, ceiling)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
        ceiling = min(ceiling + base, most)
    return status


@declaration.misconception
def doubled_before_the_first(call, clock, draw, base, most, patience):
    """Your first pause is drawn up to 2 * base. Double afterwards."""
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) in AGAIN:
        ceiling = min(2 * ceiling, most)
        pause = draw(0, ceiling)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
    return status


@declaration.misconception
def doubled_without_end(call, clock, draw, base, most, patience):
    """Nothing bounds your pauses. After ten of them, somebody waits for minutes on a service that has long been back:
    not more than `most`.
    """
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) in AGAIN:
        pause = draw(0, ceiling)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
        ceiling = 2 * ceiling
    return status


@declaration.misconception
def all_at_once(call, clock, draw, base, most, patience):
    """You sleep for the whole of base, then twice that, and so does everybody else whom the same failure hit: they all
    come back in the same instant. Draw the pause.
    """
    deadline, pause = clock.now() + patience, base
    while (status := call()) in AGAIN:
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
        pause = min(2 * pause, most)
    return status


@declaration.misconception
def a_little_noise(call, clock, draw, base, most, patience):
    """You draw from the upper half only. The herd is spread over half the time that it could be spread over."""
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) in AGAIN:
        pause = draw(ceiling / 2, ceiling)
        if clock.now() + pause > deadline:
            break
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)
    return status


@declaration.misconception
def no_pause(call, clock, draw, base, most, patience):
    """You ask again at once, as fast as the network lets you. That is how a service which is barely up goes
    down again.
    """
    deadline = clock.now() + patience
    while (status := call()) in AGAIN:
        if clock.now() > deadline:
            break
        clock.sleep(0.0)
    return status


@declaration.misconception
def forever(call, clock, draw, base, most, patience):
    """You never give up. Whoever called you has a deadline of their own, and has hung up long ago."""
    ceiling = base
    while (status := call()) in AGAIN:
        pause = draw(0, ceiling)
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)
    return status


@declaration.misconception
def looked_at_the_clock_too_late(call, clock, draw, base, most, patience):
    """You sleep first and then find that it is too late. If the pause ends after the deadline, it is not worth
    sleeping: give up at once.
    """
    deadline, ceiling = clock.now() + patience, base
    while (status := call()) in AGAIN:
        pause = draw(0, ceiling)
        if clock.now() > deadline:
            break
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)
    return status


@declaration.misconception
def patience_anew(call, clock, draw, base, most, patience):
    """Your patience begins anew with each try. It is for all of them together."""
    ceiling = base
    while True:
        deadline = clock.now() + patience
        status = call()
        pause = draw(0, ceiling) if status in AGAIN else None
        if pause is None or clock.now() + pause > deadline:
            return status
        clock.sleep(pause)
        ceiling = min(2 * ceiling, most)


@declaration.misconception
def calls_cost_nothing(call, clock, draw, base, most, patience):
    """You add up your pauses, and leave out the time that the calls themselves took. To whoever waits, it is all one:
    look at the clock.
    """
    slept, ceiling = 0.0, base
    while (status := call()) in AGAIN:
        pause = draw(0, ceiling)
        if slept + pause > patience:
            break
        clock.sleep(pause)
        slept += pause
        ceiling = min(2 * ceiling, most)
    return status
