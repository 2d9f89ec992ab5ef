"""Week 5: a service, piece by piece: what may come in, the k best, somebody new, ready or not, and the swap."""

# A misconception is written as a learner writes it, without types.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"

import copy
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
from fastapi import APIRouter, FastAPI, HTTPException, Response
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ultralearn.practice import Probe, Week
from ultralearn.practice.comparison import describe
from ultralearn.practice.comparison import kind as describe_kind
from ultralearn.recsys.service.answers import Profile

week = Week(5)
exercise, hint = week.exercise, week.hint

Seen = dict[str, Any]


@contextmanager
def _client(*routers: Any) -> Iterator[TestClient]:
    """Somebody who sends requests to an app of these routers, and sees a 500 where it raises."""
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def _words(response: Any) -> Any:
    """The body: what its JSON says, or what it is instead."""
    kind = response.headers.get("content-type", "missing")
    try:
        is_json = kind.partition(";")[0] == "application/json"
        return _sorted_keys(response.json()) if is_json else {"content type": kind}
    except ValueError:
        return {"content type": f"{kind}, but it is none"}


def _sorted_keys(body: Any) -> Any:
    """JSON's objects have no order, and its null is no forgotten `return`."""
    if body is None:
        return "JSON's null"
    if isinstance(body, dict):
        return {key: _sorted_keys(body[key]) for key in sorted(body)}
    return [_sorted_keys(part) for part in body] if isinstance(body, list) else body


# --- recommend_request -----------------------------------------------------------------------------------------------


