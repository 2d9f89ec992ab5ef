"""Week 6: what shipping takes: a name for a release, an exit, a bill, patience, and two ways to judge an answer."""

# A misconception is written as a learner writes it, without types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"

import asyncio
import hashlib
import inspect
import json
import math
import types
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from unittest import mock

import numpy as np

from ultralearn.practice import Probe, Tolerance, Week

week = Week(6)
exercise, hint = week.exercise, week.hint

Seen = dict[str, Any]


# --- release_name ----------------------------------------------------------------------------------------------------


def release_name(files: dict[str, bytes]) -> str:
    """A name for a release that is made from its content: 12 characters of
    0-9 and a-f.

    files: by name, what is in them. The same files always have the same
    name, in whatever order they come, in every process and on every
    machine. Another name it is where anything differs: a byte, a file's
    name, a file too many, even an empty one, or where a byte has moved
    from the end of one file to the beginning of the next.
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            whole.update(len(part).to_bytes(8, "big"))
            whole.update(part)
    return whole.hexdigest()[:12]


def order_counts(files):
    """The same files in another order get another name from you. A folder has no order: each file system lists it in
    its own. Put the names in order first.
    """
    whole = hashlib.sha256()
    for name, content in files.items():
        whole.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(content).digest())
    return whole.hexdigest()[:12]


def contents_only(files):
    """Files may exchange their names and your release keeps its own: you hash what is in the files, in the order of
    their names, and not the names themselves.
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(hashlib.sha256(files[name]).digest())
    return whole.hexdigest()[:12]


def names_only(files):
    """Your name depends on how the files are called, not on what is in them: every release has the same one."""
    return hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:12]


def no_borders(files):
    """You put everything end to end and hash that. Where one file ends and the next begins is lost: move a byte across
    the border and the name stays. Write down how long each part is, or hash it first.
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(name.encode() + files[name])
    return whole.hexdigest()[:12]


def contents_end_to_end(files):
    """You hash the contents end to end, as `cat * | sha256sum` does. Neither the names of the files nor the borders
    between them are in there.
    """
    return hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()[:12]


def sizes_only(files):
    """You look at the names and sizes, as a hurried backup does. A model that was trained anew has the same size to the
    byte, and nothing else in common with the old one.
    """
    told = json.dumps([(name, len(files[name])) for name in sorted(files)])
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def empty_files_left_out(files):
    """An empty file does not count for you. Whoever looks whether it is there will see a difference, so it is one."""
    return release_name({name: content for name, content in files.items() if content})


def sums_of_hashes(files):
    """You combine the files' hashes with xor, or a sum, so that the order does not matter. Two equal things cancel out
    or change places unseen: names and contents have to stay together.
    """
    total = 0
    for name, content in files.items():
        for part in (name.encode(), content):
            total ^= int(hashlib.sha256(part).hexdigest(), 16)
    return f"{total:064x}"[:12]


def pythons_own_hash(files):
    """`hash` of a text or of bytes starts from another secret in each Python process, so that nobody can attack a
    dict: your release has another name tomorrow. Take a hash that is a standard: SHA-256.
    """
    return f"{hash(tuple(sorted(files.items()))) & 0xFFFFFFFFFFFF:012x}"


def whole_digest(files):
    """You return all 64 digits. Twelve are asked for: enough that no two of your releases meet, short enough to read
    out on the phone.
    """
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(files[name]).digest())
    return whole.hexdigest()


def _variants(files: dict[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Releases to be named, by what they are called in the learner's message."""
    first, second, *rest = sorted(files)
    kept = {name: files[name] for name in rest}
    changed = bytes([files[first][0] ^ 1]) + files[first][1:]
    moved = {first: files[first][:-1], second: files[first][-1:] + files[second]}
    joined = f"{second}{files[second][:1].decode('latin-1')}"
    return {
        "in another order": dict(reversed(list(files.items()))),
        "a byte changed": files | {first: changed},
        "two files exchanged": files | {first: files[second], second: files[first]},
        "a file called otherwise": kept | {first: files[first], f"{second}.old": files[second]},
        "a byte moved to the next file": kept | moved,
        "a byte moved into a name": kept | {first: files[first], joined: files[second][1:]},
        "an empty file more": files | {"~empty": b""},
        "another empty file more": files | {"~other": b""},
        "a file fewer": {name: files[name] for name in sorted(files)[1:]},
        "what is in a file twice": files | {"~copy": files[first]},
    }


def _names(function: Callable[..., Any], files: dict[str, bytes]) -> Seen:
    """Of what form the name is, and which other releases have the same one."""
    own = function(files=dict(files))
    if not isinstance(own, str):
        return {"the name": type(own).__name__}
    form = f"{len(own)} characters" if set(own) <= set("0123456789abcdef") else "not of 0-9 and a-f"
    with mock.patch("builtins.hash", lambda value, own=hash: -own((value, 1))):
        tomorrow = function(files=dict(files))
    seen: Seen = {"the name": form, "in a process with another secret": "the same" if tomorrow == own else "another"}
    names = {label: function(files=variant) for label, variant in _variants(files).items()}
    seen |= {f"{label}: the name": "the same" if name == own else "another" for label, name in names.items()}
    seen["different names in all"] = len({own, *names.values()})
    return seen


