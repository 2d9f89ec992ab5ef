"""Week 5: second solutions, misconceptions written another way, and mutants that change nothing."""

import copy
import heapq
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat, StrictInt, create_model, model_validator

from ultralearn.recsys.service.answers import Profile

# --- a second, independently written right solution for each exercise ---


def request_from_annotated_types(n_items, max_k):
    def once(choices):
        seen = set()
        for choice in choices:
            if choice.item in seen:
                raise ValueError(f"film {choice.item} twice")
            seen.add(choice.item)
        return choices

    closed = ConfigDict(extra="forbid")
    film = Annotated[StrictInt, Field(gt=0, lt=n_items + 1)]
    stars = Annotated[StrictFloat | StrictInt, Field(ge=0.5, le=5)]
    choice = create_model("Choice", __config__=closed, item=(film, ...), rating=(stars, 5.0))
    choices = Annotated[list[choice], Field(max_length=1000), AfterValidator(once)]
    k = Annotated[StrictInt, Field(gt=0, lt=max_k + 1)]
    return create_model("Recommend", __config__=closed, items=(choices, ...), k=(k, 10))


def maximum_after_maximum(scores, k):
    left = np.array(scores, dtype=float)
    found = []
    while len(found) < k and len(left):
        place = int(np.argmax(left))
        if left[place] == -np.inf:
            break
        found.append(place)
        left[place] = -np.inf
    return np.array(found, dtype=np.int64)


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


def probes_by_hand(life):
    router = APIRouter()

    @router.get("/healthz")
    async def healthz():
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz():
        words = {"status": "ready", "model_version": life.model_version}
        if life.model_version is None:
            words["status"] = "loading"
        if life.draining:
            words["status"] = "draining"
        return JSONResponse(words, status_code={"ready": 200}.get(words["status"], 503))

    return router


def swap_with_an_early_count(holder, load, golden, at_least):
    outcome = "refused"
    try:
        candidate = load()
        missed = 0
        if candidate.version != holder.serving.version:
            for liked, wanted in golden:
                missed += wanted not in set(candidate.model.recommend(liked, 10))
            if len(golden) - missed >= at_least:
                setattr(holder, "serving", candidate)  # noqa: B010 # written another way on purpose
                outcome = "swapped"
        else:
            outcome = "unchanged"
    except Exception:  # load() may raise anything
        outcome = "refused"
    return outcome


SECOND = {
    "recommend_request": request_from_annotated_types,
    "top_k": maximum_after_maximum,
    "fold_in_router": endpoint_by_all_weights,
    "health_router": probes_by_hand,
    "swap_model": swap_with_an_early_count,
}

# --- misconceptions, written as somebody else would ---


Stars = Annotated[float, Field(ge=0.5, le=5)]


def lax_numbers(n_items, max_k):
    class Film(BaseModel, extra="forbid"):
        item: Annotated[int, Field(ge=1, le=n_items)]
        rating: Annotated[float, Field(ge=0.5, le=5)] = 5.0

    class Wish(BaseModel, extra="forbid"):
        items: Annotated[list[Film], Field(max_length=1000)]
        k: Annotated[int, Field(ge=1, le=max_k)] = 10

        @model_validator(mode="after")
        def distinct(self):
            if len({film.item for film in self.items}) != len(self.items):
                raise ValueError("twice")
            return self

    return Wish


def fields_let_pass(n_items, max_k):
    class Film(BaseModel, strict=True):
        item: int = Field(gt=0, le=n_items)
        rating: float = Field(5.0, ge=0.5, le=5)

    class Wish(BaseModel, strict=True):
        items: list[Film] = Field(max_length=1000)
        k: int = Field(10, gt=0, le=max_k)

        @model_validator(mode="after")
        def distinct(self):
            assert len({film.item for film in self.items}) == len(self.items)
            return self

    return Wish


def twice_is_fine(n_items, max_k):
    class Film(BaseModel, strict=True, extra="forbid"):
        item: int = Field(gt=0, le=n_items)
        rating: float = Field(5.0, ge=0.5, le=5)

    class Wish(BaseModel, strict=True, extra="forbid"):
        items: list[Film] = Field(max_length=1000)
        k: int = Field(10, gt=0, le=max_k)

    return Wish


def settings_outside(n_items, max_k):
    film = create_model("Film", item=(Annotated[int, Field(ge=1, le=n_items)], ...), rating=(Stars, 5.0))

    class Wish(BaseModel, strict=True, extra="forbid"):
        items: list[film] = Field(max_length=1000)
        k: int = Field(10, gt=0, le=max_k)

        @model_validator(mode="after")
        def distinct(self):
            assert len({choice.item for choice in self.items}) == len(self.items)
            return self

    return Wish


def sorted_with_lexsort(scores, k):
    order = np.lexsort([np.arange(len(scores)), -scores])
    return np.array([place for place in order[:k] if scores[place] > -np.inf], dtype=np.int64)


def argpartition_from_the_end(scores, k):
    shown = np.flatnonzero(np.isfinite(scores))
    k = min(k, len(shown))
    best = shown[np.argpartition(scores[shown], -k)[-k:]]
    return np.array(sorted(best, key=lambda place: -scores[place]))


def argpartition_as_on_the_web(scores, k):
    best = np.argpartition(scores, -k)[-k:]
    return best[np.argsort(scores[best])[::-1]]


def partition_unsorted(scores, k):
    k = min(k, int(np.isfinite(scores).sum()))
    bound = np.sort(scores)[-k]
    above, equal = np.flatnonzero(scores > bound), np.flatnonzero(scores == bound)
    return np.sort(np.concatenate([above, equal[: k - len(above)]]))


