"""Week 5: `fold_in_router`."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx2 as httpx
import numpy as np
from fastapi import APIRouter, HTTPException, Response

from ultralearn.exercises.week_05.common import Seen, body_of, converse
from ultralearn.practice import Declaration, Probe
from ultralearn.practice.comparison import describe
from ultralearn.recsys.service.answers import Profile


def fold_in_router(item_factors: np.ndarray, popular: np.ndarray, alpha: float, reg: float) -> APIRouter:
    """A router with POST /recommend, for people whom the model has never
    seen.

    The body is a Profile: `items`, each with `item` (an id from 1) and
    `rating`, and `k`. item_factors: (n_items, rank), row i is film i + 1.
    popular: (n_items,), places of the films, most popular first. With Y
    the item factors, Y_u those of the films sent and p = min(rating / 4,
    1), the person is the x that solves

        (Y'Y + alpha Y_u'Y_u + reg I) x = (1 + alpha) Y_u'p

    Answers in JSON, {"items": [{"item": id, "score": y.x}, ...],
    "source": "fold_in"}: the k best, best first, none that was sent,
    fewer or none where no more are left. Nothing sent: the k most
    popular, each with score 0.0, source "popular". A film that does not
    exist: status 422, and the message holds its id. Nobody's films are
    kept for the next request.
    """
    router = APIRouter()
    gram = item_factors.T @ item_factors

    @router.post("/recommend")
    def recommend(profile: Profile) -> dict[str, Any]:
        sent = np.array([choice.item - 1 for choice in profile.items])
        if len(sent) == 0:
            top = [{"item": int(place) + 1, "score": 0.0} for place in popular[: profile.k]]
            return {"items": top, "source": "popular"}
        if sent.max() >= len(item_factors):
            raise HTTPException(422, f"there is no film {sent.max() + 1}")
        own = item_factors[sent]
        liking = np.array([choice.rating / 4 for choice in profile.items]).clip(max=1)
        system = gram + alpha * own.T @ own + reg * np.eye(len(gram))
        scores = item_factors @ np.linalg.solve(system, (1 + alpha) * own.T @ liking)
        scores[sent] = -np.inf
        left = np.argsort(-scores)[: len(scores) - len(sent)]
        best = [{"item": int(i) + 1, "score": float(scores[i])} for i in left[: profile.k]]
        return {"items": best, "source": "fold_in"}

    return router


def _endpoint(
    item_factors,
    popular,
    alpha,
    reg,
    *,
    place=lambda item: item - 1,
    name=lambda place: place + 1,
    unknown="refuse",
    liking=lambda stars: min(stars / 4, 1),
    known=lambda item_factors: item_factors,
    weights=lambda alpha: (alpha, 1 + alpha),
    empty="popular",
    strike_out=True,
    k=lambda k: k,
    remember=False,
    everybody=None,
):
    """A router as the reference's, but for what is given."""
    router = APIRouter()
    earlier: list[Any] = []

    @router.post("/recommend")
    def recommend(profile: Profile) -> Any:
        choices = [choice for choice in profile.items if unknown != "skip" or choice.item <= len(item_factors)]
        if remember:
            earlier.extend(choices)
            choices = list({choice.item: choice for choice in earlier}.values())
        wrong = [choice.item for choice in choices if choice.item > len(item_factors)]
        if wrong and unknown == "refuse":
            raise HTTPException(422, f"there is no film {wrong[0]}")
        if wrong and unknown == "told":
            return {"error": f"there is no film {wrong[0]}"}
        if everybody is not None or (not choices and empty == "popular"):
            top = [{"item": name(int(i)), "score": 0.0} for i in popular[: k(profile.k)]]
            return {"items": top, "source": "popular" if not choices else everybody}
        sent = np.array([place(choice.item) for choice in choices], dtype=int)
        own = item_factors[sent]
        base = known(item_factors)
        heavy, right = weights(alpha)
        system = base.T @ base + heavy * own.T @ own + reg * np.eye(item_factors.shape[1])
        target = right * own.T @ np.array([liking(choice.rating) for choice in choices])
        scores = item_factors @ np.linalg.solve(system, target)
        if strike_out:
            scores[sent] = -np.inf
        best = np.argsort(-scores, kind="stable")[: k(profile.k)]
        best = best[scores[best] > -np.inf]
        return {"items": [{"item": name(int(i)), "score": float(scores[i])} for i in best], "source": "fold_in"}

    return router


NO_PROFILE = ("a film twice", "k of 0")  # of which the status says all


