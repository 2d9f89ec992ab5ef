"""The routes that answer with films."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.background import BackgroundTask

from ultralearn.recsys.service.answers import (
    LARGEST_ID,
    Parameters,
    Profile,
    RecommendParameters,
    RecommendResponse,
    answer_of,
)
from ultralearn.recsys.service.problems import (
    Fault,
    Problem,
    problems,
)
from ultralearn.recsys.service.scoring import Recommendations, Release
from ultralearn.recsys.service.serving import DEFAULT_K, Service, answer_headers, overlap_at_10, rendered

MovieLensId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="MovieLens's own id, from 1")]


def film_router(service: Service) -> APIRouter:
    """/recommend and /similar."""
    router = APIRouter()

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

    @router.get("/recommend/{user}", response_model=RecommendResponse, responses=problems(403, 422))
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

    @router.post("/recommend", response_model=RecommendResponse, responses=problems(400, 415, 422))
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

    @router.get("/similar/{item}", response_model=RecommendResponse, responses=problems(404, 422))
    async def similar(request: Request, item: MovieLensId, asked: Annotated[Parameters, Query()]) -> Response:
        """Films that the same people choose."""
        release = service.serving.champion
        if item > release.n_items:
            raise Problem(404, f"There is no film {item}. Films have ids from 1 to {release.n_items}.")
        return answer(request, release, lambda one, k: one.similar(item - 1, k), asked.k)

    return router