def the_scores_themselves(scores, k):
    return np.sort(scores[np.isfinite(scores)])[::-1][:k]


def heap_of_the_rounded(scores, k):
    exact = {place: score for place, score in enumerate(scores.astype(np.float32).tolist()) if score > -np.inf}
    return np.array(heapq.nlargest(k, exact, key=exact.__getitem__), dtype=np.int64)


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
    from ultralearn.exercises.week_05 import fold_in_router

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
    from ultralearn.exercises.week_05 import fold_in_router

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


def remembered_at_import(life):
    ready, draining, version = life.model_version is not None, life.draining, life.model_version
    router = APIRouter()
    router.add_api_route("/healthz", lambda: {"status": "ok"})

    @router.get("/readyz")
    def readyz():
        word = "draining" if draining else "ready" if ready else "loading"
        return JSONResponse({"status": word, "model_version": version}, 200 if word == "ready" else 503)

    return router


def body_only(life):
    router = APIRouter()
    router.add_api_route("/healthz", lambda: {"status": "ok"})

    @router.get("/readyz")
    def readyz(request: Request):
        word = "draining" if life.draining else "ready" if life.model_version else "loading"
        return {"status": word, "model_version": life.model_version}

    return router


def one_probe_for_both(life):
    router = APIRouter()
    status = {True: 200, False: 503}

    @router.get("/healthz")
    def healthz():
        return JSONResponse({"status": "ok"}, status[not life.draining and life.model_version is not None])

    @router.get("/readyz")
    def readyz():
        word = "draining" if life.draining else "ready" if life.model_version else "loading"
        return JSONResponse({"status": word, "model_version": life.model_version}, status[word == "ready"])

    return router


def raised_with_the_body(life):
    router = APIRouter()
    router.add_api_route("/healthz", lambda: {"status": "ok"})

    @router.get("/readyz")
    def readyz():
        word = "draining" if life.draining else "ready" if life.model_version else "loading"
        body = {"status": word, "model_version": life.model_version}
        if word != "ready":
            raise HTTPException(503, body)
        return body

    return router


def version_then_model(holder, load, golden, at_least):
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if [wanted in new.model.recommend(liked, 10) for liked, wanted in golden].count(True) < at_least:
            return "refused"
    except Exception:
        return "refused"
    serving = holder.serving
    serving.version = new.version
    serving.model = new.model
    return "swapped"


def taken_back(holder, load, golden, at_least):
    before = copy.copy(holder.serving)
    before = holder.serving if before == holder.serving else before
    try:
        new = load()
        if new.version == before.version:
            return "unchanged"
        holder.serving = new
        good = sum([wanted in holder.serving.model.recommend(liked, 10) for liked, wanted in golden]) >= at_least
    except Exception:
        good = False
    if not good:
        holder.serving = before
    return "swapped" if good else "refused"


def a_local_name(holder, load, golden, at_least):
    serving = holder.serving
    try:
        new = load()
        if new.version == serving.version:
            return "unchanged"
        if sum(wanted in new.model.recommend(liked, 10) for liked, wanted in golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    serving = new
    return "swapped" if serving is new else "refused"


def two_kinds_of_error(holder, load, golden, at_least):
    try:
        new = load()
    except OSError:
        return "refused"
    if new.version == holder.serving.version:
        return "unchanged"
    try:
        good = sum(wanted in new.model.recommend(liked, 10) for liked, wanted in golden) >= at_least
    except (ValueError, ArithmeticError):
        return "refused"
    if good:
        holder.serving = new
    return "swapped" if good else "refused"


def load_that_escapes(holder, load, golden, at_least):
    new = load()
    if new.version != holder.serving.version:
        try:
            good = sum(wanted in new.model.recommend(liked, 10) for liked, wanted in golden) >= at_least
        except ValueError:
            good = False
        if good:
            holder.serving = new
        return "swapped" if good else "refused"
    return "unchanged"


VARIANTS = {
    "recommend_request": {
        "texts_become_numbers": lax_numbers,
        "unknown_fields_ignored": fields_let_pass,
        "same_film_twice": twice_is_fine,
        "closed_on_the_outside_only": settings_outside,
    },
    "top_k": {
        "everything_sorted": sorted_with_lexsort,
        "ties_left_to_chance": argpartition_from_the_end,
        "best_but_in_no_order": partition_unsorted,
        "scores_not_places": the_scores_themselves,
        "close_scores_confused": heap_of_the_rounded,
    },
    "fold_in_router": {
        "ids_taken_for_places": off_by_one,
        "popular_for_everybody": charts,
        "error_with_status_200": apology_with_200,
        "any_body_taken": a_model_of_my_own,
    },
    "health_router": {
        "decided_at_the_start": remembered_at_import,
        "said_in_the_body_only": body_only,
        "unhealthy_while_loading": one_probe_for_both,
        "raises_when_not_ready": raised_with_the_body,
    },
    "swap_model": {
        "model_then_version": version_then_model,
        "swapped_before_it_is_checked": taken_back,
        "damage_gets_through": load_that_escapes,
        "nobody_sees_it": a_local_name,
        "expected_errors_only": two_kinds_of_error,
    },
}

# --- mutants that change nothing, each with the reason ---

EQUIVALENT: dict[str, dict[str, str]] = {
    "top_k": {"min(k, len(scores)) → min(len(scores), k)": "the smaller of two numbers, whichever is named first"},
}
