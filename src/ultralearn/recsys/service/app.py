"""The service as an ASGI app. Users and films have MovieLens's own ids, from 1."""

import asyncio
import contextlib
import hmac
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from ultralearn.recsys.service.answers import (
    LARGEST_ID,
    Answer,
    GoldenResult,
    Health,
    ModelCard,
    Parameters,
    Profile,
    RecommendParameters,
    Reloaded,
    ShadowModel,
    answer_of,
)
from ultralearn.recsys.service.entrance import App, Entrance
from ultralearn.recsys.service.fast_path import fast_path as in_front
from ultralearn.recsys.service.journal import Descriptor, Journal, Stream
from ultralearn.recsys.service.metrics import MEDIA_TYPE as METRICS_TYPE
from ultralearn.recsys.service.metrics import Metrics
from ultralearn.recsys.service.page import page_router
from ultralearn.recsys.service.problems import (
    MEDIA_TYPE,
    TITLES,
    Fault,
    Problem,
    ProblemDocument,
    on_error,
    on_http_exception,
    on_validation_error,
)
from ultralearn.recsys.service.release import BadRelease, Recommendations, Release
from ultralearn.recsys.service.serving import DEFAULT_K, Service, answer_headers, overlap_at_10, rendered
from ultralearn.recsys.service.settings import BadSettings, Settings

EXIT_NOT_STARTED = 3  # what uvicorn takes for "do not try again"
MovieLensId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="MovieLens's own id, from 1")]


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "description": TITLES[status],
    }
    for status in TITLES
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: PROBLEMS[status] for status in statuses}


def create_app(settings: Settings, log: Stream | None = sys.stdout, fast_path: bool = True) -> App:
    """The whole service. log: where its lines go; fast_path: off only to compare. Raises BadRelease."""
    return put_together(Service(settings), Journal(Metrics(), log), fast_path)


def put_together(service: Service, journal: Journal, fast_path: bool = True) -> App:
    """The same from its parts."""
    journal.metrics.served(*service.serving.versions)
    journal.metrics.ready.set(1)
    entrance = Entrance(_api(service, journal), service, journal)
    return in_front(entrance, service, journal) if fast_path else entrance


def from_environment() -> App:
    """The service as the environment describes it, or the end of the process, with a line that says why."""
    stdout = Descriptor(1)
    try:
        return create_app(Settings.from_environment(), stdout)
    except (BadSettings, BadRelease) as error:
        Journal(Metrics(), stdout).event("not started", level="error", reason=str(error))
        raise SystemExit(EXIT_NOT_STARTED) from error