def _files(size: int, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    return {"files": {name: rng.bytes(size) for name in ("model.json", "catalog.json", "golden.json", "a")}}


week.declare(
    release_name,
    question="Two folders lie before you, and you may compare nothing but two short words. What has to go into such a "
    "word, so that equal words mean equal folders?",
    nudge="`hashlib.sha256` takes bytes, piece by piece with `update`. Names in order; before each name and each "
    "content say how long it is, always in as many bytes, so that no border gets lost.",
    probes=[
        Probe("four files of three bytes", lambda: _files(3, seed=1)),
        Probe("four files of 500 bytes", lambda: _files(500, seed=2)),
        Probe("four files of a megabyte", lambda: _files(1_000_000, seed=3), seconds=2.0),
    ],
    observe=_names,
    misconceptions=[
        order_counts,
        contents_only,
        names_only,
        no_borders,
        contents_end_to_end,
        sizes_only,
        empty_files_left_out,
        sums_of_hashes,
        pythons_own_hash,
        whole_digest,
    ],
)


# --- draining --------------------------------------------------------------------------------------------------------

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


def _guard(
    app,
    door,
    always,
    *,
    passes=lambda scope, always: scope["type"] != "http" or scope["path"] in always,
    closed=lambda door: door.closed,
    refuse=_refuse,
    reach_anyway=False,
    count_refused=False,
    errors="finally",
):
    """As the reference's, but for what is given."""

    async def guarded(scope, receive, send):
        if passes(scope, always):
            await app(scope, receive, send)
            return
        if closed(door):
            door.inside += count_refused
            await refuse(send)
            if not reach_anyway:
                return
        door.inside += 1
        try:
            await app(scope, receive, send)
        except BaseException as error:
            if errors == "finally" or (errors == "exceptions" and isinstance(error, Exception)):
                door.inside -= 1
            if errors == "swallowed" and isinstance(error, Exception):
                door.inside -= 1
                await _refuse(send, 500, ())
                return
            if errors == "swallowed":
                door.inside -= 1
            raise
        door.inside -= 1

    return guarded


def errors_stay_inside(app, door, always):
    """Where app raises, your count never falls again, and whoever waits for an empty house waits forever. What has to
    happen on every way out belongs into `finally`.
    """
    return _guard(app, door, always, errors="kept")


def gone_clients_stay_inside(app, door, always):
    """A client that hangs up cancels its request, and asyncio's cancellation is no `Exception`: your `except Exception`
    does not see it, and the count stays. `finally` sees every way out.
    """
    return _guard(app, door, always, errors="exceptions")


def errors_swallowed(app, door, always):
    """Where app raises, you answer in its place, and nobody further out ever learns of it: neither the log nor whoever
    is on call. Let it pass.
    """
    return _guard(app, door, always, errors="swallowed")


def everybody_let_in(app, door, always):
    """You count, and let everybody in, the door closed or not. As long as people come, nobody ever leaves an empty
    house.
    """
    return _guard(app, door, always, closed=lambda door: False)


def asked_once_at_the_start(app, door, always):
    """You look at the door when the app is made, and it is open. Look at each request."""
    at_first = door.closed
    return _guard(app, door, always, closed=lambda door: at_first)


def probes_refused(app, door, always):
    """While you drain, you turn away the platform's probes, too. It takes you for dead and kills what was to be
    finished in peace.
    """

    async def guarded(scope, receive, send):
        probe = scope["type"] == "http" and scope["path"] in always
        inner = _guard(app, door, () if probe and door.closed else always)
        await inner(scope, receive, send)

    return guarded


def paths_by_their_beginning(app, door, always):
    """You let through whatever begins with a probe's path: /healthz-of-somebody-else, too. Compare whole paths."""
    return _guard(
        app,
        door,
        always,
        passes=lambda scope, always: scope["type"] != "http" or scope["path"].startswith(tuple(always) or ("\0",)),
    )


def lifespan_taken_for_a_request(app, door, always):
    """Not everything that reaches an ASGI app is a request. The first call has the type "lifespan" and no path: it
    starts and stops the app, and has to get through.
    """
    return _guard(app, door, always, passes=lambda scope, always: scope["path"] in always)


def lifespan_counted(app, door, always):
    """The lifespan goes on for as long as the process lives, and you count it as a request: nobody ever leaves an
    empty house.
    """

    async def guarded(scope, receive, send):
        if scope["type"] != "http" and not door.closed:
            door.inside += 1
            await app(scope, receive, send)
            return
        await _guard(app, door, always)(scope, receive, send)

    return guarded


def probes_counted(app, door, always):
    """You count the platform's probes as requests: with one every second, somebody is always inside."""

    async def guarded(scope, receive, send):
        inside = scope["type"] == "http" and scope["path"] in always
        door.inside += inside
        try:
            await _guard(app, door, always)(scope, receive, send)
        finally:
            door.inside -= inside

    return guarded


def cooked_and_refused(app, door, always):
    """You refuse a request and hand it to app all the same: the work is done, and two answers go out for one question.
    Return after the refusal.
    """
    return _guard(app, door, always, reach_anyway=True)


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


def refused_are_counted(app, door, always):
    """You count those whom you turn away, and never take them off again. They were not inside."""
    return _guard(app, door, always, count_refused=True)


def refused_with_429(app, door, always):
    """429 says that this client asks too often. It has done nothing wrong: the service is on its way out, which is
    503.
    """
    return _guard(app, door, always, refuse=lambda send: _refuse(send, 429))


def no_word_when_to_return(app, door, always):
    """You refuse without retry-after. A client that knows when to come back comes back; one that does not gives up, or
    asks at once and again.
    """
    return _guard(app, door, always, refuse=lambda send: _refuse(send, headers=[(b"connection", b"close")]))


def connection_kept(app, door, always):
    """You leave the connection open. The client will send its next request on it, to a process that is gone by then."""
    return _guard(app, door, always, refuse=lambda send: _refuse(send, headers=[(b"retry-after", b"1")]))


def never_finished(app, door, always):
    """You send the status and the headers, and no body. Even an empty answer has to be ended, or the client waits."""
    return _guard(app, door, always, refuse=lambda send: _refuse(send, whole=False))


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


week.declare(
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
        Probe("no probes", lambda: {"app": _Kitchen(3), "door": Door(inside=2), "always": ()}, seconds=1.0),
    ],
    observe=_evening,
    mutates=True,
    misconceptions=[
        errors_stay_inside,
        gone_clients_stay_inside,
        errors_swallowed,
        everybody_let_in,
        asked_once_at_the_start,
        probes_refused,
        paths_by_their_beginning,
        lifespan_taken_for_a_request,
        lifespan_counted,
        probes_counted,
        cooked_and_refused,
        those_inside_refused,
        refused_are_counted,
        refused_with_429,
        no_word_when_to_return,
        connection_kept,
        never_finished,
    ],
)