def _visits(n_items: int) -> dict[str, Any]:
    """What is sent, by what it is called in the learner's message."""
    first = {"items": [{"item": n_items}], "k": 3}
    return {
        "the last film": first,
        "three films": {"items": [{"item": 2, "rating": 5}, {"item": 4, "rating": 3}, {"item": 1, "rating": 1}]},
        "the same three, other stars": {
            "items": [{"item": 2, "rating": 1}, {"item": 4, "rating": 5}, {"item": 1, "rating": 4}],
        },
        "nothing": {"items": [], "k": 4},
        "nothing, k left out": {"items": []},
        "one film, k of 1": {"items": [{"item": 3, "rating": 4.5}], "k": 1},
        "a film that does not exist": {"items": [{"item": 1}, {"item": n_items + 1}]},
        "one that does not exist by far, and one that does": {"items": [{"item": 10 * n_items}, {"item": 1}]},
        "more than are left": {"items": [{"item": number} for number in range(2, n_items)][:900], "k": 100},
        "every film there is, or 1,000": {"items": [{"item": number + 1} for number in range(n_items)][:1000], "k": 3},
        "a film twice": {"items": [{"item": 2, "rating": 1}, {"item": 2, "rating": 5}]},
        "k of 0": {"items": [{"item": 2}], "k": 0},
        "the first again, k of 5": first | {"k": 5},
    }


def _served(function: Callable[..., Any], item_factors: np.ndarray, **rest: Any) -> Seen:
    """Status and body of each visit; of a refusal, whether its message names the film."""
    router = function(item_factors=item_factors, **rest)
    if not isinstance(router, APIRouter):
        raise TypeError(f"it returned {describe(router)}, expected an APIRouter")
    seen: Seen = {}

    async def talk(client: httpx.AsyncClient) -> None:
        for label, body in _visits(len(item_factors)).items():
            response = await client.post("/recommend", json=body)
            words = body_of(response) if response.status_code == 200 and label not in NO_PROFILE else ""
            largest = max((choice["item"] for choice in body["items"]), default=0)
            if 400 <= response.status_code < 500 and largest > len(item_factors):
                words = "names the film" if f"{largest}" in response.text else "does not name the film"
            seen[label] = {"status": response.status_code, "body": words}

    converse(router, talk)
    return seen


