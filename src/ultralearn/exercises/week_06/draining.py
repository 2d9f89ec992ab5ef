"""Week 6: `draining`."""

import asyncio
import inspect
import types
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, MutableMapping
from dataclasses import dataclass
from typing import Any

from ultralearn.exercises.week_06.common import Seen
from ultralearn.practice import Declaration, Probe

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Door:
    """The way into a service. closed: nobody new is let in. inside: so many requests are being answered."""

    closed: bool = False
    inside: int = 0


def draining(app: App, door: Door, always: Collection[str]) -> App:
    """An ASGI app around another one that can be emptied before it stops.

    Whoever stops the process sets door.closed and waits until door.inside,
    the requests that are being answered, is 0. A request that comes while
    the door is closed gets status 503, an empty body and the headers
    retry-after: 1 and connection: close, and app never hears of it; those
    inside are finished. The paths in `always`, the platform's probes, go
    through at any time and are not counted. So does what is not "http",
    the lifespan. Where app raises, or is cancelled because the client has
    gone, you let it, and the request is no longer inside.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in always:
            await app(scope, receive, send)
            return
        if door.closed:
            headers = [(b"retry-after", b"1"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        door.inside += 1
        try:
            await app(scope, receive, send)
        finally:
            door.inside -= 1

    return guarded


async def _refuse(send, status=503, headers=((b"retry-after", b"1"), (b"connection", b"close")), whole=True):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    if whole:
        await send({"type": "http.response.body", "body": b""})


def _passes(scope, always):
    return scope["type"] != "http" or scope["path"] in always


async def _serve(app, door, *message):
    door.inside += 1
    try:
        await app(*message)
    finally:
        door.inside -= 1


@types.coroutine
def _until_told() -> Generator[None, None, None]:
    yield


class _Kitchen:
    """An ASGI app in which nothing takes time: each request is finished when the script says so."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.reached: list[str] = []
        self.waiting: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        label = scope["label"]
        self.reached.append(label)
        self.waiting.add(label)
        await _until_told()
        if scope["breaks"]:
            raise OSError("the model is gone")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": label.encode()})


class _Visit:
    """One call of an ASGI app, taken step by step, without an event loop."""

    def __init__(self, app: App, kitchen: _Kitchen, label: str, path: str | None, breaks: bool) -> None:
        self.kitchen, self.label, self.end = kitchen, label, "waits"
        self.messages: list[Message] = []
        scope: Scope = {"type": "lifespan", "label": label, "breaks": breaks}
        if path is not None:
            scope.update({"type": "http", "path": path, "method": "POST", "headers": []})

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            self.messages.append(message)

        coroutine = app(scope, receive, send)
        if not inspect.iscoroutine(coroutine):
            raise TypeError("what you return is to be an `async def` of scope, receive and send")
        self.coroutine: Coroutine[Any, Any, None] = coroutine
        self.go_on(until_inside=True)

    def go_on(self, until_inside: bool = False, thrown: BaseException | None = None) -> None:
        """Until it is inside, or at its end."""
        for _ in range(100):
            try:
                if thrown is not None:
                    self.coroutine.throw(thrown)
                    thrown = None
                else:
                    self.coroutine.send(None)
            except StopIteration:
                self.end = "returns"
                return
            except (OSError, KeyError, asyncio.CancelledError) as error:
                self.end = f"raises {type(error).__name__}"
                return
            if until_inside and self.label in self.kitchen.waiting:
                return

    def answer(self) -> Seen:
        """What the client sees of it."""
        starts = [message for message in self.messages if message["type"] == "http.response.start"]
        headers = {bytes(key).lower(): bytes(value) for key, value in (starts[0].get("headers", ()) if starts else ())}
        bodies = [message for message in self.messages if message["type"] == "http.response.body"]
        return {
            "statuses": [message["status"] for message in starts],
            "retry-after": headers.get(b"retry-after", b"").decode(),
            "connection": headers.get(b"connection", b"").decode(),
            "body": b"".join(message.get("body", b"") for message in bodies),
            "ended": bool(bodies) and not bodies[-1].get("more_body", False),
            "and the call": self.end,
        }