def recommend_request(n_items: int, max_k: int) -> type[BaseModel]:
    """The body of POST /recommend as a pydantic model: what may come in.

    n_items: films have ids 1 to n_items. max_k: at least 10. Returns the
    class, with two fields. items: required, may be empty, at most 1,000
    objects {"item": id, "rating": stars}; the stars, any number from 0.5
    to 5, may be left out and are 5 then; no film comes twice. k: whole, 1
    to max_k, 10 if left out. A number is a number: "5", true, null, NaN
    and an id of 1.5 do not fit, nor does any field that is not named
    here. What does not fit raises pydantic's ValidationError, which
    FastAPI answers with 422.
    """

    class Choice(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        item: int = Field(ge=1, le=n_items)
        rating: float = Field(default=5.0, ge=0.5, le=5)

    class Request(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        items: list[Choice] = Field(max_length=1000)
        k: int = Field(default=10, ge=1, le=max_k)

        @field_validator("items")
        @classmethod
        def once_each(cls, items: list[Choice]) -> list[Choice]:
            if len({choice.item for choice in items}) < len(items):
                raise ValueError("a film is there more than once")
            return items

    return Request


# What the misconceptions have in common; each changes one of these.
_ITEM: dict[str, Any] = {"ge": 1}
_STARS: dict[str, Any] = {"default": 5.0, "ge": 0.5, "le": 5}


def _model(
    n_items,
    max_k,
    *,
    config=None,
    item=None,
    stars=None,
    stars_type=float,
    k=None,
    length=None,
    k_type=int,
    inner=None,
    unique=True,
    cut=False,
):
    """A request model as the reference's, but for what is given."""
    of_all: Any = {"extra": "forbid", "strict": True} | (config or {})
    of_one: Any = of_all if inner is None else inner
    of_item = Field(**({"ge": 1, "le": n_items} if item is None else item))
    of_stars = Field(**(_STARS if stars is None else stars))
    of_items = Field(**({"max_length": 1000} if length is None else length))
    of_k = Field(**({"default": 10, "ge": 1, "le": max_k} if k is None else k))

    class Choice(BaseModel):
        model_config = of_one
        item: int = of_item
        rating: stars_type = of_stars  # type: ignore[valid-type] # chosen by the mistake

    class Request(BaseModel):
        model_config = of_all
        items: list[Choice] = of_items
        k: k_type = of_k  # type: ignore[valid-type] # chosen by the mistake

        @field_validator("items")
        @classmethod
        def once_each(cls, items):
            last = {choice.item: choice for choice in items}
            if unique == "last":
                return list(last.values())
            if unique and len(last) < len(items):
                raise HTTPException(422, "twice") if unique == "http" else ValueError("a film is there more than once")
            return items

        @field_validator("k", mode="before")
        @classmethod
        def cut_to_fit(cls, k):
            return min(max(k, 1), max_k) if cut and type(k) is int else k

    return Request


def types_without_bounds(n_items, max_k):
    """The types are right, and that is all you check: 0 stars, film number -3 and a list of a billion films come in.
    A type says what kind of thing a number is; which numbers make sense, you have to say.
    """
    return _model(n_items, max_k, item={}, stars={"default": 5.0}, k={"default": 10}, length={}, unique=False)


def texts_become_numbers(n_items, max_k):
    """You let in "7" where a number belongs, and `true` for 1. pydantic is obliging and converts what it can, unless it
    is told to be strict. Whoever sends "7" has a bug, and nobody will tell them.
    """
    return _model(n_items, max_k, config={"strict": False})


def unknown_fields_ignored(n_items, max_k):
    """Somebody writes "K" for "k", or "stars" for "rating", and gets an answer, to another question than the one they
    asked. By default pydantic drops the fields that it does not know. There is a setting that refuses them.
    """
    return _model(n_items, max_k, config={"extra": "ignore"})


def same_film_twice(n_items, max_k):
    """A film may be sent twice, with two opinions. No bound on a single field can see that: it takes a validator that
    looks at the whole list.
    """
    return _model(n_items, max_k, unique=False)


def last_opinion_wins(n_items, max_k):
    """Somebody sends a film twice, and you choose which of the two they meant. You cannot know; they can. Refuse, and
    they will tell you.
    """
    return _model(n_items, max_k, unique="last")


def refused_over_their_heads(n_items, max_k):
    """Your validator raises an HTTPException. FastAPI passes it on and the status is right, by luck; whoever uses the
    class without FastAPI, in a test or a script, gets an error that is about HTTP. A model says that a value is wrong:
    which exception is for that? pydantic collects it, and adds where it was.
    """
    return _model(n_items, max_k, unique="http")


def closed_on_the_outside_only(n_items, max_k):
    """The request is strict and knows its fields, the films in its list do not: "2" passes for a film's id, and `stars`
    for a field. A model's settings are its own; the class inside does not inherit them.
    """
    return _model(n_items, max_k, inner={})


def ends_left_out(n_items, max_k):
    """Your bounds leave out the ends: somebody who gives five stars is refused. `gt` and `lt` mean "more" and "less";
    there is another pair that means "at least" and "at most".
    """
    return _model(
        n_items,
        max_k,
        item={"gt": 1, "lt": n_items},
        stars={"default": 5.0, "gt": 0.5, "lt": 5},
        k={"default": 10, "gt": 1, "lt": max_k},
    )


def stars_required(n_items, max_k):
    """You refuse a film without stars. They may be left out, and count as 5 then: a field with a default is not
    required.
    """
    return _model(n_items, max_k, stars={"ge": 0.5, "le": 5})


def newcomers_refused(n_items, max_k):
    """You refuse an empty list. But somebody who has chosen nothing yet is no error, it is everybody on their first
    visit: there is an answer for them.
    """
    return _model(n_items, max_k, length={"max_length": 1000, "min_length": 1})


def films_from_zero(n_items, max_k):
    """You count films from 0 to n_items - 1, as arrays do. On the wire they have MovieLens's own ids, 1 to n_items, so
    here the last film is refused and a film 0 comes in.
    """
    return _model(n_items, max_k, item={"ge": 0, "lt": n_items})


def films_without_end(n_items, max_k):
    """You let in ids of films that do not exist, and the first line of NumPy that sees one will raise: a 500, our
    mistake, where a 422 would have said that it is theirs. The model may know how many films there are.
    """
    return _model(n_items, max_k, item=_ITEM)


def list_without_end(n_items, max_k):
    """You take lists of any length. Somebody will send a million films, by mistake or not by mistake, and your server
    will be busy with them. Bound what costs.
    """
    return _model(n_items, max_k, length={})


def k_of_one_size(n_items, max_k):
    """Your largest k is 100, whatever `max_k` says. In another service it is another number."""
    return _model(n_items, max_k, k={"default": 10, "ge": 1, "le": 100})


def all_that_is_allowed(n_items, max_k):
    """Whoever leaves out k gets as many films as are allowed. The default is 10."""
    return _model(n_items, max_k, k={"default": max_k, "ge": 1, "le": max_k})


def whole_stars_only(n_items, max_k):
    """You refuse four and a half stars. The stars are a number from 0.5 to 5, and need not be whole."""
    return _model(n_items, max_k, stars={"default": 5, "ge": 1, "le": 5}, stars_type=int)


def half_stars_only(n_items, max_k):
    """You refuse 3.7 stars. MovieLens has half stars, but what is asked for is any number from 0.5 to 5: somebody may
    send you a mean.
    """
    return _model(n_items, max_k, stars=_STARS | {"multiple_of": 0.5})


def two_and_a_half_films(n_items, max_k):
    """You let in a k of 2.5. There are no lists of two and a half films, and the first slice `[:k]` will raise."""
    return _model(n_items, max_k, k_type=float)


def k_cut_to_fit(n_items, max_k):
    """You cut k down to what is allowed and answer as if nothing had happened. Whoever asks for 5,000 films and gets
    100 will look for the other 4,900 in their own code. Refuse, and the message says what is allowed.
    """
    return _model(n_items, max_k, cut=True)


def an_object_not_the_class(n_items, max_k):
    """You return an object, one request. Asked for is the class, from which FastAPI makes an object for each request
    that comes in.
    """
    return _model(n_items, max_k)(items=[])


def _bodies(n_items: int, max_k: int) -> dict[str, Any]:
    """What is sent, by what it is called in the learner's message."""

    def one(**choice: Any) -> Seen:
        return {"items": [{"item": 2, "rating": 4.5} | choice]}

    def films(count: int) -> Seen:
        return {"items": [{"item": number % n_items + 1, "rating": 3.5} for number in range(count)]}

    return {
        "two films": {"items": [{"item": 1, "rating": 5}, {"item": n_items, "rating": 0.5}], "k": max_k},
        "k left out": one(),
        "k of 1": {"items": [], "k": 1},
        "a rating left out": {"items": [{"item": 3}], "k": 5},
        "no film at all": {"items": []},
        "items left out": {"k": 5},
        "items null": {"items": None},
        "a film 0": one(item=0),
        "a film one past the last": one(item=n_items + 1),
        'a film "2"': one(item="2"),
        "a film true": one(item=True),
        "a film 1.5": one(item=1.5),
        "a film null": one(item=None),
        "a film whose id is a list": one(item=[2]),
        "a film that is a bare number": {"items": [2]},
        "a film without id": {"items": [{"rating": 4}]},
        "a rating of 3.7": one(rating=3.7),
        "a rating of 0.25": one(rating=0.25),
        "a rating of 5.5": one(rating=5.5),
        'a rating "4"': one(rating="4"),
        "a rating true": one(rating=True),
        "a rating null": one(rating=None),
        "k of 0": {"items": [], "k": 0},
        "k one too large": {"items": [], "k": max_k + 1},
        "k of 2.5": {"items": [], "k": 2.5},
        'k "5"': {"items": [], "k": "5"},
        "k true": {"items": [], "k": True},
        "k null": {"items": [], "k": None},
        '"K" for "k"': {"items": [], "K": 5},
        '"stars" for "rating"': {"items": [{"item": 2, "stars": 4}]},
        "a film twice": {"items": [{"item": 4}, {"item": 2, "rating": 1}, {"item": 3}, {"item": 2, "rating": 5}]},
        "1,000 films": films(1000),
        "1,001 films": films(1001),
        "a list": [{"item": 2}],
    }


def _answered(function: Callable[..., Any], n_items: int, max_k: int) -> Seen:
    """The status of each request, and for the good ones the request as the app has understood it."""
    model = function(n_items=n_items, max_k=max_k)
    if isinstance(model, BaseModel):
        return {"what the function returns": "an object"}
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"it returned {describe(model)}, expected a subclass of pydantic's BaseModel")
    router = APIRouter()

    def echo(request):
        return request.model_dump()

    echo.__annotations__["request"] = model
    router.post("/recommend")(echo)
    seen: Seen = {"what the function returns": "a model class"}
    with _client(router) as client:
        for label, body in _bodies(n_items, max_k).items():
            response = client.post("/recommend", json=body)
            fits = response.status_code == 200
            seen[label] = {
                "status": response.status_code,
                "understood as": _understood(_words(response)) if fits else "",
            }
    odd: dict[str, list[float]] = {
        "a film twice": [4, 2],
        "a rating of NaN": [float("nan")],
        "an infinite rating": [np.inf],
    }
    for label, stars in odd.items():
        body = {"items": [{"item": 1, "rating": number} for number in stars]}
        seen[f"{label}, put to the class itself"] = _raised(model, body)
    return seen


def _raised(model: type[BaseModel], body: Seen) -> str:
    """What a class says to a body: JSON has no NaN, but Python's reader of JSON has."""
    try:
        model.model_validate(body)
    except Exception as error:
        return type(error).__name__
    return "nothing raised"


def _understood(body: Any) -> Any:
    """The echo; of a long list only how long it is."""
    if isinstance(body, dict) and isinstance(body.get("items"), list) and len(body["items"]) > 100:
        return body | {"items": len(body["items"])}
    return body


week.declare(
    recommend_request,
    question="Which requests can a stranger send to POST /recommend that are JSON and yet make no sense? Write down "
    "five before you write a line.",
    nudge="Two classes, one inside the other's list. `Field` takes `ge`, `le`, `max_length` and `default`; "
    "`model_config = ConfigDict(...)` knows `strict` and `extra`; a `field_validator` sees a whole list.",
    probes=[
        Probe("a catalog of 20 films, k up to 15", lambda: {"n_items": 20, "max_k": 15}),
        Probe("a catalog of 1,500 films, k up to 250", lambda: {"n_items": 1500, "max_k": 250}),
        Probe("MovieLens's 1,682 films, k up to 100", lambda: {"n_items": 1682, "max_k": 100}, seconds=3.0),
    ],
    observe=_answered,
    misconceptions=[
        types_without_bounds,
        texts_become_numbers,
        unknown_fields_ignored,
        same_film_twice,
        last_opinion_wins,
        refused_over_their_heads,
        closed_on_the_outside_only,
        ends_left_out,
        stars_required,
        newcomers_refused,
        films_from_zero,
        films_without_end,
        list_without_end,
        k_of_one_size,
        all_that_is_allowed,
        whole_stars_only,
        half_stars_only,
        two_and_a_half_films,
        k_cut_to_fit,
        an_object_not_the_class,
    ],
)


# --- top_k -----------------------------------------------------------------------------------------------------------


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """The places of the k best scores, best first, without sorting the
    rest.

    scores: (n_items,), float; -inf marks what must not be shown. k: at
    least 1, perhaps more than there are. Returns int64, (k,), shorter
    where fewer than k scores are above -inf. Of equal scores the lower
    place comes first, also where the list ends: which of them is in is
    not left to chance. scores stay as they were.
    """
    k = min(k, len(scores))
    bound = np.partition(scores, -k)[-k]
    candidates = np.flatnonzero((scores >= bound) & (scores > -np.inf))
    order = np.argsort(-scores[candidates], kind="stable")
    return candidates[order[:k]]


def everything_sorted(scores, k):
    """Right, and you sort a million numbers to show thirty. A sort takes n log n steps; to find where the k-th best
    stands takes n. NumPy can put one place in order and leave the rest in a heap on either side: `np.partition`.
    """
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > -np.inf][:k]


