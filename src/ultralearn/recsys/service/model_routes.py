"""The routes that are about the model and the process, for those who run the service."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Response

from ultralearn.recsys.service.access_log import AccessLog
from ultralearn.recsys.service.answers import (
    GoldenResult,
    Health,
    ModelCard,
    Reloaded,
    ShadowModel,
)
from ultralearn.recsys.service.loading import ReleaseError
from ultralearn.recsys.service.metrics import MEDIA_TYPE as METRICS_TYPE
from ultralearn.recsys.service.problems import (
    Problem,
    problems,
)
from ultralearn.recsys.service.serving import Service, answer_headers


def model_router(service: Service, reload: Callable[[], Reloaded]) -> APIRouter:
    """/model, and to load it anew. `reload` says what became of it, and raises ReleaseError."""
    router = APIRouter()

    @router.get("/model")
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

    @router.post("/model/reload", responses=problems(403, 409))
    async def model_reload() -> Reloaded:
        """Loads what is in the release's folder now. What does not keep its golden queries is refused."""
        if service.settings.api_key is None:
            raise Problem(
                403, "Reloading over HTTP needs an API key: set ULTRALEARN_API_KEY, or send the process SIGHUP."
            )
        try:
            return await asyncio.to_thread(reload)
        except ReleaseError as error:
            raise Problem(409, f"{error}. {service.serving.champion.version} goes on.") from error

    return router


def process_router(service: Service, access_log: AccessLog) -> APIRouter:
    """/health, /ready and /metrics, which need no key."""
    router = APIRouter()
    metrics = access_log.metrics

    # Also by the older names, which Cloud Run's front end answers itself, with a 404.
    @router.get("/healthz", include_in_schema=False)
    @router.get("/health")
    async def health() -> Health:
        """Whether the process is alive: if this fails, start it again."""
        return Health(status="ok")

    @router.get("/readyz", include_in_schema=False)
    @router.get("/ready", responses=problems(503))
    async def ready() -> Health:
        """Whether to send requests here: if this fails, send them elsewhere."""
        if service.draining:
            raise Problem(503, "This process is about to stop. Ask another, or again in a moment.")
        return Health(status="ready")

    @router.get("/metrics", response_class=Response)
    async def metrics_text() -> Response:
        """For Prometheus."""
        access_log.flush()
        return Response(metrics.text(), media_type=METRICS_TYPE)

    return router