def _evening(function: Callable[..., Any], app: _Kitchen, door: Door, always: Collection[str]) -> Seen:
    """What guests see, and how many are inside, at each step of an evening."""
    guarded = function(app=app, door=door, always=always)
    if not callable(guarded):
        raise TypeError("it returned nothing that can be called, expected an ASGI app")
    at_first = door.inside
    seen: Seen = {}
    visits: dict[str, _Visit] = {}
    probe = min(always, default="/nobody-asks")

    def note(label: str, visit: _Visit | None = None) -> None:
        seen[f"{label}: inside"] = door.inside - at_first
        if visit is not None:
            seen[f"{label}: answer"] = visit.answer()

    def come(label: str, path: str | None = "/recommend", breaks: bool = False) -> None:
        visits[label] = _Visit(guarded, app, label, path, breaks)
        note(f"{label} comes", visits[label])

    def leave(label: str, hangs_up: bool = False) -> None:
        if visits[label].end == "waits":
            visits[label].go_on(thrown=asyncio.CancelledError() if hangs_up else None)
        note(f"{label} is done", visits[label])

    door.closed = False
    come("the lifespan", None)
    for label in ("the first", "the second"):
        come(label)
    come("one that breaks", breaks=True)
    come("a probe", probe)
    leave("a probe")
    leave("one that breaks")
    door.closed = True
    come("one too late")
    leave("one too late")
    come("a probe while the door is closed", probe)
    leave("a probe while the door is closed")
    come("a path that begins like a probe's", f"{probe}-or-so")
    leave("a path that begins like a probe's")
    leave("the second", hangs_up=True)
    leave("the first")
    come("the lifespan's end", None)
    leave("the lifespan's end")
    door.closed = False
    come("one after it was opened again")
    leave("one after it was opened again")
    leave("the lifespan")
    seen["who reached the app"] = list(app.reached)
    return seen


declaration = Declaration(
    draining,
    question="Who comes to a restaurant's door after the last order: somebody hungry, the fire inspector, the cook who "
    "works there? And who still has to be let out before the lights go off?",
    nudge="An ASGI app is `async def guarded(scope, receive, send)`; an answer is two messages, http.response.start "
    "and http.response.body. Count up, `await app(...)`, and count down on every way out.",
    probes=[
        Probe("one probe's path", lambda: {"app": _Kitchen(1), "door": Door(), "always": ("/healthz",)}),
        Probe(
            "two probes' paths, a door that is closed at first",
            lambda: {"app": _Kitchen(2), "door": Door(closed=True), "always": frozenset({"/readyz", "/health"})},
        ),
        Probe("no probes", lambda: {"app": _Kitchen(3), "door": Door(inside=2), "always": ()}, times=100),
    ],
    observe=_evening,
    mutates=True,
)


@declaration.misconception
def errors_stay_inside(app, door, always):
    """Where app raises, your count never falls again, and whoever waits for an empty house waits forever. What has to
    happen on every way out belongs into `finally`.
    """

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send)
        else:
            door.inside += 1
            await app(scope, receive, send)
            door.inside -= 1

    return guarded


@declaration.misconception
def gone_clients_stay_inside(app, door, always):
    """A client that hangs up cancels its request, and asyncio's cancellation is no `Exception`: your `except Exception`
    does not see it, and the count stays. `finally` sees every way out.
    """

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send)
        else:
            door.inside += 1
            try:
                await app(scope, receive, send)
            except Exception:
                door.inside -= 1
                raise
            door.inside -= 1

    return guarded


@declaration.misconception
def errors_swallowed(app, door, always):
    """Where app raises, you answer in its place, and nobody further out ever learns of it: neither the log nor whoever
    is on call. Let it pass.
    """

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send)
        else:
            try:
                await _serve(app, door, scope, receive, send)
            except Exception:
                await _refuse(send, 500, ())

    return guarded