def partitioned_and_no_more(scores, k):
    """On ordinary scores it works. It breaks where k is more than there are, shows films that were struck out with
    -inf, and leaves ties to chance: `argpartition` alone knows none of these three.
    """
    best = np.argpartition(-scores, k)[:k]
    return best[np.argsort(-scores[best], kind="stable")]


def ties_left_to_chance(scores, k):
    """Where several films have the same score, what you do with them is an accident of NumPy's, another one on another
    machine. There are two places to look at: is everything that reaches the k-th best score a candidate? And is the
    sort of the candidates a stable one?
    """
    k = min(k, int((scores > -np.inf).sum()))
    best = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
    return best[np.argsort(-scores[best], kind="stable")]


def last_of_equals_first(scores, k):
    """Of equal scores you show the higher place first: you sort ascending and turn the result around, and that turns
    the ties around as well. Sort the negated scores, with a stable sort.
    """
    order = np.flatnonzero(scores > -np.inf)
    return order[np.argsort(scores[order], kind="stable")[::-1]][:k]


def best_but_in_no_order(scores, k):
    """These are the best k, but the best of them does not come first. A partition promises which side of the k-th a
    score is on, and nothing about the order on that side. By what do you sort the k, if you do?
    """
    found = top_k(scores, k)
    return np.concatenate([found[1::2], found[::2]])


def worst_first(scores, k):
    """The best k, the worst of them first. People read lists from the top."""
    return top_k(scores, k)[::-1]


def the_worst_k(scores, k):
    """You return the lowest scores. `argsort` and `argpartition` put the small ones first."""
    return top_k(np.where(scores > -np.inf, -scores, -np.inf), k)


def struck_out_shown(scores, k):
    """Where too few films are left, you fill the list with films that were struck out: -inf is a number like any other
    to a sort. A shorter list is the honest one.
    """
    k = min(k, len(scores))
    candidates = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]


def no_more_than_there_are(scores, k):
    """It breaks where k is more than there are films. Somebody will ask for 100 of a catalog of 50."""
    candidates = np.flatnonzero((scores >= np.partition(scores, -k)[-k]) & (scores > -np.inf))
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]


def nothing_left(scores, k):
    """It breaks where everything was struck out: nothing is left, and nothing has no k-th best. The answer to somebody
    who has seen all of it is an empty list.
    """
    shown = np.flatnonzero(scores > -np.inf)
    k = min(k, len(shown))
    bound = scores[shown][np.argpartition(scores[shown], -k)[-k]]
    candidates = shown[scores[shown] >= bound]
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]


def close_scores_confused(scores, k):
    """Scores that differ by very little come in the wrong order: somewhere on the way they are rounded, become float32,
    or are shifted a little to settle ties. A list in which the twelfth digit decides is rare, and it has an order.
    """
    return top_k(scores.round(9), k)


def places_among_candidates(scores, k):
    """You return places in your short list of candidates, not in `scores`. One more lookup leads back."""
    k = min(k, len(scores))
    candidates = np.flatnonzero((scores >= np.partition(scores, -k)[-k]) & (scores > -np.inf))
    return np.argsort(-scores[candidates], kind="stable")[:k]


def scores_not_places(scores, k):
    """You return the scores. Asked for are their places: without those nobody knows which films they are."""
    return scores[top_k(scores, k)]


def always_ten(scores, k):
    """You return ten places, whatever k says."""
    return top_k(scores, 10)


def strikes_out_in_place(scores, k):
    """You change the array that you were given: you strike out in it what you have taken, or put it in order. Whoever
    called you still needs it as it was: they get another answer if they ask again.
    """
    found: list[int] = []
    while len(found) < k and scores.max(initial=-np.inf) > -np.inf:
        found.append(int(scores.argmax()))
        scores[found[-1]] = -np.inf
    return np.array(found, dtype=np.int64)


MANY = 10_000  # scores: from here on it is looked at what is sorted


class _Watched(np.ndarray):
    """Scores that note how many of them are sorted at once. A fast sort of a million takes no longer than some right
    answers, so that the time alone would not show it.
    """

    longest = 0  # numbers, of all sorts of all instances

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in (np.sort, np.argsort, np.unique):
            _Watched.longest = max(_Watched.longest, np.size(args[0]))
        return super().__array_function__(func, types, args, kwargs)

    def sort(self, *args: Any, **kwargs: Any) -> None:
        _Watched.longest = max(_Watched.longest, self.size)
        super().sort(*args, **kwargs)

    def argsort(self, *args: Any, **kwargs: Any) -> Any:
        _Watched.longest = max(_Watched.longest, self.size)
        return super().argsort(*args, **kwargs)


_lexsort = np.lexsort


def _watched_lexsort(keys: Any, axis: int = -1) -> Any:
    """NumPy does not look into a list of keys for arrays that want to know."""
    _Watched.longest = max([_Watched.longest, *map(np.size, keys)])
    return _lexsort(keys, axis)


def _list_made(function: Callable[..., Any], scores: np.ndarray, k: int) -> Any:
    """What a list shows: which scores, whether in order, whether ties go to the lower place, and what was sorted."""
    before, _Watched.longest = scores.copy(), 0
    many = len(scores) > MANY
    with patch.object(np, "lexsort", _watched_lexsort):
        found = function(scores=scores.view(_Watched) if many else scores, k=k)
    all_sorted = many and _Watched.longest > len(scores) / 2
    seen = _of_list(found, before) | {"sorted at once": "a part", "with everything struck out": "not asked"}
    # One thing after the other: who has no order yet is told neither of speed nor of a case that hardly ever occurs.
    if seen["ties"] == "the lower place first":
        if all_sorted:
            seen["sorted at once"] = "nearly all of it"
        if len(np.unique(before)) < len(before) / 10:
            seen["with everything struck out"] = _of_nothing(function)
    return seen


