"""`python -m benchmarks.servers.asgi PORT MODEL WHICH`: uvicorn, set as our service sets it."""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"5")],
}
BODY = {"type": "http.response.body", "body": b"hello"}


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Says hello to whatever comes: the least that a server can do."""
    if scope["type"] == "http":
        await send(START)
        await send(BODY)


def fastapi_hello() -> Any:
    """The same with a framework: the first program of its tutorial."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/")
    async def root() -> dict[str, str]:
        return {"message": "Hello World"}

    return app


def fastapi_model(path: str) -> Any:
    """The model in a route, as one writes it who follows the tutorial; async, which spares it a thread a request."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    from benchmarks.servers import Model

    class Film(BaseModel):
        item: int
        title: str
        score: float

    class Films(BaseModel):
        items: list[Film]
        model_version: str

    app, model = FastAPI(), Model(path)

    @app.get("/recommend/{user}")
    async def recommend(user: int) -> Films:
        return Films.model_validate(model.answer(user))

    return app


if __name__ == "__main__":
    port, path, which = sys.argv[1:]
    apps: dict[str, Callable[[], Any]] = {
        "hello": lambda: hello,
        "fastapi_hello": fastapi_hello,
        "fastapi_model": lambda: fastapi_model(path),
    }
    uvicorn.run(
        apps[which](),
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