# --- monthly_bill ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tariff:
    """What a platform charges, in dollars, and what is free each month.

    step_ms: billed time is rounded up to a multiple of it. most_seconds: requests that overlap share an instance, which
    never runs longer than this in a month; inf where each is billed by itself. A GiB is a GB to whoever sends the bill.
    """

    step_ms: int
    most_seconds: float
    free_requests: int
    free_vcpu_seconds: float
    free_gib_seconds: float
    per_million_requests: float
    per_vcpu_second: float
    per_gib_second: float


def monthly_bill(requests: int, milliseconds: float, vcpus: float, gib: float, tariff: Tariff) -> float:
    """Dollars for a month of so many requests, at most.

    milliseconds: that a request takes; each is rounded up to a multiple of
    tariff.step_ms. Their sum is what the instance is billed for, but never
    more than tariff.most_seconds. vcpus, gib: of the instance, in use for
    all of that time. Of requests, vCPU-seconds and GiB-seconds the free
    ones are taken off, each from its own kind; what is left costs
    per_million_requests, per_vcpu_second and per_gib_second.
    """
    step = tariff.step_ms
    billed = math.ceil(milliseconds / step) * step / 1000
    seconds = min(requests * billed, tariff.most_seconds)
    used = (requests, seconds * vcpus, seconds * gib)
    free = (tariff.free_requests, tariff.free_vcpu_seconds, tariff.free_gib_seconds)
    per_request = tariff.per_million_requests / 1_000_000
    prices = (per_request, tariff.per_vcpu_second, tariff.per_gib_second)
    return sum(max(0.0, used[kind] - free[kind]) * prices[kind] for kind in range(3))


def _bill(requests, milliseconds, vcpus, gib, tariff, *, billed=None, capped=True, least=0.0, kinds=(1, 1, 1)):
    """As the reference's, but for what is given."""
    seconds = requests * (math.ceil(milliseconds / tariff.step_ms) * tariff.step_ms / 1000)
    seconds = seconds if billed is None else billed
    seconds = min(seconds, tariff.most_seconds) if capped else seconds
    calls = max(least, requests - tariff.free_requests) * tariff.per_million_requests / 1e6
    cpu = max(least, seconds * vcpus - tariff.free_vcpu_seconds) * tariff.per_vcpu_second
    memory = max(least, seconds * gib - tariff.free_gib_seconds) * tariff.per_gib_second
    return kinds[0] * calls + kinds[1] * cpu + kinds[2] * memory


def not_rounded_up(requests, milliseconds, vcpus, gib, tariff):
    """You bill the milliseconds that a request takes. The platform rounds each of them up to its step, and with steps
    of 100 ms a request of 3 ms costs as much as one of 99.
    """
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=requests * milliseconds / 1000)


def sum_rounded_up(requests, milliseconds, vcpus, gib, tariff):
    """You add up first and round once, at the end. Each request is rounded by itself: that is where the money is."""
    whole = math.ceil(requests * milliseconds / tariff.step_ms) * tariff.step_ms / 1000
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=whole)


def rounded_to_the_nearest(requests, milliseconds, vcpus, gib, tariff):
    """You round to the nearest step; a short request costs nothing with you. They round up."""
    nearest = round(milliseconds / tariff.step_ms) * tariff.step_ms / 1000
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=requests * nearest)


def a_step_too_many(requests, milliseconds, vcpus, gib, tariff):
    """Somebody who takes exactly 100 ms is billed 200 by you. Rounding up leaves a whole number of steps as it is."""
    more = (math.floor(milliseconds / tariff.step_ms) + 1) * tariff.step_ms / 1000
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=requests * more)


def always_steps_of_100(requests, milliseconds, vcpus, gib, tariff):
    """You round up to 100 ms, whatever the tariff says. There are platforms that count single milliseconds."""
    return monthly_bill(requests, milliseconds, vcpus, gib, replace(tariff, step_ms=100))


def milliseconds_for_seconds(requests, milliseconds, vcpus, gib, tariff):
    """A thousand times too much: prices are for seconds, and you multiply them by milliseconds."""
    billed = requests * math.ceil(milliseconds / tariff.step_ms) * tariff.step_ms
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=billed)