def _of_nothing(function: Callable[..., Any]) -> str:
    try:
        found = function(scores=np.full(12, -np.inf), k=5)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return f"{found.dtype}, shape {found.shape}" if isinstance(found, np.ndarray) else describe_kind(found)


def _of_list(returned: Any, before: np.ndarray) -> Seen:
    if not isinstance(returned, np.ndarray):
        return {"what you return": describe_kind(returned), "its scores": None, "order": None, "ties": None}
    found = np.asarray(returned)
    shape = f"{found.dtype}, shape {found.shape}"
    fits = found.ndim == 1 and found.dtype.kind == "i" and bool(((found >= 0) & (found < len(before))).all())
    if not fits:
        return {"what you return": f"{shape}, no places in scores", "its scores": None, "order": None, "ties": None}
    shown = before[found]
    with np.errstate(invalid="ignore"):  # -inf less -inf
        steps = np.diff(shown)
    downward, upward = bool((steps <= 0).all()), bool((steps >= 0).all())
    order = "best first" if downward else "worst first" if upward else "neither up nor down"
    reached = before >= shown.min(initial=np.inf)  # among the lowest of them, chance may have chosen
    reached[found] = False
    left_out = np.flatnonzero(reached)
    among_equals = [found[i] < found[i + 1] for i in np.flatnonzero(steps == 0)]
    at_the_end = not any(place < found[shown == before[place]].max(initial=-1) for place in left_out[:1000])
    if order != "best first":
        ties = "first of all, the order"
    elif all(among_equals) and at_the_end:
        ties = "the lower place first"
    else:
        ties = "the higher place first" if among_equals and not any(among_equals) else "as it happens"
    return {
        "what you return": shape,
        "its scores": np.sort(shown)[::-1],
        "order": order,
        "ties": ties,
    }


def _scores(
    n: int, k: int, seed: int, levels: int = 0, struck: int = 0, dtype: Any = np.float64, close: bool = False
) -> Seen:
    rng = np.random.default_rng(seed)
    scores = rng.integers(levels, size=n).astype(dtype) if levels else rng.normal(size=n).astype(dtype)
    if close:
        scores = 1 + 1e-12 * rng.permutation(n)
    scores[rng.permutation(n)[:struck]] = -np.inf
    return {"scores": scores, "k": k}


week.declare(
    top_k,
    question="Ten films out of a million: how many comparisons does it take to find the largest number of a list? The "
    "ten largest? How many does a full sort take?",
    nudge="`np.partition(scores, -k)` puts the k-th largest where it belongs and everything larger behind it, in no "
    "order. With that one score in hand, find who reaches it, and sort only those.",
    probes=[
        Probe("five scores, k of 1", lambda: {"scores": np.array([0.5, 2.0, -1.0, 1.5, 0.25]), "k": 1}),
        Probe("60 scores, k of 20", lambda: _scores(60, 20, seed=1)),
        Probe("400 scores of four levels, k of 150", lambda: _scores(400, 150, seed=2, levels=4)),
        Probe("more asked for than there are", lambda: _scores(30, 40, seed=3)),
        Probe("more struck out than left over", lambda: _scores(80, 60, seed=4, struck=50)),
        Probe("scores that differ in the twelfth digit", lambda: _scores(50, 20, seed=8, close=True)),
        Probe("1,682 scores, 200 of them struck out", lambda: _scores(1682, 25, seed=5, struck=200, dtype=np.float32)),
        Probe("a million scores", lambda: _scores(1_000_000, 30, seed=6), seconds=0.5),
    ],
    observe=_list_made,
    misconceptions=[
        everything_sorted,
        partitioned_and_no_more,
        ties_left_to_chance,
        last_of_equals_first,
        best_but_in_no_order,
        worst_first,
        the_worst_k,
        struck_out_shown,
        no_more_than_there_are,
        nothing_left,
        close_scores_confused,
        places_among_candidates,
        scores_not_places,
        always_ten,
        strikes_out_in_place,
    ],
)


# --- fold_in_router --------------------------------------------------------------------------------------------------


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


def ids_taken_for_places(item_factors, popular, alpha, reg):
    """You look up film 50 in row 50; it stands in row 49. Everybody gets the recommendations of their films' neighbors,
    the last film breaks, and no other test would notice.
    """
    return _endpoint(item_factors, popular, alpha, reg, place=lambda item: item)


def places_sent_as_ids(item_factors, popular, alpha, reg):
    """You answer with places in the array, from 0. Whoever asked knows ids, from 1, and looks up the film before the
    one that you meant.
    """
    return _endpoint(item_factors, popular, alpha, reg, name=lambda place: place)


def what_was_sent_comes_back(item_factors, popular, alpha, reg):
    """You recommend to people what they have told you. It scores best, of course: strike it out before you choose."""
    return _endpoint(item_factors, popular, alpha, reg, strike_out=False)


def popular_for_everybody(item_factors, popular, alpha, reg):
    """Everybody gets the charts, whatever they send. The gate at month 3 sends two people with opposite tastes and
    looks at nothing else.
    """
    return _endpoint(item_factors, popular, alpha, reg, everybody="popular")


def popular_in_disguise(item_factors, popular, alpha, reg):
    """Everybody gets the charts, and it says "fold_in" above them. A source that lies is worse than none."""
    return _endpoint(item_factors, popular, alpha, reg, everybody="fold_in")


def nothing_folded_in(item_factors, popular, alpha, reg):
    """To somebody who sent nothing you say that the films they sent led to these: the solution is a vector of zeros,
    all scores are 0, and the order is that of the ids. Ask first whether there is anything to fold in.
    """
    return _endpoint(item_factors, popular, alpha, reg, empty="solve")


def unknown_film_breaks(item_factors, popular, alpha, reg):
    """A film that does not exist breaks your endpoint: something raises, NumPy or you, and the client reads "500",
    which means that it is your fault. Look before you index, at every film that was sent. Which exception does FastAPI
    turn into a status of your choice?
    """
    return _endpoint(item_factors, popular, alpha, reg, unknown="break")


def unknown_film_skipped(item_factors, popular, alpha, reg):
    """You leave out films that do not exist and answer as if they had not been sent. Whoever has the ids of another
    catalog will get plausible nonsense for months.
    """
    return _endpoint(item_factors, popular, alpha, reg, unknown="skip")


def error_with_status_200(item_factors, popular, alpha, reg):
    """You say that something is wrong in the body, and that all is well in the status: 200. Clients, proxies and
    alarms read the status. Raise an HTTPException.
    """
    return _endpoint(item_factors, popular, alpha, reg, unknown="told")


