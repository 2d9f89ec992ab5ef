"""Week 5: `health_router`."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from fastapi import APIRouter, HTTPException, Response

from ultralearn.exercises.week_05.common import Seen, body_of, converse
from ultralearn.practice import Declaration, Probe
from ultralearn.practice.comparison import describe


@dataclass
class Life:
    """What a process knows about itself. It changes while the service runs.

    model_version: of the model that is served, None while the first one is loading. draining: it was told to stop, and
    finishes what it has begun.
    """

    model_version: str | None = None
    draining: bool = False


def health_router(life: Life) -> APIRouter:
    """A router with GET /healthz and GET /readyz, which a platform asks
    every few seconds, for as long as the process lives.

    life: changes while the service runs. /healthz: should the process be
    started again? As long as it can answer at all: 200 and {"status":
    "ok"}. /readyz: should requests be sent here? 200 if a model is there
    and it is not draining, else 503. The body, JSON, says which, and the
    version: {"status": "ready", "loading" or "draining",
    "model_version": ... or null}; draining is said whether a model is
    there or not.
    """
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    def readyz(response: Response) -> dict[str, str | None]:
        status = "draining" if life.draining else "loading" if life.model_version is None else "ready"
        if status != "ready":
            response.status_code = 503
        return {"status": status, "model_version": life.model_version}

    return router


def _probes_answered(alive, ready):
    """A router that answers by two functions, each giving a status and a body."""
    router = APIRouter()

    @router.get("/healthz")
    def healthz(response: Response) -> Any:
        response.status_code, body = alive()
        return body

    @router.get("/readyz")
    def readyz(response: Response) -> Any:
        response.status_code, body = ready()
        return body

    return router


def _state(life):
    word = "draining" if life.draining else "loading" if life.model_version is None else "ready"
    return (200 if word == "ready" else 503), {"status": word, "model_version": life.model_version}


def _well():
    return 200, {"status": "ok"}


MOMENTS: dict[str, dict[str, Any]] = {
    "loading": {"model_version": None, "draining": False},
    "the model is there": {"model_version": "a1", "draining": False},
    "another model is there": {"model_version": "b2", "draining": False},
    "told to stop": {"model_version": "b2", "draining": True},
    "started again": {"model_version": None, "draining": False},
    "told to stop while loading": {"model_version": None, "draining": True},
    "at the end, ready once more": {"model_version": "c3", "draining": False},
}


def _lived(function: Callable[..., Any], life: Life) -> Seen:
    """What both paths answer at each moment of a life, and whether answering changed it."""
    life = copy.copy(life)  # its changes are ours, not the function's
    router = function(life=life)
    if not isinstance(router, APIRouter):
        raise TypeError(f"it returned {describe(router)}, expected an APIRouter")
    seen: Seen = {}
    moments: Mapping[str, Mapping[str, Any]] = {"at first": dict(vars(life))} | MOMENTS

    async def talk(client: httpx.AsyncClient) -> None:
        for label, changes in moments.items():
            vars(life).update(changes)
            for path in ("/healthz", "/readyz"):
                response = await client.get(path)
                words = body_of(response) if response.status_code != 500 or path == "/readyz" else ""
                if isinstance(words, dict) and list(words) == ["detail"]:
                    words = {"detail": "instead of the body"}  # a text or an object, as it was raised
                seen[f"{label}: {path}"] = {"status": response.status_code, "body": words}
            seen[f"{label}: life afterwards"] = dict(vars(life))

    converse(router, talk)
    return seen


declaration = Declaration(
    health_router,
    question="Your process loads a model for ten seconds, serves for a week, and is told to stop. Who asks whether it "
    "is well, and what do they do when the answer is no? There are two of them, and they do different things.",
    nudge="One path answers as long as anything can answer. The other looks at `life` each time it is asked. A handler "
    "that takes `response: Response` can set `response.status_code` and still return a body.",
    probes=[
        Probe("a process that is loading", lambda: {"life": Life()}),
        Probe("a process with a model", lambda: {"life": Life("a0")}),
        Probe("a process that drains", lambda: {"life": Life("a0", draining=True)}),
        Probe("another that is loading", lambda: {"life": Life(None, draining=False)}, times=50),
    ],
    observe=_lived,
)


@declaration.misconception
def decided_at_the_start(life):
    """Your answer stays the same when `life` changes: you looked at it once, when the router was made or at the first
    request, or you looked at a copy. What is to be asked again belongs inside the handler.
    """
    answer = _state(life)
    return _probes_answered(_well, lambda: answer)


@declaration.misconception
def unhealthy_while_loading(life):
    """Your /healthz fails whenever the service is not ready. The platform reads that as "broken, start it again", and
    kills a process that is loading its model, again and again: it never gets to the end.
    """
    return _probes_answered(lambda: (_state(life)[0], {"status": "ok"}), lambda: _state(life))


@declaration.misconception
def unhealthy_while_draining(life):
    """Your /healthz fails while the service drains. It is alive and finishing its work; who asks /healthz takes it for
    broken and kills it in the middle of that.
    """
    return _probes_answered(lambda: (503 if life.draining else 200, {"status": "ok"}), lambda: _state(life))


@declaration.misconception
def always_ready(life):
    """Your /readyz says "ready" whatever happens. Requests come in before the model is there, and after the process has
    been told to stop.
    """
    return _probes_answered(_well, lambda: (200, {"status": "ready", "model_version": life.model_version}))


@declaration.misconception
def said_in_the_body_only(life):
    """Your body says "loading", your status says 200. Load balancers do not read bodies."""
    return _probes_answered(_well, lambda: (200, _state(life)[1]))


@declaration.misconception
def ready_while_draining(life):
    """You stay ready while draining. Requests keep coming to a process that is about to go, and the last ones are cut
    off.
    """

    def ready():
        word = "loading" if life.model_version is None else "ready"
        return (200 if word == "ready" else 503), {"status": word, "model_version": life.model_version}

    return _probes_answered(_well, ready)


@declaration.misconception
def ready_while_loading(life):
    """You are ready before there is a model. The first requests after each start will fail."""

    def ready():
        word = "draining" if life.draining else "ready"
        return (200 if word == "ready" else 503), {"status": word, "model_version": life.model_version}

    return _probes_answered(_well, ready)


@declaration.misconception
def loading_hides_draining(life):
    """Told to stop while the model is loading, you still say "loading", which means "wait for me". Nobody should:
    draining comes first.
    """

    def ready():
        word = "loading" if life.model_version is None else "draining" if life.draining else "ready"
        return (200 if word == "ready" else 503), {"status": word, "model_version": life.model_version}

    return _probes_answered(_well, ready)


@declaration.misconception
def our_mistake(life):
    """Not to be ready is no error: you answer 500, which is for what nobody had foreseen. An alarm will ring at each
    start. 503 means "not now".
    """

    def ready():
        status, body = _state(life)
        return (status if status == 200 else 500), body

    return _probes_answered(_well, ready)


@declaration.misconception
def raises_when_not_ready(life):
    """You raise, and the body becomes {"detail": ...}: the status is right, but who reads the body finds neither
    `status` nor `model_version`. Set the status of the response and return the body.
    """
    router = _probes_answered(_well, lambda: _state(life))

    def ready():
        status, body = _state(life)
        if status != 200:
            raise HTTPException(status, body["status"])
        return status, body

    del router
    return _probes_answered(_well, ready)


@declaration.misconception
def a_pair_as_in_flask(life):
    """You return (body, status), as in Flask. FastAPI takes the pair for the body, makes a list of it, and sends 200.
    The status goes into the response: let FastAPI hand you one, or return a JSONResponse.
    """
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> Any:
        return {"status": "ok"}

    @router.get("/readyz")
    def readyz() -> Any:
        status, body = _state(life)
        return body, status

    return router


@declaration.misconception
def version_of_the_start(life):
    """The word is right and the version is that of the beginning: you took it out of `life` when the router was made.
    Models are swapped while a process lives, and the first one is not there yet at all.
    """
    version = life.model_version
    return _probes_answered(_well, lambda: (_state(life)[0], _state(life)[1] | {"model_version": version}))


@declaration.misconception
def version_when_ready_only(life):
    """While draining you say that there is no model. There is one, and it answers what is still on its way: whoever
    looks into an incident wants to know which.
    """

    def ready():
        status, body = _state(life)
        return status, body if status == 200 else body | {"model_version": None}

    return _probes_answered(_well, ready)


@declaration.misconception
def null_left_out(life):
    """While there is no model you leave `model_version` out. A field that is sometimes missing makes everybody who
    reads it write an `if`: null says "none", and it is always there.
    """

    def ready():
        status, body = _state(life)
        return status, {key: value for key, value in body.items() if value is not None}

    return _probes_answered(_well, ready)


@declaration.misconception
def nobody_says_json(life):
    """Status and text are right, but nothing says that the text is JSON: the content type is missing, or another one.
    Which of FastAPI's responses does both for you?
    """
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> Any:
        return {"status": "ok"}

    @router.get("/readyz")
    def readyz() -> Any:
        status, body = _state(life)
        return Response(json.dumps(body), status)

    return router


@declaration.misconception
def ready_once_ready_forever(life):
    """Once ready, you stay ready: you remember the first good answer. But a life has an end, too."""
    kept: list[Any] = []

    def ready():
        if not kept and _state(life)[0] == 200:
            kept.append(_state(life))
        return kept[0] if kept else _state(life)

    return _probes_answered(_well, ready)