def longer_than_a_month(requests, milliseconds, vcpus, gib, tariff):
    """With enough requests your one instance works for more seconds than the month has. They overlap, and what they
    share is billed once: tariff.most_seconds is the most it can be.
    """
    return _bill(requests, milliseconds, vcpus, gib, tariff, capped=False)


def nothing_is_free(requests, milliseconds, vcpus, gib, tariff):
    """You bill from the first request on. A part of each kind is free every month; take it off first."""
    none = replace(tariff, free_requests=0, free_vcpu_seconds=0.0, free_gib_seconds=0.0)
    return monthly_bill(requests, milliseconds, vcpus, gib, none)


def money_back(requests, milliseconds, vcpus, gib, tariff):
    """In a quiet month your bill is negative. What is free and not used is gone; nobody pays you for it."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, least=-math.inf)


def one_pot(requests, milliseconds, vcpus, gib, tariff):
    """You let what is left free of one kind pay for another, and take max(0, ...) of the sum. Each kind has a free part
    of its own.
    """
    return max(0.0, _bill(requests, milliseconds, vcpus, gib, tariff, least=-math.inf))


def free_while_requests_are(requests, milliseconds, vcpus, gib, tariff):
    """As long as the number of requests is within the free one, you bill nothing. Three things are counted, and the
    seconds usually run out first.
    """
    return _bill(requests, milliseconds, vcpus, gib, tariff) if requests > tariff.free_requests else 0.0


def memory_forgotten(requests, milliseconds, vcpus, gib, tariff):
    """You bill requests and processors. Memory costs, too, for as long as the instance works."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, kinds=(1, 1, 0))


def processors_forgotten(requests, milliseconds, vcpus, gib, tariff):
    """You bill requests and memory. On most platforms the processor is the larger part."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, kinds=(1, 0, 1))


def requests_forgotten(requests, milliseconds, vcpus, gib, tariff):
    """You bill time and memory, and not the requests themselves, which have a price, too."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, kinds=(0, 1, 1))


def a_million_each(requests, milliseconds, vcpus, gib, tariff):
    """The price is for a million requests, and you take it for each of them."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, kinds=(1_000_000, 1, 1))


def one_of_each(requests, milliseconds, vcpus, gib, tariff):
    """You bill one vCPU and one GiB, whatever the instance has. Half a GiB costs half."""
    return monthly_bill(requests, milliseconds, 1.0, 1.0, tariff)


SHARED = Tariff(100, 2_600_000.0, 2_000_000, 200_000.0, 300_000.0, 0.5, 0.00002, 0.000004)
SINGLE = Tariff(1, math.inf, 1_000_000, 0.0, 400_000.0, 0.25, 0.0, 0.00002)
NOT_FREE = Tariff(100, 1_000.0, 0, 0.0, 0.0, 2.0, 0.01, 0.03)
SMALL = Tariff(50, 10_000.0, 1_000, 100.0, 5_000.0, 3.0, 0.001, 0.0005)


def _month(requests: int, milliseconds: float, vcpus: float, gib: float, tariff: Tariff) -> Seen:
    return {"requests": requests, "milliseconds": milliseconds, "vcpus": vcpus, "gib": gib, "tariff": tariff}


week.declare(
    monthly_bill,
    question="A taxi that charges for each started kilometer, for the driver's time and for getting in, with the first "
    "ten of each free. What do you need to know of a ride, and in which order do you calculate?",
    nudge="`math.ceil(milliseconds / step)` steps; times requests; not more than a month has. Then three kinds, each "
    "with `max(0, used - free)` times its own price.",
    probes=[
        Probe("a busy month", lambda: _month(5_000_000, 130.0, 1.0, 0.5, SHARED)),
        Probe("a quiet month", lambda: _month(90_000, 3.0, 1.0, 0.5, SHARED)),
        Probe("few requests that take long", lambda: _month(900_000, 650.0, 2.0, 0.25, SHARED)),
        Probe("exactly two steps", lambda: _month(4_000_000, 200.0, 1.0, 2.0, SHARED)),
        Probe("more than one instance can do", lambda: _month(400_000_000, 20.0, 1.0, 0.5, SHARED)),
        Probe("billed by the millisecond", lambda: _month(60_000_000, 7.25, 0.5, 1.0, SINGLE)),
        Probe("a small tariff", lambda: _month(30_000, 110.0, 4.0, 3.0, SMALL)),
        Probe("a few requests, nothing free", lambda: _month(101, 7.5, 1.0, 2.0, NOT_FREE)),
        Probe("just out of the free part", lambda: _month(1_001, 40.0, 2.0, 80.0, SMALL)),
        Probe("a hundred requests a second", lambda: _month(260_000_000, 4.5, 1.0, 1.0, SINGLE), seconds=0.1),
    ],
    tolerance=Tolerance(rtol=1e-8),
    misconceptions=[
        not_rounded_up,
        sum_rounded_up,
        rounded_to_the_nearest,
        a_step_too_many,
        always_steps_of_100,
        milliseconds_for_seconds,
        longer_than_a_month,
        nothing_is_free,
        money_back,
        one_pot,
        free_while_requests_are,
        memory_forgotten,
        processors_forgotten,
        requests_forgotten,
        a_million_each,
        one_of_each,
    ],
)


# --- ask_again -------------------------------------------------------------------------------------------------------


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


def _insist(
    call,
    clock,
    draw,
    base,
    most,
    patience,
    *,
    again=lambda status: status in (0, 429, 502, 503, 504),
    pause=lambda draw, ceiling: draw(0, ceiling),
    next_ceiling=lambda ceiling, base, most: min(2 * ceiling, most),
    first=lambda base: base,
    gives_up=True,
    look_ahead=True,
    anew=False,
):
    """As the reference's, but for what is given."""
    deadline = clock.now() + patience
    ceiling = first(base)
    while True:
        deadline = clock.now() + patience if anew else deadline
        status = call()
        if not again(status):
            return status
        seconds = pause(draw, ceiling)
        if gives_up and clock.now() + (seconds if look_ahead else 0) > deadline:
            return status
        clock.sleep(seconds)
        ceiling = next_ceiling(ceiling, base, most)