def stars_ignored(item_factors, popular, alpha, reg):
    """One star counts as much as five with you. p is min(rating / 4, 1)."""
    return _endpoint(item_factors, popular, alpha, reg, liking=lambda stars: 1.0)


def stars_not_capped(item_factors, popular, alpha, reg):
    """Five stars count for more than 1 with you: p is a quarter a star, but 1 at most."""
    return _endpoint(item_factors, popular, alpha, reg, liking=lambda stars: stars / 4)


def blanks_forgotten(item_factors, popular, alpha, reg):
    """You solve for the films that were sent as if there were no others. What somebody did not choose counts too, a
    little: that is the Y'Y in the equation, and it is the same for everybody.
    """
    return _endpoint(item_factors, popular, alpha, reg, known=lambda item_factors: 0 * item_factors)


def facts_weigh_like_blanks(item_factors, popular, alpha, reg):
    """On your left side alpha has no effect: what was sent weighs as much as what was not."""
    return _endpoint(item_factors, popular, alpha, reg, weights=lambda alpha: (0.0, 1 + alpha))


def alpha_for_one_plus_alpha(item_factors, popular, alpha, reg):
    """The order is right and the scores are too low: on the right side stands 1 + alpha, the weight of what was sent,
    not alpha, which is what it weighs more than the rest.
    """
    return _endpoint(item_factors, popular, alpha, reg, weights=lambda alpha: (alpha, alpha))


def ten_whatever_k(item_factors, popular, alpha, reg):
    """You answer with ten films, whatever k says."""
    return _endpoint(item_factors, popular, alpha, reg, k=lambda k: 10)


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


def earlier_visitors_kept(item_factors, popular, alpha, reg):
    """Your answers depend on who asked before: something outside the handler grows. One process serves thousands, and
    whatever lives outside a request is shared by all of them.
    """
    return _endpoint(item_factors, popular, alpha, reg, remember=True)


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
    with _client(router) as client:
        for label, body in _visits(len(item_factors)).items():
            response = client.post("/recommend", json=body)
            words = _words(response) if response.status_code == 200 and label not in NO_PROFILE else ""
            largest = max((choice["item"] for choice in body["items"]), default=0)
            if 400 <= response.status_code < 500 and largest > len(item_factors):
                words = "names the film" if f"{largest}" in response.text else "does not name the film"
            seen[label] = {"status": response.status_code, "body": words}
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


week.declare(
    fold_in_router,
    question="Three ways that somebody new can surprise your endpoint: they send nothing, they send what does not "
    "exist, they send everything. What should each of them see?",
    nudge="What is the same for everybody, Y'Y, is computed once, outside the handler. Inside: ids to places, the two "
    "exceptions, `np.linalg.solve`, strike out, choose, places back to ids.",
    probes=[
        Probe("a catalog of 7 films", lambda: _catalog(7, 2, 1.0, 0.5, seed=1)),
        Probe("60 films, 5 factors", lambda: _catalog(60, 5, 3.0, 2.0, seed=2)),
        Probe("40 films, a strong reg", lambda: _catalog(40, 4, 0.5, 20.0, seed=3)),
        Probe("1,682 films, 64 factors", lambda: _catalog(1682, 64, 2.0, 25.0, seed=4), seconds=3.0),
    ],
    observe=_served,
    misconceptions=[
        ids_taken_for_places,
        places_sent_as_ids,
        what_was_sent_comes_back,
        popular_for_everybody,
        popular_in_disguise,
        nothing_folded_in,
        unknown_film_breaks,
        unknown_film_skipped,
        error_with_status_200,
        stars_ignored,
        stars_not_capped,
        blanks_forgotten,
        facts_weigh_like_blanks,
        alpha_for_one_plus_alpha,
        ten_whatever_k,
        any_body_taken,
        text_for_json,
        earlier_visitors_kept,
    ],
)


# --- health_router ---------------------------------------------------------------------------------------------------


@dataclass
class Life:
    """What a process knows about itself. It changes while the service runs.

    model_version: of the model that is served, None while the first one is loading. draining: it was told to stop, and
    finishes what it has begun.
    """

    model_version: str | None = None
    draining: bool = False


def health_router(life: Life) -> APIRouter:
    """A router with GET /healthz and GET /readyz, which a platform asks
    every few seconds, for as long as the process lives.

    life: changes while the service runs. /healthz: should the process be
    started again? As long as it can answer at all: 200 and {"status":
    "ok"}. /readyz: should requests be sent here? 200 if a model is there
    and it is not draining, else 503. The body, JSON, says which, and the
    version: {"status": "ready", "loading" or "draining",
    "model_version": ... or null}; draining is said whether a model is
    there or not.
    """
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    def readyz(response: Response) -> dict[str, str | None]:
        status = "draining" if life.draining else "loading" if life.model_version is None else "ready"
        if status != "ready":
            response.status_code = 503
        return {"status": status, "model_version": life.model_version}

    return router


def _probes_answered(alive, ready):
    """A router that answers by two functions, each giving a status and a body."""
    router = APIRouter()

    @router.get("/healthz")
    def healthz(response: Response) -> Any:
        response.status_code, body = alive()
        return body

    @router.get("/readyz")
    def readyz(response: Response) -> Any:
        response.status_code, body = ready()
        return body

    return router


def _state(life):
    word = "draining" if life.draining else "loading" if life.model_version is None else "ready"
    return (200 if word == "ready" else 503), {"status": word, "model_version": life.model_version}


def _well():
    return 200, {"status": "ok"}


def decided_at_the_start(life):
    """Your answer stays the same when `life` changes: you looked at it once, when the router was made or at the first
    request, or you looked at a copy. What is to be asked again belongs inside the handler.
    """
    answer = _state(life)
    return _probes_answered(_well, lambda: answer)


def unhealthy_while_loading(life):
    """Your /healthz fails whenever the service is not ready. The platform reads that as "broken, start it again", and
    kills a process that is loading its model, again and again: it never gets to the end.
    """
    return _probes_answered(lambda: (_state(life)[0], {"status": "ok"}), lambda: _state(life))


def unhealthy_while_draining(life):
    """Your /healthz fails while the service drains. It is alive and finishing its work; who asks /healthz takes it for
    broken and kills it in the middle of that.
    """
    return _probes_answered(lambda: (503 if life.draining else 200, {"status": "ok"}), lambda: _state(life))


def always_ready(life):
    """Your /readyz says "ready" whatever happens. Requests come in before the model is there, and after the process has
    been told to stop.
    """
    return _probes_answered(_well, lambda: (200, {"status": "ready", "model_version": life.model_version}))


def said_in_the_body_only(life):
    """Your body says "loading", your status says 200. Load balancers do not read bodies."""
    return _probes_answered(_well, lambda: (200, _state(life)[1]))


def ready_while_draining(life):
    """You stay ready while draining. Requests keep coming to a process that is about to go, and the last ones are cut
    off.
    """

    def ready():
        word = "loading" if life.model_version is None else "ready"
        return (200 if word == "ready" else 503), {"status": word, "model_version": life.model_version}

    return _probes_answered(_well, ready)


