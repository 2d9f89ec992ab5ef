"""The service as an ASGI app. Users and films have MovieLens's own ids, from 1."""

import contextlib
import hmac
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException

from ultralearn.recsys.service.access_log import AccessLog, Descriptor, Stream
from ultralearn.recsys.service.answers import (
    Reloaded,
)
from ultralearn.recsys.service.fast_path import fast_path as in_front
from ultralearn.recsys.service.film_routes import film_router
from ultralearn.recsys.service.loading import ReleaseError
from ultralearn.recsys.service.metrics import Metrics
from ultralearn.recsys.service.middleware import App, Middleware
from ultralearn.recsys.service.model_routes import model_router, process_router
from ultralearn.recsys.service.page import page_router
from ultralearn.recsys.service.problems import (
    Problem,
    ProblemDocument,
    on_error,
    on_http_exception,
    on_validation_error,
    problems,
)
from ultralearn.recsys.service.serving import Service
from ultralearn.recsys.service.settings import Settings, SettingsError
from ultralearn.recsys.service.signals import handled_signals

EXIT_NOT_STARTED = 3  # what uvicorn takes for "do not try again"


def create_app(settings: Settings, log: Stream | None = sys.stdout, fast_path: bool = True) -> App:
    """The whole service. log: where its lines go; fast_path: off only to compare. Raises ReleaseError."""
    return put_together(Service(settings), AccessLog(Metrics(), log), fast_path)


def put_together(service: Service, access_log: AccessLog, fast_path: bool = True) -> App:
    """The same from its parts."""
    access_log.metrics.served(*service.serving.versions)
    access_log.metrics.ready.set(1)
    middleware = Middleware(_api(service, access_log), service, access_log)
    return in_front(middleware, service, access_log) if fast_path else middleware


def from_environment() -> App:
    """The service as the environment describes it, or the end of the process, with a line that says why."""
    stdout = Descriptor(1)
    try:
        return create_app(Settings.from_environment(), stdout)
    except (SettingsError, ReleaseError) as error:
        AccessLog(Metrics(), stdout).event("not started", level="error", reason=str(error))
        raise SystemExit(EXIT_NOT_STARTED) from error


def _api(service: Service, access_log: AccessLog) -> FastAPI:
    metrics = access_log.metrics

    def reload() -> Reloaded:
        """Loads anew and says what became of it. Raises ReleaseError."""
        try:
            outcome = service.reload()
        except ReleaseError as error:
            metrics.loads.labels("refused").inc()
            access_log.event(
                "release refused", level="error", reason=str(error), goes_on_with=service.serving.champion.version
            )
            raise
        metrics.loads.labels(outcome.status).inc()
        metrics.served(*service.serving.versions)
        access_log.event(f"release {outcome.status}", version=outcome.version, previous=outcome.previous)
        return outcome

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        access_log.start()
        access_log.event("started", version=service.serving.champion.version)
        with handled_signals(service, access_log, reload):
            yield
        access_log.event("stopped")
        access_log.stop()

    key_header = APIKeyHeader(name="X-API-Key", auto_error=False)

    def checked_key(key: Annotated[str | None, Depends(key_header)]) -> None:
        needed = service.settings.api_key
        if needed is not None and not hmac.compare_digest((key or "").encode(), needed.encode()):
            raise Problem(
                401, "Send this service's API key in the header X-API-Key.", headers={"WWW-Authenticate": "X-API-Key"}
            )

    app = FastAPI(
        title="Ultralearn: films you may like",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            HTTPException: on_http_exception,
            RequestValidationError: on_validation_error,
            Exception: on_error,
        },
    )

    guarded = APIRouter(dependencies=[Depends(checked_key)], responses=problems(401, 413))

    guarded.include_router(film_router(service))
    guarded.include_router(model_router(service, reload))
    app.include_router(guarded)

    app.include_router(process_router(service, access_log))
    if service.settings.page:
        app.include_router(page_router(service))
    ordinary = app.openapi

    def openapi() -> dict[str, Any]:
        document = ordinary()
        document["components"]["schemas"] |= ProblemDocument.components()
        return document

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI documents
    return app