def all_but_200(call, clock, draw, base, most, patience):
    """You ask again whatever went wrong. A 422 says that your question is wrong: asked ten times it is not better, and
    the answer comes ten times as late.
    """
    return _insist(call, clock, draw, base, most, patience, again=lambda status: status != 200)


def mistakes_repeated(call, clock, draw, base, most, patience):
    """You ask again at a 500. That is a bug in the service, and it will be there the next time, too; what passes by
    itself is said with 429, 502, 503 and 504.
    """
    return _insist(
        call,
        clock,
        draw,
        base,
        most,
        patience,
        again=lambda status: status in (0, 429) or 500 <= status <= 504,
    )


def too_often_is_final(call, clock, draw, base, most, patience):
    """You take 429 for an answer. It says "not now", which is what asking later is for."""
    return _insist(call, clock, draw, base, most, patience, again=lambda status: status in (0, 502, 503, 504))


def nobody_there_is_final(call, clock, draw, base, most, patience):
    """Where nobody is there you give up. While a process is started anew, nobody is there for a second."""
    return _insist(call, clock, draw, base, most, patience, again=lambda status: status in (429, 502, 503, 504))


def never_asked_again(call, clock, draw, base, most, patience):
    """You ask once. The first request after a quiet night meets a service that is being started."""
    return call()


def same_pause_each_time(call, clock, draw, base, most, patience):
    """Your pauses do not grow. A service that is down for a minute is asked by everybody, at the same rate, for a
    minute.
    """
    return _insist(call, clock, draw, base, most, patience, next_ceiling=lambda ceiling, base, most: ceiling)


def growing_by_steps(call, clock, draw, base, most, patience):
    """Your pauses grow by the same amount each time. Doubled is what is asked for: it gets out of the way sooner."""
    return _insist(
        call, clock, draw, base, most, patience, next_ceiling=lambda ceiling, base, most: min(ceiling + base, most)
    )


def doubled_before_the_first(call, clock, draw, base, most, patience):
    """Your first pause is drawn up to 2 * base. Double afterwards."""
    return _insist(call, clock, draw, base, most, patience, first=lambda base: min(2 * base, most))


def doubled_without_end(call, clock, draw, base, most, patience):
    """Nothing bounds your pauses. After ten of them, somebody waits for minutes on a service that has long been back:
    not more than `most`.
    """
    return _insist(call, clock, draw, base, most, patience, next_ceiling=lambda ceiling, base, most: 2 * ceiling)


def all_at_once(call, clock, draw, base, most, patience):
    """You sleep for the whole of base, then twice that, and so does everybody else whom the same failure hit: they all
    come back in the same instant. Draw the pause.
    """
    return _insist(call, clock, draw, base, most, patience, pause=lambda draw, ceiling: ceiling)


def a_little_noise(call, clock, draw, base, most, patience):
    """You draw from the upper half only. The herd is spread over half the time that it could be spread over."""
    return _insist(call, clock, draw, base, most, patience, pause=lambda draw, ceiling: draw(ceiling / 2, ceiling))


def no_pause(call, clock, draw, base, most, patience):
    """You ask again at once, as fast as the network lets you. That is how a service which is barely up goes
    down again.
    """
    return _insist(call, clock, draw, base, most, patience, pause=lambda draw, ceiling: 0.0)


def forever(call, clock, draw, base, most, patience):
    """You never give up. Whoever called you has a deadline of their own, and has hung up long ago."""
    return _insist(call, clock, draw, base, most, patience, gives_up=False)


def looked_at_the_clock_too_late(call, clock, draw, base, most, patience):
    """You sleep first and then find that it is too late. If the pause ends after the deadline, it is not worth
    sleeping: give up at once.
    """
    return _insist(call, clock, draw, base, most, patience, look_ahead=False)


def patience_anew(call, clock, draw, base, most, patience):
    """Your patience begins anew with each try. It is for all of them together."""
    return _insist(call, clock, draw, base, most, patience, anew=True)


def calls_cost_nothing(call, clock, draw, base, most, patience):
    """You add up your pauses, and leave out the time that the calls themselves took. To whoever waits, it is all one:
    look at the clock.
    """
    slept, ceiling = 0.0, base
    while True:
        status = call()
        if status not in (0, 429, 502, 503, 504):
            return status
        pause = draw(0, ceiling)
        if slept + pause > patience:
            return status
        clock.sleep(pause)
        slept += pause
        ceiling = min(2 * ceiling, most)


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


week.declare(
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
            seconds=0.5,
        ),
    ],
    observe=_asked,
    mutates=True,
    misconceptions=[
        all_but_200,
        mistakes_repeated,
        too_often_is_final,
        nobody_there_is_final,
        never_asked_again,
        same_pause_each_time,
        growing_by_steps,
        doubled_before_the_first,
        doubled_without_end,
        all_at_once,
        a_little_noise,
        no_pause,
        forever,
        looked_at_the_clock_too_late,
        patience_anew,
        calls_cost_nothing,
    ],
)