def ready_while_loading(life):
    """You are ready before there is a model. The first requests after each start will fail."""

    def ready():
        word = "draining" if life.draining else "ready"
        return (200 if word == "ready" else 503), {"status": word, "model_version": life.model_version}

    return _probes_answered(_well, ready)


def loading_hides_draining(life):
    """Told to stop while the model is loading, you still say "loading", which means "wait for me". Nobody should:
    draining comes first.
    """

    def ready():
        word = "loading" if life.model_version is None else "draining" if life.draining else "ready"
        return (200 if word == "ready" else 503), {"status": word, "model_version": life.model_version}

    return _probes_answered(_well, ready)


def our_mistake(life):
    """Not to be ready is no error: you answer 500, which is for what nobody had foreseen. An alarm will ring at each
    start. 503 means "not now".
    """

    def ready():
        status, body = _state(life)
        return (status if status == 200 else 500), body

    return _probes_answered(_well, ready)


def raises_when_not_ready(life):
    """You raise, and the body becomes {"detail": ...}: the status is right, but who reads the body finds neither
    `status` nor `model_version`. Set the status of the response and return the body.
    """
    router = _probes_answered(_well, lambda: _state(life))

    def ready():
        status, body = _state(life)
        if status != 200:
            raise HTTPException(status, body["status"])
        return status, body

    del router
    return _probes_answered(_well, ready)


def a_pair_as_in_flask(life):
    """You return (body, status), as in Flask. FastAPI takes the pair for the body, makes a list of it, and sends 200.
    The status goes into the response: let FastAPI hand you one, or return a JSONResponse.
    """
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> Any:
        return {"status": "ok"}

    @router.get("/readyz")
    def readyz() -> Any:
        status, body = _state(life)
        return body, status

    return router


def version_of_the_start(life):
    """The word is right and the version is that of the beginning: you took it out of `life` when the router was made.
    Models are swapped while a process lives, and the first one is not there yet at all.
    """
    version = life.model_version
    return _probes_answered(_well, lambda: (_state(life)[0], _state(life)[1] | {"model_version": version}))


def version_when_ready_only(life):
    """While draining you say that there is no model. There is one, and it answers what is still on its way: whoever
    looks into an incident wants to know which.
    """

    def ready():
        status, body = _state(life)
        return status, body if status == 200 else body | {"model_version": None}

    return _probes_answered(_well, ready)


def null_left_out(life):
    """While there is no model you leave `model_version` out. A field that is sometimes missing makes everybody who
    reads it write an `if`: null says "none", and it is always there.
    """

    def ready():
        status, body = _state(life)
        return status, {key: value for key, value in body.items() if value is not None}

    return _probes_answered(_well, ready)


def nobody_says_json(life):
    """Status and text are right, but nothing says that the text is JSON: the content type is missing, or another one.
    Which of FastAPI's responses does both for you?
    """
    router = APIRouter()

    @router.get("/healthz")
    def healthz() -> Any:
        return {"status": "ok"}

    @router.get("/readyz")
    def readyz() -> Any:
        status, body = _state(life)
        return Response(json.dumps(body), status)

    return router


def ready_once_ready_forever(life):
    """Once ready, you stay ready: you remember the first good answer. But a life has an end, too."""
    kept: list[Any] = []

    def ready():
        if not kept and _state(life)[0] == 200:
            kept.append(_state(life))
        return kept[0] if kept else _state(life)

    return _probes_answered(_well, ready)


MOMENTS: dict[str, dict[str, Any]] = {
    "loading": {"model_version": None, "draining": False},
    "the model is there": {"model_version": "a1", "draining": False},
    "another model is there": {"model_version": "b2", "draining": False},
    "told to stop": {"model_version": "b2", "draining": True},
    "started again": {"model_version": None, "draining": False},
    "told to stop while loading": {"model_version": None, "draining": True},
    "at the end, ready once more": {"model_version": "c3", "draining": False},
}


def _lived(function: Callable[..., Any], life: Life) -> Seen:
    """What both paths answer at each moment of a life, and whether answering changed it."""
    life = copy.copy(life)  # its changes are ours, not the function's
    router = function(life=life)
    if not isinstance(router, APIRouter):
        raise TypeError(f"it returned {describe(router)}, expected an APIRouter")
    seen: Seen = {}
    moments: Mapping[str, Mapping[str, Any]] = {"at first": dict(vars(life))} | MOMENTS
    with _client(router) as client:
        for label, changes in moments.items():
            vars(life).update(changes)
            for path in ("/healthz", "/readyz"):
                response = client.get(path)
                words = _words(response) if response.status_code != 500 or path == "/readyz" else ""
                if isinstance(words, dict) and list(words) == ["detail"]:
                    words = {"detail": "instead of the body"}  # a text or an object, as it was raised
                seen[f"{label}: {path}"] = {"status": response.status_code, "body": words}
            seen[f"{label}: life afterwards"] = dict(vars(life))
    return seen


week.declare(
    health_router,
    question="Your process loads a model for ten seconds, serves for a week, and is told to stop. Who asks whether it "
    "is well, and what do they do when the answer is no? There are two of them, and they do different things.",
    nudge="One path answers as long as anything can answer. The other looks at `life` each time it is asked. A handler "
    "that takes `response: Response` can set `response.status_code` and still return a body.",
    probes=[
        Probe("a process that is loading", lambda: {"life": Life()}),
        Probe("a process with a model", lambda: {"life": Life("a0")}),
        Probe("a process that drains", lambda: {"life": Life("a0", draining=True)}),
        Probe("another that is loading", lambda: {"life": Life(None, draining=False)}, seconds=2.0),
    ],
    observe=_lived,
    misconceptions=[
        decided_at_the_start,
        unhealthy_while_loading,
        unhealthy_while_draining,
        always_ready,
        said_in_the_body_only,
        ready_while_draining,
        ready_while_loading,
        loading_hides_draining,
        our_mistake,
        raises_when_not_ready,
        a_pair_as_in_flask,
        version_of_the_start,
        version_when_ready_only,
        null_left_out,
        nobody_says_json,
        ready_once_ready_forever,
    ],
)


# --- swap_model ------------------------------------------------------------------------------------------------------


class Model:
    """Something that recommends."""

    def recommend(self, items: Sequence[int], k: int) -> list[int]:
        """The k best films for somebody who likes these."""
        raise NotImplementedError


@dataclass
class Serving:
    """A model and its version, which belong together."""

    model: Any
    version: str


class Holder:
    """What every request looks at, once: `serving = holder.serving`, and from there on only `serving`."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving


def swap_model(holder: Holder, load: Callable[[], Serving], golden: list[tuple[list[int], int]], at_least: int) -> str:
    """Load a new model beside the served one, check it, and serve it from
    then on; or leave everything as it is.

    holder.serving: the Serving (model, version) that requests take, in
    other threads, at any time; never None, never half new. load(): takes
    seconds and memory, so once is enough; returns a new Serving, raises
    whatever there is to raise if its files are damaged. golden: pairs
    (items, expected): expected should be in model.recommend(items, 10).
    At least at_least of them must be, and a model that raises on any is
    bad. Returns "swapped", "refused" where the new one is bad or cannot
    be loaded, "unchanged" where it has the version that is served.
    Raises nothing; the old Serving is not changed.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        kept = sum(expected in new.model.recommend(items, 10) for items, expected in golden)
    except Exception:
        return "refused"
    if kept < at_least:
        return "refused"
    holder.serving = new
    return "swapped"