def _api(service: Service, journal: Journal) -> FastAPI:
    metrics = journal.metrics

    def reload() -> Reloaded:
        """Loads anew and says what became of it. Raises BadRelease."""
        try:
            outcome = service.reload()
        except BadRelease as error:
            metrics.loads.labels("refused").inc()
            journal.event(
                "release refused", level="error", reason=str(error), goes_on_with=service.serving.champion.version
            )
            raise
        metrics.loads.labels(outcome.status).inc()
        metrics.served(*service.serving.versions)
        journal.event(f"release {outcome.status}", version=outcome.version, previous=outcome.previous)
        return outcome

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        journal.start()
        journal.event("started", version=service.serving.champion.version)
        with _signals(service, journal, reload):
            yield
        journal.event("stopped")
        journal.stop()

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

    guarded = APIRouter(dependencies=[Depends(checked_key)], responses=_problems(401, 413))

    def answer(
        request: Request,
        release: Release,
        ask: Callable[[Release, int], Recommendations],
        k: int,
        user: int | None = None,
    ) -> Response:
        """The answer of this release; when it is sent, it is compared with that of the release beside it."""
        serving, state = service.serving, request.scope["state"]
        found = ask(release, k)
        state.update(source=found.source, version=release.version, user=user)

        async def compare() -> None:
            if serving.shadow is not None:
                state["overlap"] = overlap_at_10(ask(serving.champion, DEFAULT_K), ask(serving.shadow, DEFAULT_K))

        return Response(
            rendered(answer_of(release, found)),
            headers=answer_headers(release.version),
            media_type="application/json",
            background=None if serving.shadow is None else BackgroundTask(compare),
        )

    @guarded.get("/recommend/{user}", response_model=Answer, responses=_problems(403, 422))
    async def recommend(
        request: Request, user: MovieLensId, asked: Annotated[RecommendParameters, Query()]
    ) -> Response:
        """Films for somebody the model knows; what is popular for anybody else."""
        if not service.settings.known_users:
            raise Problem(
                403, "This service says nothing of the people it was trained on. POST /recommend takes films."
            )
        release = service.serving.release_for(user)
        return answer(request, release, lambda one, k: one.recommend(user - 1, k, asked.exclude_seen), asked.k, user)

    @guarded.post("/recommend", response_model=Answer, responses=_problems(400, 415, 422))
    async def recommend_for(request: Request, profile: Profile) -> Response:
        """Films for somebody never seen before, from the films they know; nothing is stored."""
        release = service.serving.champion
        for place, choice in enumerate(profile.items):
            if choice.item > release.n_items:
                what = f"there is no film {choice.item}; expected 1 to {release.n_items}"
                raise Problem(422, what, [Fault(where=f"body.items.{place}.item", what=what, given=str(choice.item))])
        items = [choice.item - 1 for choice in profile.items]
        ratings = [choice.rating for choice in profile.items]
        return answer(request, release, lambda one, k: one.fold_in(items, ratings, k), profile.k)

    @guarded.get("/similar/{item}", response_model=Answer, responses=_problems(404, 422))
    async def similar(request: Request, item: MovieLensId, asked: Annotated[Parameters, Query()]) -> Response:
        """Films that the same people choose."""
        release = service.serving.champion
        if item > release.n_items:
            raise Problem(404, f"There is no film {item}. Films have ids from 1 to {release.n_items}.")
        return answer(request, release, lambda one, k: one.similar(item - 1, k), asked.k)

    @guarded.get("/model")
    async def model(response: Response) -> ModelCard:
        """What is being served."""
        serving = service.serving
        release = serving.champion
        response.headers.update(answer_headers(release.version))
        shadow = None
        if serving.shadow is not None:
            shadow = ShadowModel(
                version=serving.shadow.version, share=serving.share, mean_overlap_at_10=serving.mean_overlap
            )
        return ModelCard(
            version=release.version,
            model=release.description.model,
            n_users=release.n_users,
            n_items=release.n_items,
            n_interactions=len(release.seen_items),
            hyper_parameters=release.description.hyper_parameters.model_dump(),
            golden=GoldenResult(queries=len(release.golden), kept=len(release.golden)),
            shadow=shadow,
        )

    @guarded.post("/model/reload", responses=_problems(403, 409))
    async def model_reload() -> Reloaded:
        """Loads what is in the release's folder now. What does not keep its golden queries is refused."""
        if service.settings.api_key is None:
            raise Problem(
                403, "Reloading over HTTP needs an API key: set ULTRALEARN_API_KEY, or send the process SIGHUP."
            )
        try:
            return await asyncio.to_thread(reload)
        except BadRelease as error:
            raise Problem(409, f"{error}. {service.serving.champion.version} goes on.") from error

    app.include_router(guarded)

    # Also by the older names, which Cloud Run's front end answers itself, with a 404.
    @app.get("/healthz", include_in_schema=False)
    @app.get("/health")
    async def health() -> Health:
        """Whether the process is alive: if this fails, start it again."""
        return Health(status="ok")

    @app.get("/readyz", include_in_schema=False)
    @app.get("/ready", responses=_problems(503))
    async def ready() -> Health:
        """Whether to send requests here: if this fails, send them elsewhere."""
        if service.draining:
            raise Problem(503, "This process is about to stop. Ask another, or again in a moment.")
        return Health(status="ready")

    @app.get("/metrics", response_class=Response)
    async def metrics_text() -> Response:
        """For Prometheus."""
        journal.flush()
        return Response(metrics.text(), media_type=METRICS_TYPE)

    if service.settings.page:
        app.include_router(page_router(service))
    ordinary = app.openapi

    def openapi() -> dict[str, Any]:
        document = ordinary()
        document["components"]["schemas"] |= ProblemDocument.components()
        return document

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI documents
    return app


@contextlib.contextmanager
def _signals(service: Service, journal: Journal, reload: Callable[[], Reloaded]) -> Any:
    """SIGTERM: not ready at once, closed after drain_seconds, as the server would have closed. SIGHUP: reload."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)

    def begin(number: int) -> None:
        journal.metrics.ready.set(0)
        journal.event("draining", seconds=service.settings.drain_seconds)
        loop.call_later(service.settings.drain_seconds, _call, stop, number, None)

    def drain(number: int, frame: FrameType | None) -> None:
        if service.draining:  # asked twice: now
            _call(stop, number, frame)
            return
        service.draining = True
        loop.call_soon_threadsafe(begin, number)

    def reload_aside() -> None:
        with contextlib.suppress(BadRelease):  # it is in the log
            reload()

    def on_hup(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(loop.run_in_executor, None, reload_aside)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, drain), signal.SIGHUP: signal.signal(signal.SIGHUP, on_hup)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _call(handler: Any, number: int, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