# --- keeps_contract --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    content_type: str
    body: bytes


def keeps_contract(answer: Answer, sent: list[int], k: int, n_items: int) -> bool:
    """Whether an answer to POST /recommend keeps the gate's contract.

    It does if its status is 200, its content type application/json (in
    capitals or with a charset behind it, too) and its body an object with
    `items`, a list of k objects, each with an `item`, and `model_version`,
    a text that is not empty. An item is a whole number from 1 to n_items;
    none is there twice, and none is in sent. The body may hold more than
    that. Whatever else comes back does not keep it: nothing raises.
    """
    kind = answer.content_type.partition(";")[0].strip().lower()
    if answer.status != 200 or kind != "application/json":
        return False
    try:
        body = json.loads(answer.body)
        version, films = body["model_version"], body["items"]
        ids = [film["item"] for film in films]
    except (ValueError, LookupError, TypeError):
        return False
    if not isinstance(version, str) or not isinstance(films, list) or not version:
        return False
    if not all(type(item) is int and 1 <= item <= n_items for item in ids):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


def _strict(
    answer,
    sent,
    k,
    n_items,
    *,
    status=lambda status: status == 200,
    kind=lambda text: text.partition(";")[0].strip().lower() == "application/json",
    version=lambda version: isinstance(version, str) and bool(version),
    whole=lambda item: type(item) is int,
    bounds=(1, 0),
    length=lambda ids, k: len(ids) == k,
    twice=False,
    repeat=False,
    guard=(ValueError, LookupError, TypeError),
    lists_only=True,
):
    """As the reference's, but for what is given."""
    if not status(answer.status) or not kind(answer.content_type):
        return False
    try:
        body = json.loads(answer.body)
        films = body["items"]
        ids = [film["item"] for film in films]
        if not version(body["model_version"]) or (lists_only and not isinstance(films, list)):
            return False
        ids = [item if type(item) is int else int(item) if whole(item) else None for item in ids]
    except guard:
        return False
    if any(item is None or not bounds[0] <= item <= n_items + bounds[1] for item in ids):
        return False
    if not length(ids, k) or (not twice and len(set(ids)) < len(ids)):
        return False
    return repeat or not set(ids) & set(sent)


def status_alone(answer, sent, k, n_items):
    """Status 200 is enough for you. So `{}` passes, and an error page, and a poem: this is the test of a well-known
    course, and its five wrong answers passed.
    """
    return answer.status == 200


def valid_json_alone(answer, sent, k, n_items):
    """Status 200 and some JSON are enough for you. `{}` is JSON, and so is `null`."""
    try:
        json.loads(answer.body)
    except ValueError:
        return False
    return answer.status == 200


def content_type_ignored(answer, sent, k, n_items):
    """You never look at the content type. JSON that says it is HTML is shown as a page of braces."""
    return _strict(answer, sent, k, n_items, kind=lambda text: True)


def content_type_to_the_letter(answer, sent, k, n_items):
    """You compare the content type letter by letter, and refuse one with `; charset=utf-8` behind it or in capitals.
    Half of the frameworks write it so.
    """
    return _strict(answer, sent, k, n_items, kind=lambda text: text == "application/json")


def any_2xx(answer, sent, k, n_items):
    """Every status from 200 to 299 is fine with you. 202 says that the answer will come later."""
    return _strict(answer, sent, k, n_items, status=lambda status: 200 <= status < 300)


def raises_at_nonsense(answer, sent, k, n_items):
    """On a body that is no JSON, or lacks a field, you raise. A judge who faints has given no verdict: nonsense is the
    one thing that is sure to come.
    """
    return _strict(answer, sent, k, n_items, guard=())


def nothing_but_missing_keys(answer, sent, k, n_items):
    """You expect that a field is missing, and that the body is no JSON. But it can be JSON and no object: a list, a
    number, null. Then it is a TypeError.
    """
    return _strict(answer, sent, k, n_items, guard=(ValueError, KeyError))


def short_lists_pass(answer, sent, k, n_items):
    """A list that is too short passes with you, and so does an empty one. Exactly k are asked for."""
    return _strict(answer, sent, k, n_items, length=lambda ids, k: len(ids) <= k)


def long_lists_pass(answer, sent, k, n_items):
    """A list that is too long passes with you. Exactly k are asked for."""
    return _strict(answer, sent, k, n_items, length=lambda ids, k: len(ids) >= k)


def ten_are_enough(answer, sent, k, n_items):
    """You want ten films, whatever k says."""
    return _strict(answer, sent, k, n_items, length=lambda ids, k: len(ids) == 10)


def twice_is_fine(answer, sent, k, n_items):
    """The same film may fill the whole list, as far as you are concerned."""
    return _strict(answer, sent, k, n_items, twice=True)


def the_sent_come_back(answer, sent, k, n_items):
    """You let films through that were sent: somebody is recommended what they have told you they know."""
    return _strict(answer, sent, k, n_items, repeat=True)


def counted_from_zero(answer, sent, k, n_items):
    """Your ids go from 0 to n_items - 1, as in arrays. On the wire they count from 1."""
    return _strict(answer, sent, k, n_items, bounds=(0, -1))


def no_largest_id(answer, sent, k, n_items):
    """You let films through that do not exist: the ids end at n_items."""
    return _strict(answer, sent, k, n_items, bounds=(1, 10**9))


