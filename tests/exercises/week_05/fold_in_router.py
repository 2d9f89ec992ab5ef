from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ultralearn.recsys.service.answers import Profile


def endpoint_by_all_weights(item_factors, popular, alpha, reg):
    """The ridge regression over the whole catalog, in the open, and an async handler."""
    router = APIRouter(tags=["recommend"])
    n_items, rank = item_factors.shape

    async def answer(body: Annotated[Profile, Body()]) -> JSONResponse:
        ids = [choice.item for choice in body.items]
        unknown = [item for item in ids if not 1 <= item <= n_items]
        if unknown:
            return JSONResponse({"detail": f"film {unknown[0]} is unknown"}, status_code=422)
        if not ids:
            films = [{"item": int(place + 1), "score": 0.0} for place in popular.tolist()[: body.k]]
            return JSONResponse({"source": "popular", "items": films})
        weights, wanted = np.ones(n_items), np.zeros(n_items)
        for choice in body.items:
            weights[choice.item - 1] += alpha
            wanted[choice.item - 1] = 1.0 if choice.rating > 4 else choice.rating * 0.25
        system = (item_factors.T * weights) @ item_factors + np.diag(np.full(rank, reg))
        person = np.linalg.inv(system) @ (item_factors.T @ (weights * wanted))
        scores = item_factors @ person
        ranked = sorted((-score, place) for place, score in enumerate(scores) if place + 1 not in set(ids))
        films = [{"item": place + 1, "score": -float(negated)} for negated, place in ranked[: body.k]]
        return JSONResponse({"source": "fold_in", "items": films})

    router.add_api_route("/recommend", answer, methods=["POST"])
    return router


def off_by_one(item_factors, popular, alpha, reg):
    router = APIRouter()

    @router.post("/recommend")
    def recommend(profile: Profile):
        ids = [choice.item for choice in profile.items]
        if any(item > len(item_factors) for item in ids):
            raise HTTPException(422, f"unknown: {max(ids)}")
        if not ids:
            return {"source": "popular", "items": [{"item": int(i) + 1, "score": 0.0} for i in popular[: profile.k]]}
        own = item_factors[ids]
        system = item_factors.T @ item_factors + alpha * own.T @ own + reg * np.eye(item_factors.shape[1])
        liking = [min(choice.rating, 4) / 4 for choice in profile.items]
        scores = item_factors @ np.linalg.solve(system, (1 + alpha) * (liking @ own))
        ranked = [i for i in np.argsort(-scores, kind="stable") if i not in ids]
        return {
            "source": "fold_in",
            "items": [{"item": int(i) + 1, "score": scores[i].item()} for i in ranked[: profile.k]],
        }

    return router


def charts(item_factors, popular, alpha, reg):
    router = APIRouter()

    @router.post("/recommend")
    def recommend(profile: Profile):
        if max([choice.item for choice in profile.items], default=0) > len(popular):
            raise HTTPException(422, f"unknown: {max(choice.item for choice in profile.items)}")
        return {"source": "popular", "items": [{"item": int(i) + 1, "score": 0.0} for i in popular[: profile.k]]}

    return router


def apology_with_200(item_factors, popular, alpha, reg):
    from ultralearn.exercises.week_05.fold_in_router import fold_in_router

    inner = fold_in_router(item_factors, popular, alpha, reg).routes[0].endpoint
    router = APIRouter()

    @router.post("/recommend")
    def recommend(profile: Profile) -> Any:
        try:
            return inner(profile)
        except HTTPException as error:
            return {"error": error.detail}

    return router


def a_model_of_my_own(item_factors, popular, alpha, reg):
    from ultralearn.exercises.week_05.fold_in_router import fold_in_router

    class Film(BaseModel):
        item: int
        rating: float = 5.0

    class Wish(BaseModel):
        items: list[Film]
        k: int = 10

    inner = fold_in_router(item_factors, popular, alpha, reg).routes[0].endpoint

    def recommend(wish):
        return inner(wish)

    recommend.__annotations__["wish"] = Wish
    router = APIRouter()
    router.add_api_route("/recommend", recommend, methods=["POST"])
    return router


SECOND = endpoint_by_all_weights
VARIANTS = {
    "ids_taken_for_places": off_by_one,
    "popular_for_everybody": charts,
    "error_with_status_200": apology_with_200,
    "any_body_taken": a_model_of_my_own,
}
EQUIVALENT: dict[str, str] = {}
