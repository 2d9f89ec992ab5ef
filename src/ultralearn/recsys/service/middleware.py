"""What each request goes through that is not on the fast path: an id, a limit on its body, a line in the access log."""

import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ultralearn.recsys.service.access_log import AccessLog
from ultralearn.recsys.service.metrics import kind_of
from ultralearn.recsys.service.problems import problem_response
from ultralearn.recsys.service.serving import Service

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
NO_ROUTE = "none"


class Middleware:
    """An ASGI app around another."""

    def __init__(self, app: App, service: Service, access_log: AccessLog) -> None:
        self.app = app
        self.service = service
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; the lifespan passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = ended = time.perf_counter()
        request_id = self.access_log.id_of(scope["headers"])
        state = scope.setdefault("state", {})
        state["request_id"] = request_id.decode()
        status = 500

        async def send_signed(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
                if self.service.draining:
                    # Whoever keeps the connection would ask again on it when it is gone.
                    message["headers"].append((b"connection", b"close"))
            await send(message)
            ended = time.perf_counter()

        try:
            await self._within_limits(scope, receive, send_signed)
        except Exception:  # the answer is sent already; the server would log the error in its own form
            self.access_log.event(
                "failed", level="error", request_id=state["request_id"], traceback=traceback.format_exc()
            )
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            method = scope["method"] if scope["method"] in METHODS else "other"
            about = (state.get(name) for name in ("user", "source", "version", "overlap"))
            self.access_log.record((kind_of(method, route, status, *about), started, ended, request_id))

    async def _within_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reads the body, as far as it may go, before anybody works on it."""
        limit = self.service.settings.max_body_bytes
        for name, value in scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or len(value) > 12 or int(value) > limit):
                await self._too_long(scope, receive, send, limit)
                return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > limit:
                await self._too_long(scope, receive, send, limit)
                return
            if not message.get("more_body", False):
                break
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def receive_whole() -> Message:
            nonlocal whole
            if whole is None:
                return await receive()
            message, whole = whole, None
            return message

        await self.app(scope, receive_whole, send)

    async def _too_long(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        detail = f"The body is longer than {limit:,} bytes. Send at most 1,000 films; a profile of them fits."
        await problem_response(413, detail)(scope, receive, send)