def true_is_one(answer, sent, k, n_items):
    """`isinstance(True, int)` is true in Python, so `true` passes for film number 1. Ask for `type(item) is int`."""
    return _strict(answer, sent, k, n_items, whole=lambda item: isinstance(item, bool))


def converted_to_fit(answer, sent, k, n_items):
    """You turn "50" and 50.0 into numbers and go on. A client in a stricter language than Python breaks on it."""
    return _strict(answer, sent, k, n_items, whole=lambda item: isinstance(item, str | float))


def nameless_models(answer, sent, k, n_items):
    """You never look at model_version. When an answer is wrong in March, nobody will know which model gave it."""
    return _strict(
        answer,
        sent,
        k,
        n_items,
        version=lambda version: True,
    )


def blank_names(answer, sent, k, n_items):
    """An empty model_version passes with you. It is there, and says nothing."""
    return _strict(answer, sent, k, n_items, version=lambda version: isinstance(version, str))


def _spoiled(answer: Answer, sent: list[int], k: int, n_items: int) -> dict[str, Answer]:
    """A good answer and what can become of it, by what it is called in the learner's message."""
    body = json.loads(answer.body)
    ids = [film["item"] for film in body["items"]]

    def items(*given: Any) -> Answer:
        return replace(answer, body=json.dumps(body | {"items": [{"item": item} for item in given]}).encode())

    def with_body(content: Any) -> Answer:
        return replace(answer, body=content if isinstance(content, bytes) else json.dumps(content).encode())

    def version(name: Any) -> Answer:
        return with_body(body | {"model_version": name})

    free = [item for item in range(1, n_items + 1) if item not in sent and item not in ids]
    last = n_items if n_items not in sent else free[-1]
    others = [item for item in ids if item != last][: k - 1]
    return {
        "a good answer": answer,
        "with a charset": replace(answer, content_type="application/json; charset=utf-8"),
        "in capitals": replace(answer, content_type="Application/JSON"),
        "with more fields": with_body(body | {"source": "als", "took": 3}),
        "with the last film": items(*others, last),
        "{}": with_body({}),
        "null": with_body(None),
        "a list": with_body(body["items"]),
        "a number": with_body(7),
        "no JSON": with_body(b"<html>Sign in</html>"),
        "broken UTF-8": with_body(answer.body[:-2] + b'"\xff"}'),
        "cut off": with_body(answer.body[:-3]),
        "status 202": replace(answer, status=202),
        "status 500": replace(answer, status=500),
        "said to be HTML": replace(answer, content_type="text/html"),
        "no items": with_body({"model_version": "a"}),
        "items null": with_body(body | {"items": None}),
        "items that are numbers": with_body(body | {"items": ids}),
        "items that are an object": with_body(body | {"items": {"item": 1}}),
        "an empty list": items(),
        "one too few": items(*ids[1:]),
        "one too many": items(*ids, free[0]),
        "ten of them": items(*free[:10]),
        "one twice": items(*ids[:-1], ids[0]),
        "one that was sent": items(*ids[:-1], sent[0]) if sent else items(*ids[:-1], 0),
        "film 0": items(*ids[:-1], 0),
        "a film one past the last": items(*ids[:-1], n_items + 1),
        "a film in quotes": items(*ids[:-1], str(free[0])),
        "a film 3.0": items(*ids[:-1], float(free[0])),
        "a film true": items(True, *[item for item in [*ids, *free] if item != 1][: k - 1]),
        "a film null": items(*ids[:-1], None),
        "no model_version": with_body({"items": body["items"]}),
        "an empty model_version": version(""),
        "a model_version that is a number": version(7),
    }


def _judged(function: Callable[..., Any], answer: Answer, sent: list[int], k: int, n_items: int) -> Seen:
    """Which answers pass."""
    seen: Seen = {}
    for label, spoiled in _spoiled(answer, sent, k, n_items).items():
        try:
            verdict = function(answer=spoiled, sent=sent, k=k, n_items=n_items)
        except Exception as error:
            seen[label] = f"raises {type(error).__name__}"
            continue
        known = {True: "keeps it", False: "does not"}
        seen[label] = known.get(bool(verdict)) if isinstance(verdict, bool | np.bool_) else f"{type(verdict).__name__}"
    return seen


