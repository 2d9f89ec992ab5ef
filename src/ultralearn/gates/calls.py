"""Call somebody's HTTP API without trusting it: no redirect is followed, no answer waited for or read without end."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx2 as httpx

from ultralearn import UltralearnError

MOST_BYTES = 1_000_000  # of an answer
CONNECTIONS = 100


class NotJSONError(UltralearnError, ValueError):
    """The answer's body is not JSON; the message says what it is."""


@dataclass(frozen=True)
class Response:
    """What came back. status is None where nothing did, and `problem` says why."""

    status: int | None
    seconds: float
    problem: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def said(self) -> str:
        """The answer in a few words, for a report."""
        if self.status is None:
            return self.problem
        if 300 <= self.status < 400:
            return f"{self.status}, a redirect to {self.headers.get('location', 'nowhere')[:100]!r} (not followed)"
        text = " ".join(self.body[:200].decode("utf-8", "replace").split())
        return f"{self.status} " + (f"{text[:100]!r}" if text else "with an empty body")

    def json(self) -> Any:
        """The body as JSON. Raises NotJSONError, for a wrong content type, too."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            raise NotJSONError(f"its content type is {kind or 'missing'!r}, not 'application/json'")
        try:
            return json.loads(self.body, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise NotJSONError(f"its body is not JSON ({type(error).__name__}: {str(error)[:100]})") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not in JSON")


class Caller:
    """Calls below one address. An async context manager.

    headers: sent with each call (a key, say). seconds: until a call counts as unanswered, its body included.
    through_proxy: whether the environment's proxy settings count; nobody wants them for their own machine.
    """

    def __init__(self, base: httpx.URL, headers: Mapping[str, str], seconds: float, through_proxy: bool) -> None:
        self.base = str(base).rstrip("/")
        self.seconds = seconds
        self._client = httpx.AsyncClient(
            headers={"user-agent": "ultralearn-gate", **headers},
            timeout=None,  # one clock for all of a call, below: httpx's starts anew with every piece received
            follow_redirects=False,
            trust_env=through_proxy,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType) -> None:
        await self._client.aclose()

    async def get(self, path: str, seconds: float | None = None) -> Response:
        """GET."""
        return await self._call("GET", path, None, seconds)

    async def post(self, path: str, content: Any, seconds: float | None = None) -> Response:
        """POST of content as JSON, or, where it is bytes, as it is."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await self._call("POST", path, body, seconds)

    async def _call(self, method: str, path: str, body: bytes | None, seconds: float | None) -> Response:
        seconds = seconds or self.seconds
        began = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                status, headers, received = await self._exchange(method, path, body)
        except TimeoutError:
            return Response(None, time.perf_counter() - began, f"no whole answer within {seconds:g} s")
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            return Response(None, time.perf_counter() - began, f"{_kind(error)}: {error}".rstrip(": "))
        took = time.perf_counter() - began
        if len(received) > MOST_BYTES:
            return Response(None, took, f"the answer is longer than {MOST_BYTES:,} bytes")
        return Response(status, took, headers=headers, body=received)

    async def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, httpx.Headers, bytes]:
        headers = {"content-type": "application/json"} if body is not None else {}
        async with self._client.stream(method, self.base + path, content=body, headers=headers) as response:
            received = bytearray()
            async for piece in response.aiter_bytes():
                received += piece
                if len(received) > MOST_BYTES:
                    break
            return response.status_code, response.headers, bytes(received)


def _kind(error: Exception) -> str:
    names: dict[type[Exception], str] = {
        httpx.ConnectError: "no connection",
        httpx.ReadError: "the connection broke",
        httpx.RemoteProtocolError: "not HTTP, or cut off",
    }
    return names.get(type(error), type(error).__name__)