def _kept(model, golden, k=10):
    return sum(expected in model.recommend(items, k) for items, expected in golden)


def swapped_before_it_is_checked(holder, load, golden, at_least):
    """You serve the new model while you find out whether it is any good, and take it back if not. In between, people
    got its answers. Check it where nobody sees it.
    """
    old = holder.serving
    try:
        new = load()
        if new.version == old.version:
            return "unchanged"
        holder.serving = new
        if _kept(new.model, golden) >= at_least:
            return "swapped"
    except Exception:
        pass
    holder.serving = old
    return "refused"


def model_then_version(holder, load, golden, at_least):
    """You change the served object, first one part, then the other. A request that comes in between sees one model
    under the other's version; so does one that took `serving` before and reads on after. Put a new object in its place.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if _kept(new.model, golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving.model = new.model
    holder.serving.version = new.version
    return "swapped"


def nothing_served_while_loading(holder, load, golden, at_least):
    """You take the old model away before the new one is there, to save memory perhaps. Every request in between fails.
    Beside, not instead.
    """
    old, holder.serving = holder.serving, None
    try:
        new = load()
        good = _kept(new.model, golden) >= at_least
    except Exception:
        good = False
    holder.serving = new if good and new.version != old.version else old
    return "refused" if not good else "unchanged" if new.version == old.version else "swapped"


def not_checked(holder, load, golden, at_least):
    """Whatever can be loaded is served by you. A model can be whole, and trained on the wrong file: the golden queries
    are there to notice before anybody else does.
    """
    try:
        new = load()
    except Exception:
        return "refused"
    if new.version == holder.serving.version:
        return "unchanged"
    holder.serving = new
    return "swapped"


def old_one_checked(holder, load, golden, at_least):
    """You put the golden queries to the model that is served, not to the new one. It passes, of course: it did when it
    came in.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if _kept(holder.serving.model, golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving = new
    return "swapped"


def one_is_enough(holder, load, golden, at_least):
    """One golden query kept is enough for you. `at_least` says how many it must be."""
    return swap_model(holder, load, golden, min(at_least, 1))


def all_or_nothing(holder, load, golden, at_least):
    """You refuse a model that misses a single golden query. `at_least` says how many it must keep."""
    return swap_model(holder, load, golden, len(golden))


def exactly_enough_is_refused(holder, load, golden, at_least):
    """A model that keeps exactly as many golden queries as it must is refused by you."""
    return swap_model(holder, load, golden, at_least + 1)


def damage_gets_through(holder, load, golden, at_least):
    """If the files are damaged, your function raises. The old model goes on, but so does the exception, into whatever
    asked for the reload. A bad release is an expected thing: answer it.
    """
    new = load()
    if new.version == holder.serving.version:
        return "unchanged"
    try:
        if _kept(new.model, golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving = new
    return "swapped"


def expected_errors_only(holder, load, golden, at_least):
    """You catch the errors that you have thought of, and damage comes in others, too: each library has its own. What
    must not get out of here is anything that load() or the model can raise.
    """
    try:
        return swap_unless_raised(holder, load, golden, at_least)
    except (OSError, ValueError):
        return "refused"


def swap_unless_raised(holder, load, golden, at_least):
    """The swap, and nothing caught."""
    new = load()
    if new.version == holder.serving.version:
        return "unchanged"
    if _kept(new.model, golden) < at_least:
        return "refused"
    holder.serving = new
    return "swapped"


def stops_when_enough(holder, load, golden, at_least):
    """As soon as enough golden queries are kept you ask no more. One of the others may make the model raise, and then
    it is people who find out.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        kept = 0
        for items, expected in golden:
            kept += expected in new.model.recommend(items, 10)
            if kept >= at_least:
                holder.serving = new
                return "swapped"
    except Exception:
        pass
    return "refused"


def first_ones_only(holder, load, golden, at_least):
    """You ask the first `at_least` golden queries, and want all of those. It says how many of all of them must be kept,
    whichever they are.
    """
    return swap_model(holder, load, golden[:at_least], at_least)


def more_than_half(holder, load, golden, at_least):
    """More than half of the golden queries kept is enough for you, and less is not. `at_least` says how many it must
    be.
    """
    return swap_model(holder, load, golden, len(golden) // 2 + 1)


def nobody_sees_it(holder, load, golden, at_least):
    """You say "swapped", and the old model is still served: nothing was assigned to `holder.serving`. A name that you
    bind in your function, `serving = ...` or `holder = ...`, is yours alone; nobody else looks at it.
    """
    try:
        holder = Holder(holder.serving)
        return swap_unless_raised(holder, load, golden, at_least)
    except Exception:
        return "refused"


def old_one_taken_apart(holder, load, golden, at_least):
    """The new one is served, and you take the old one apart, to free its memory perhaps. Whoever began before still has
    it in their hands. Python frees it when the last of them is done.
    """
    old = holder.serving
    outcome = swap_model(holder, load, golden, at_least)
    if outcome == "swapped":
        old.model = None
    return outcome


def crash_counts_as_kept(holder, load, golden, at_least):
    """A model that raises on a golden query raises on people, too. You pass over it as if it had not been asked."""
    try:
        new = load()
    except Exception:
        return "refused"
    if new.version == holder.serving.version:
        return "unchanged"
    kept = 0
    for items, expected in golden:
        try:
            kept += expected in new.model.recommend(items, 10)
        except Exception:
            kept += 1
    if kept < at_least:
        return "refused"
    holder.serving = new
    return "swapped"


def same_version_swapped(holder, load, golden, at_least):
    """You swap a model for itself and say "swapped". Whoever deployed believes that something new is out there; say
    "unchanged".
    """
    try:
        new = load()
        if _kept(new.model, golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving = new
    return "swapped"


def one_checked_another_served(holder, load, golden, at_least):
    """You load twice, check the first and serve the second. It costs twice, and somebody may have changed the files in
    between: what you serve has never been checked.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if _kept(new.model, golden) < at_least:
            return "refused"
        holder.serving = load()
    except Exception:
        return "refused"
    return "swapped"


def only_the_first_place(holder, load, golden, at_least):
    """You ask the golden queries for another number of films than ten, so the model is held to another promise."""
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if _kept(new.model, golden, k=1) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving = new
    return "swapped"


READERS = 3
PATIENCE = 5.0  # seconds until a reader counts as lost


class _Damaged(Exception):
    """As libraries have their own, of no other kind."""


class _Theater:
    """A service in operation, as far as a swap can tell: readers in threads of their own, who look whenever something
    happens. Nothing depends on luck: each time, all of them read once, and whoever made it happen waits for them.
    """

    def __init__(
        self, new_version: str, misses: Sequence[int], damage: Exception | None, crashes_at: int | None
    ) -> None:
        self.new_version = new_version
        self.misses, self.damage, self.crashes_at = misses, damage, crashes_at
        self.loads = 0
        self.asked: list[tuple[str, int]] = []  # whose model was asked a golden query, for how many films
        self.read: list[tuple[str, str]] = []
        self._barrier: threading.Barrier | None = None
        self._over = False
        served = _WatchedServing(_ScriptedModel(self, "old"), "old")
        self.holder = _WatchedHolder(served)
        for watched in (served, self.holder):
            watched.__dict__["theater"] = self

    def load(self) -> Serving:
        """The new model, if its files are whole."""
        self.loads += 1
        self.everybody_looks()
        if self.damage is not None:
            raise self.damage
        return Serving(_ScriptedModel(self, self.new_version, number=self.loads), self.new_version)

    def everybody_looks(self) -> None:
        """All readers read once, now."""
        if self._barrier is not None:
            self._barrier.wait(PATIENCE)
            self._barrier.wait(PATIENCE)

    def read_by_all(self, action: Callable[[], Any]) -> Any:
        """Do something while readers are there."""
        self._barrier = threading.Barrier(READERS + 1)
        readers = [threading.Thread(target=self._reader, daemon=True) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        try:
            return action()
        finally:
            self._over = True
            self._barrier.abort()
            for reader in readers:
                reader.join(PATIENCE)

    def _reader(self) -> None:
        barrier = self._barrier
        assert barrier is not None
        while not self._over:
            try:
                barrier.wait(PATIENCE)
                self.read.append(_pair(self.holder.serving))
                barrier.wait(PATIENCE)
            except threading.BrokenBarrierError:
                return


def _pair(serving: Any) -> tuple[str, str]:
    """Whose model, under which version."""
    if not isinstance(serving, Serving):
        return "nothing", "nothing"
    return getattr(getattr(serving, "model", None), "name", "nothing"), str(getattr(serving, "version", "nothing"))


class _ScriptedModel(Model):
    """Keeps the golden queries that its script does not miss: the expected film comes tenth. Else it comes eleventh."""

    def __init__(self, theater: _Theater, name: str, number: int = 0) -> None:
        self.theater, self.name, self.number = theater, name, number

    def recommend(self, items: Sequence[int], k: int) -> list[int]:
        script = self.theater
        script.everybody_looks()
        script.asked.append((f"the model of load {self.number}" if self.number else "the model that is served", k))
        query = items[0]
        if self.number and query == script.crashes_at:
            raise ValueError("a factor is NaN")
        best = list(range(100, 130))
        best.insert(10 if self.number and query in script.misses else 9, 1000 + query)
        return best[:k]


class _WatchedServing(Serving):
    theater: _Theater

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "theater" in self.__dict__:
            self.theater.everybody_looks()


class _WatchedHolder(Holder):
    theater: _Theater

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "theater" in self.__dict__ and name == "serving":
            self.theater.everybody_looks()


def _swapped(function: Callable[..., Any], holder: Holder, load: Callable[[], Serving], **rest: Any) -> Seen:
    """What was returned, what requests saw meanwhile, and what is served in the end."""
    theater: _Theater = load.__self__  # type: ignore[attr-defined] # the probe made it so
    before = holder.serving
    began_with = before.model
    returned = theater.read_by_all(lambda: function(holder=holder, load=load, **rest))
    new = {pair for pair in theater.read if pair[0] == pair[1] == theater.new_version != "old"}
    torn = {pair for pair in theater.read if pair[0] != pair[1]}
    empty = ("nothing", "nothing") in theater.read
    return {
        "what it returns": returned,
        "served in the end": " as ".join(_pair(holder.serving)),
        "requests that found nothing to serve": "some" if empty else "none",
        "requests that saw one model under the other's version": "some" if torn else "none",
        "a request that took the old model before": "ends with it whole"
        if began_with is getattr(before, "model", None) and _pair(before)[1] == "old"
        else "finds it changed",
        "seen by requests before its check was over": _too_early(theater, bool(new)),
        "times that load was called": theater.loads,
        "which load is served": getattr(getattr(holder.serving, "model", None), "number", "none"),
        # Whether the same model comes to be checked before it is found to be the same, is left open.
        "who was asked, for how many films": sorted(set(theater.asked)) if theater.new_version != "old" else [],
    }


def _too_early(theater: _Theater, seen_new: bool) -> str:
    """Whether somebody saw the new model, though in the end it was not served or golden queries came after."""
    served = _pair(theater.holder.serving)[1] == theater.new_version
    reads_of_new = [i for i, pair in enumerate(theater.read) if pair == (theater.new_version, theater.new_version)]
    # Each event is read by all; the last one of a good swap is the assignment itself.
    allowed = READERS if served else 0
    return "some" if seen_new and len(reads_of_new) > allowed else "none"


def _operation(
    new_version: str = "new",
    misses: Sequence[int] = (),
    queries: int = 4,
    at_least: int = 3,
    damage: Exception | None = None,
    crashes_at: int | None = None,
) -> Seen:
    theater = _Theater(new_version, misses, damage, crashes_at)
    golden = [([query, query + 1], 1000 + query) for query in range(queries)]
    return {"holder": theater.holder, "load": theater.load, "golden": golden, "at_least": at_least}


week.declare(
    swap_model,
    question="A request takes two milliseconds, loading a model takes two seconds. A thousand requests begin in "
    "between. Which model does each of them see, and when may that change?",
    nudge="Everything that can fail comes first, on an object that nobody else knows. The last line that does anything "
    "is one assignment, and Python makes that in one piece.",
    probes=[
        Probe("a good model", lambda: _operation()),
        Probe("a model that keeps 2 of 4 golden queries, where 3 are needed", lambda: _operation(misses=[0, 3])),
        Probe("a model that misses the first and keeps as many as it must", lambda: _operation(misses=[0])),
        Probe("a model that keeps the one that it must", lambda: _operation(misses=[0, 1, 3], at_least=1)),
        Probe("damaged files", lambda: _operation(damage=OSError("model.safetensors is damaged"))),
        Probe("damage of another kind", lambda: _operation(damage=_Damaged("header too large"))),
        Probe("a model that raises on a golden query", lambda: _operation(crashes_at=2)),
        Probe("a model that raises on the last golden query", lambda: _operation(crashes_at=3)),
        Probe("the version that is served already", lambda: _operation(new_version="old")),
        Probe("50 golden queries", lambda: _operation(misses=range(5), queries=50, at_least=40), seconds=2.0),
    ],
    observe=_swapped,
    mutates=True,
    misconceptions=[
        swapped_before_it_is_checked,
        model_then_version,
        nothing_served_while_loading,
        not_checked,
        old_one_checked,
        one_is_enough,
        all_or_nothing,
        exactly_enough_is_refused,
        damage_gets_through,
        expected_errors_only,
        stops_when_enough,
        first_ones_only,
        more_than_half,
        nobody_sees_it,
        old_one_taken_apart,
        crash_counts_as_kept,
        same_version_swapped,
        one_checked_another_served,
        only_the_first_place,
    ],
)