def _recommended(k: int, n_items: int, n_sent: int, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    order = [int(item) for item in rng.permutation(np.arange(2, n_items)) + 1]
    items = [{"item": item, "score": 1 / (place + 1)} for place, item in enumerate(order[:k])]
    body = json.dumps({"items": items, "model_version": f"v{seed}"}).encode()
    return {
        "answer": Answer(200, "application/json", body),
        "sent": order[k : k + n_sent],
        "k": k,
        "n_items": n_items,
    }


week.declare(
    keeps_contract,
    question="Think of six answers with status 200 that are worthless. Which line of your function refuses each of "
    "them?",
    nudge="What can raise goes into one `try`: parsing, and reaching for fields. Then types, then bounds, then the "
    "list as a whole: how many, how many different ones, none of those sent.",
    probes=[
        Probe("three films for two sent", lambda: _recommended(3, 40, 2, seed=1)),
        Probe("seven films for nobody", lambda: _recommended(7, 60, 0, seed=2)),
        Probe("ten films of 1,682 for twenty sent", lambda: _recommended(10, 1682, 20, seed=3)),
        Probe("a hundred films", lambda: _recommended(100, 1682, 150, seed=4), seconds=1.0),
    ],
    observe=_judged,
    misconceptions=[
        status_alone,
        valid_json_alone,
        content_type_ignored,
        content_type_to_the_letter,
        any_2xx,
        raises_at_nonsense,
        nothing_but_missing_keys,
        short_lists_pass,
        long_lists_pass,
        ten_are_enough,
        twice_is_fine,
        the_sent_come_back,
        counted_from_zero,
        no_largest_id,
        true_is_one,
        converted_to_fit,
        nameless_models,
        blank_names,
    ],
)


# --- percentile ------------------------------------------------------------------------------------------------------


def percentile(seconds: np.ndarray, answered: np.ndarray, percent: int) -> float:
    """The time within which so many of 100 requests were answered.

    seconds: (n,), how long each took; answered: (n,), bool, False where
    no good answer came, however soon. percent: 1 to 100. Returns one of
    the times: the smallest that at least percent % of all n requests did
    not exceed, those without an answer counted as infinitely slow.
    """
    counted = np.sort(np.where(answered, seconds, np.inf))
    rank = math.ceil(percent * len(counted) / 100)
    return float(counted[rank - 1])


def failures_left_out(seconds, answered, percent):
    """You look at the answered ones only. A service that refuses every second request has a splendid p95 with you: it
    is the percentile of those who were lucky.
    """
    return percentile(seconds[answered], answered[answered], percent)


def failures_count_as_they_are(seconds, answered, percent):
    """A request that failed after a millisecond is a fast one with you. Nothing is as fast as an error."""
    return percentile(seconds, np.ones(len(seconds), dtype=bool), percent)


def failures_take_no_time(seconds, answered, percent):
    """You set the times of failed requests to 0, which makes them the best of all. They are the worst."""
    return percentile(np.where(answered, seconds, 0.0), np.ones(len(seconds), dtype=bool), percent)


def interpolated(seconds, answered, percent):
    """You take a value between two measured ones. Nobody ever waited that long; and with an infinite one beside it, it
    is infinite, too, or NaN. Return one of the times.
    """
    with np.errstate(invalid="ignore"):
        return float(np.percentile(np.where(answered, seconds, np.inf), percent))


def rank_rounded_down(seconds, answered, percent):
    """You round the rank down: fewer than percent % are within the time that you return."""
    counted = np.sort(np.where(answered, seconds, np.inf))
    return float(counted[max(percent * len(counted) // 100, 1) - 1])


def one_place_too_far(seconds, answered, percent):
    """You are one place too far: the rank-th of n stands at rank - 1 in Python. For the last one you fell off the
    end.
    """
    counted = np.sort(np.where(answered, seconds, np.inf))
    return float(counted[min(math.ceil(percent * len(counted) / 100), len(counted) - 1)])


def always_95(seconds, answered, percent):
    """You return the 95th percentile, whatever was asked for."""
    return percentile(seconds, answered, 95)


def the_mean(seconds, answered, percent):
    """You return a mean. Nineteen requests of a millisecond and one of a minute have a mean of three seconds, which
    nobody waited.
    """
    return float(np.mean(np.where(answered, seconds, np.inf)))


def not_sorted(seconds, answered, percent):
    """You take the request at that place in the order in which they came. Sort them first."""
    counted = np.where(answered, seconds, np.inf)
    return float(counted[math.ceil(percent * len(counted) / 100) - 1])


def from_the_wrong_end(seconds, answered, percent):
    """You count from the slowest. Within the p95, 95 in 100 are done, not 5."""
    counted = -np.sort(-np.where(answered, seconds, np.inf))
    return float(counted[math.ceil(percent * len(counted) / 100) - 1])


def percent_taken_for_share(seconds, answered, percent):
    """Your percent goes from 0 to 1; here it is 95 and not 0.95."""
    counted = np.sort(np.where(answered, seconds, np.inf))
    return float(counted[min(math.ceil(percent * len(counted)), len(counted)) - 1])


def _waits(n: int, failed: int, percent: int, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    answered = np.ones(n, dtype=bool)
    answered[rng.permutation(n)[:failed]] = False
    failed_after = rng.choice([0.002, 0.2, 10.0], size=n)  # refused at once, cut off, timed out
    seconds = np.where(answered, rng.lognormal(-3, 1, size=n), failed_after)
    return {"seconds": seconds, "answered": answered, "percent": percent}


week.declare(
    percentile,
    question="Of 20 requests, 19 took a millisecond and one was refused at once. What is the p95? And the p99?",
    nudge="Give the failed ones the time that they deserve, with `np.where`; sort; then ask how many of n make percent "
    "% of them, rounded up, and where the last of those stands.",
    probes=[
        Probe("seven requests", lambda: _waits(7, 1, 50, seed=1)),
        Probe("forty, p95", lambda: _waits(40, 1, 95, seed=2)),
        Probe("forty, p95, three failed", lambda: _waits(40, 3, 95, seed=3)),
        Probe("the slowest of thirty", lambda: _waits(30, 0, 100, seed=4)),
        Probe("three, p1", lambda: _waits(3, 0, 1, seed=5)),
        Probe("113, p90, five failed", lambda: _waits(113, 5, 90, seed=6)),
        Probe("a hundred thousand, p99", lambda: _waits(100_000, 900, 99, seed=7), seconds=0.2),
    ],
    misconceptions=[
        failures_left_out,
        failures_count_as_they_are,
        failures_take_no_time,
        interpolated,
        rank_rounded_down,
        one_place_too_far,
        always_95,
        the_mean,
        not_sorted,
        from_the_wrong_end,
        percent_taken_for_share,
    ],
)
