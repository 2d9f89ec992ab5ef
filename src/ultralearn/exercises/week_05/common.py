"""Week 5: what several exercises are probed with."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

import httpx2 as httpx
from fastapi import APIRouter, FastAPI

Seen = dict[str, Any]


def converse(router: APIRouter, talk: Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]) -> None:
    """Let somebody send requests to an app of this router; they see a 500 where it raises.

    In a thread of its own, for a notebook has an event loop already; what never answers is left behind there.
    """
    app = FastAPI()
    app.include_router(router)

    async def visit() -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            await talk(client)

    done: Future[None] = Future()

    def run() -> None:
        try:
            done.set_result(asyncio.run(visit()))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    done.result()


def body_of(response: Any) -> Any:
    """The body: what its JSON says, or what it is instead."""
    kind = response.headers.get("content-type", "missing")
    try:
        is_json = kind.partition(";")[0] == "application/json"
        return _sorted_keys(response.json()) if is_json else {"content type": kind}
    except ValueError:
        return {"content type": f"{kind}, but it is none"}


def _sorted_keys(body: Any) -> Any:
    """JSON's objects have no order, and its null is no forgotten `return`."""
    if body is None:
        return "JSON's null"
    if isinstance(body, dict):
        return {key: _sorted_keys(body[key]) for key in sorted(body)}
    return [_sorted_keys(part) for part in body] if isinstance(body, list) else body