def _catalog(n_items: int, rank: int, alpha: float, reg: float, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    popular = rng.permutation(n_items)
    return {
        "item_factors": rng.normal(size=(n_items, rank)) / np.sqrt(rank),
        "popular": popular,
        "alpha": alpha,
        "reg": reg,
    }


declaration = Declaration(
    fold_in_router,
    question="Three ways that somebody new can surprise your endpoint: they send nothing, they send what does not "
    "exist, they send everything. What should each of them see?",
    nudge="What is the same for everybody, Y'Y, is computed once, outside the handler. Inside: ids to places, the two "
    "exceptions, `np.linalg.solve`, strike out, choose, places back to ids.",
    probes=[
        Probe("a catalog of 7 films", lambda: _catalog(7, 2, 1.0, 0.5, seed=1)),
        Probe("60 films, 5 factors", lambda: _catalog(60, 5, 3.0, 2.0, seed=2)),
        Probe("40 films, a strong reg", lambda: _catalog(40, 4, 0.5, 20.0, seed=3)),
        Probe("1,682 films, 64 factors", lambda: _catalog(1682, 64, 2.0, 25.0, seed=4), times=30),
    ],
    observe=_served,
)


@declaration.misconception
def ids_taken_for_places(item_factors, popular, alpha, reg):
    """You look up film 50 in row 50; it stands in row 49. Everybody gets the recommendations of their films' neighbors,
    the last film breaks, and no other test would notice.
    """
    return _endpoint(item_factors, popular, alpha, reg, place=lambda item: item)


@declaration.misconception
def places_sent_as_ids(item_factors, popular, alpha, reg):
    """You answer with places in the array, from 0. Whoever asked knows ids, from 1, and looks up the film before the
    one that you meant.
    """
    return _endpoint(item_factors, popular, alpha, reg, name=lambda place: place)


@declaration.misconception
def what_was_sent_comes_back(item_factors, popular, alpha, reg):
    """You recommend to people what they have told you. It scores best, of course: strike it out before you choose."""
    return _endpoint(item_factors, popular, alpha, reg, strike_out=False)


@declaration.misconception
def popular_for_everybody(item_factors, popular, alpha, reg):
    """Everybody gets the charts, whatever they send. The gate at month 3 sends two people with opposite tastes and
    looks at nothing else.
    """
    return _endpoint(item_factors, popular, alpha, reg, everybody="popular")


@declaration.misconception
def popular_in_disguise(item_factors, popular, alpha, reg):
    """Everybody gets the charts, and it says "fold_in" above them. A source that lies is worse than none."""
    return _endpoint(item_factors, popular, alpha, reg, everybody="fold_in")


@declaration.misconception
def nothing_folded_in(item_factors, popular, alpha, reg):
    """To somebody who sent nothing you say that the films they sent led to these: the solution is a vector of zeros,
    all scores are 0, and the order is that of the ids. Ask first whether there is anything to fold in.
    """
    return _endpoint(item_factors, popular, alpha, reg, empty="solve")


@declaration.misconception
def unknown_film_breaks(item_factors, popular, alpha, reg):
    """A film that does not exist breaks your endpoint: something raises, NumPy or you, and the client reads "500",
    which means that it is your fault. Look before you index, at every film that was sent. Which exception does FastAPI
    turn into a status of your choice?
    """
    return _endpoint(item_factors, popular, alpha, reg, unknown="break")


@declaration.misconception
def unknown_film_skipped(item_factors, popular, alpha, reg):
    """You leave out films that do not exist and answer as if they had not been sent. Whoever has the ids of another
    catalog will get plausible nonsense for months.
    """
    return _endpoint(item_factors, popular, alpha, reg, unknown="skip")


@declaration.misconception
def error_with_status_200(item_factors, popular, alpha, reg):
    """You say that something is wrong in the body, and that all is well in the status: 200. Clients, proxies and
    alarms read the status. Raise an HTTPException.
    """
    return _endpoint(item_factors, popular, alpha, reg, unknown="told")


@declaration.misconception
def stars_ignored(item_factors, popular, alpha, reg):
    """One star counts as much as five with you. p is min(rating / 4, 1)."""
    return _endpoint(item_factors, popular, alpha, reg, liking=lambda stars: 1.0)


@declaration.misconception
def stars_not_capped(item_factors, popular, alpha, reg):
    """Five stars count for more than 1 with you: p is a quarter a star, but 1 at most."""
    return _endpoint(item_factors, popular, alpha, reg, liking=lambda stars: stars / 4)


@declaration.misconception
def blanks_forgotten(item_factors, popular, alpha, reg):
    """You solve for the films that were sent as if there were no others. What somebody did not choose counts too, a
    little: that is the Y'Y in the equation, and it is the same for everybody.
    """
    return _endpoint(item_factors, popular, alpha, reg, known=lambda item_factors: 0 * item_factors)


@declaration.misconception
def facts_weigh_like_blanks(item_factors, popular, alpha, reg):
    """On your left side alpha has no effect: what was sent weighs as much as what was not."""
    return _endpoint(item_factors, popular, alpha, reg, weights=lambda alpha: (0.0, 1 + alpha))


@declaration.misconception
def alpha_for_one_plus_alpha(item_factors, popular, alpha, reg):
    """The order is right and the scores are too low: on the right side stands 1 + alpha, the weight of what was sent,
    not alpha, which is what it weighs more than the rest.
    """
    return _endpoint(item_factors, popular, alpha, reg, weights=lambda alpha: (alpha, alpha))


@declaration.misconception
def ten_whatever_k(item_factors, popular, alpha, reg):
    """You answer with ten films, whatever k says."""
    return _endpoint(item_factors, popular, alpha, reg, k=lambda k: 10)


@declaration.misconception
def any_body_taken(item_factors, popular, alpha, reg):
    """A film that is sent twice, a k of 0: you answer what is no Profile. FastAPI checks a body against the annotation
    of your handler's parameter, before it calls it. Which annotation is there?
    """
    answer = _endpoint(item_factors, popular, alpha, reg).routes[0].endpoint
    router = APIRouter()

    @router.post("/recommend")
    def recommend(body: dict[str, Any]) -> Any:
        chosen = [SimpleNamespace(**{"rating": 5.0} | choice) for choice in body["items"]]
        return answer(SimpleNamespace(items=chosen, k=body.get("k", 10)))

    return router


@declaration.misconception
def text_for_json(item_factors, popular, alpha, reg):
    """The text that you send would be JSON, but nothing says so: the content type is another one, and many a client
    will not read it. What does FastAPI do with a dict that a handler returns?
    """
    answer = _endpoint(item_factors, popular, alpha, reg).routes[0].endpoint
    router = APIRouter()

    @router.post("/recommend")
    def recommend(profile: Profile) -> Any:
        return Response(json.dumps(answer(profile)))

    return router


@declaration.misconception
def earlier_visitors_kept(item_factors, popular, alpha, reg):
    """Your answers depend on who asked before: something outside the handler grows. One process serves thousands, and
    whatever lives outside a request is shared by all of them.
    """
    return _endpoint(item_factors, popular, alpha, reg, remember=True)
