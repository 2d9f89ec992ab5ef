"""Errors as problem+json (RFC 9457): what was given, what is expected, what to do."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "The request cannot be read",
    401: "The API key is missing or wrong",
    403: "Not allowed here",
    404: "Not found",
    405: "Method not allowed",
    409: "The new release was refused",
    413: "The body is too long",
    415: "The body must be JSON",
    422: "The request does not fit",
    500: "Our mistake",
    503: "Not ready",
}
EXAMPLE = 'Send an object such as {"items": [{"item": 50, "rating": 5}], "k": 10}.'
SHOWN = 80  # of a wrong value, so many characters are shown again


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="such as body.items.0.rating")
    what: str
    given: str | None = None


class ProblemDocument(BaseModel):
    """What every error looks like."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []

    @classmethod
    def components(cls) -> dict[str, Any]:
        """The schemas for an OpenAPI document."""
        schema = cls.model_json_schema(ref_template="#/components/schemas/{model}")
        return {**schema.pop("$defs"), "Problem": schema}


class Problem(HTTPException):
    """An error that the client is told of."""

    def __init__(
        self,
        status: int,
        detail: str,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.faults = faults


def problem_body(status: int, detail: str, faults: Sequence[Fault] = ()) -> bytes:
    """The document as bytes."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "errors": [fault.model_dump(exclude_none=True) for fault in faults],
    }
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()


def problem_response(
    status: int, detail: str, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The document as a response."""
    return Response(problem_body(status, detail, faults), status, dict(headers) if headers else None, MEDIA_TYPE)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Ours, and those of the framework: no route, wrong method, a body that is no JSON."""
    assert isinstance(error, HTTPException)
    status, detail, faults = error.status_code, str(error.detail), getattr(error, "faults", ())
    if not isinstance(error, Problem):
        if status == 404:
            detail = "There is nothing at this path. /openapi.json lists what there is."
        elif status == 405:
            allowed = Headers(error.headers).get("allow", "another method")
            detail = f"This path does not answer {_shown(request.method)}; use {allowed}."
        elif status == 400:
            detail = 'The body is no JSON in UTF-8. Send an object such as {"items": [], "k": 10}.'
    return problem_response(status, detail, faults, error.headers)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """A request that can be read but does not fit; a body that is no JSON at all is a 400."""
    assert isinstance(error, RequestValidationError)
    about_body = [complaint["type"] for complaint in error.errors() if complaint["loc"] == ("body",)]
    if about_body and about_body != ["missing"] and not _is_json(request):
        given = _shown(request.headers.get("content-type", "no content type"))
        return problem_response(
            415, f"The body came as {given}. Send JSON, with the header Content-Type: application/json."
        )
    faults = []
    for complaint in error.errors():
        if complaint["type"] == "json_invalid":
            place = complaint["loc"][-1]
            why = complaint.get("ctx", {}).get("error", "")
            return problem_response(
                400,
                f'The body is no JSON: {why} at character {place}. Send an object such as {{"items": [], "k": 10}}.',
            )
        given = complaint.get("input")
        faults.append(
            Fault(
                where=".".join(_shown(part) for part in complaint["loc"]),
                what=complaint["msg"].removeprefix("Value error, "),
                given=None if complaint["type"] == "missing" else _shown(given),
            )
        )
    first = faults[0]
    detail = f"{first.where}: {first.what}" + (f" (given: {first.given})" if first.given is not None else "")
    more = f", and {len(faults) - 1} more under errors" if len(faults) > 1 else ""
    return problem_response(422, f"{detail}{more}. /openapi.json says what fits.", faults[:20])


async def on_error(request: Request, error: Exception) -> Response:
    """Whatever we did not think of. What it was is in the log, and not for everybody."""
    request_id = request.scope["state"]["request_id"]
    return problem_response(
        500, f"Something went wrong here. Whoever runs this finds it in the log under {request_id}."
    )


def _is_json(request: Request) -> bool:
    """As FastAPI decides whether to read the body."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _shown(value: object) -> str:
    """A value as a client may see it again: short, and never an error of its own."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "description": TITLES[status],
    }
    for status in TITLES
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: PROBLEMS[status] for status in statuses}