@declaration.misconception
def everybody_let_in(app, door, always):
    """You count, and let everybody in, the door closed or not. As long as people come, nobody ever leaves an empty
    house.
    """

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def asked_once_at_the_start(app, door, always):
    """You look at the door when the app is made, and it is open. Look at each request."""
    closed = door.closed

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif closed:
            await _refuse(send)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def probes_refused(app, door, always):
    """While you drain, you turn away the platform's probes, too. It takes you for dead and kills what was to be
    finished in peace.
    """

    async def guarded(scope, receive, send):
        if scope["type"] == "http" and door.closed:
            await _refuse(send)
        elif _passes(scope, always):
            await app(scope, receive, send)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def paths_by_their_beginning(app, door, always):
    """You let through whatever begins with a probe's path: /healthz-of-somebody-else, too. Compare whole paths."""

    async def guarded(scope, receive, send):
        if scope["type"] != "http" or any(scope["path"].startswith(path) for path in always):
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def lifespan_taken_for_a_request(app, door, always):
    """Not everything that reaches an ASGI app is a request. The first call has the type "lifespan" and no path: it
    starts and stops the app, and has to get through.
    """

    async def guarded(scope, receive, send):
        if scope["path"] in always:
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def lifespan_counted(app, door, always):
    """The lifespan goes on for as long as the process lives, and you count it as a request: nobody ever leaves an
    empty house.
    """

    async def guarded(scope, receive, send):
        if scope["type"] == "http" and scope["path"] in always:
            await app(scope, receive, send)
        elif scope["type"] == "http" and door.closed:
            await _refuse(send)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def probes_counted(app, door, always):
    """You count the platform's probes as requests: with one every second, somebody is always inside."""

    async def guarded(scope, receive, send):
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif door.closed and scope["path"] not in always:
            await _refuse(send)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def cooked_and_refused(app, door, always):
    """You refuse a request and hand it to app all the same: the work is done, and two answers go out for one question.
    Return after the refusal.
    """

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            return await app(scope, receive, send)
        if door.closed:
            await _refuse(send)
        await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def those_inside_refused(app, door, always):
    """Whoever was inside when the door closed is turned away by you at the end, with their answer ready. The door
    decides when somebody comes in, not when they leave.
    """

    async def guarded(scope, receive, send):
        async def watched(message):
            if door.closed and scope["type"] == "http" and scope["path"] not in always:
                if message["type"] == "http.response.start":
                    await _refuse(send)
                return
            await send(message)

        inner = draining(app, door, always)
        await inner(scope, receive, send if door.closed else watched)

    return guarded


@declaration.misconception
def refused_are_counted(app, door, always):
    """You count those whom you turn away, and never take them off again. They were not inside."""

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif door.closed:
            door.inside += 1
            await _refuse(send)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def refused_with_429(app, door, always):
    """429 says that this client asks too often. It has done nothing wrong: the service is on its way out, which is
    503.
    """

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send, 429)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def no_word_when_to_return(app, door, always):
    """You refuse without retry-after. A client that knows when to come back comes back; one that does not gives up, or
    asks at once and again.
    """

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send, headers=[(b"connection", b"close")])
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def connection_kept(app, door, always):
    """You leave the connection open. The client will send its next request on it, to a process that is gone by then."""

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send, headers=[(b"retry-after", b"1")])
        else:
            await _serve(app, door, scope, receive, send)

    return guarded


@declaration.misconception
def never_finished(app, door, always):
    """You send the status and the headers, and no body. Even an empty answer has to be ended, or the client waits."""

    async def guarded(scope, receive, send):
        if _passes(scope, always):
            await app(scope, receive, send)
        elif door.closed:
            await _refuse(send, whole=False)
        else:
            await _serve(app, door, scope, receive, send)

    return guarded
