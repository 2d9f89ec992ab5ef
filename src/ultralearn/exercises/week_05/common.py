"""Week 5: what several exercises are probed with."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

Seen = dict[str, Any]


@contextmanager
def visitor(*routers: Any) -> Iterator[TestClient]:
    """Somebody who sends requests to an app of these routers, and sees a 500 where it raises."""
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


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
