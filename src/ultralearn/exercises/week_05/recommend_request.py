"""Week 5: `recommend_request`."""

from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import numpy as np
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ultralearn.exercises.week_05.common import Seen, body_of, converse
from ultralearn.practice import Declaration, Probe
from ultralearn.practice.comparison import describe


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

    async def talk(client: httpx.AsyncClient) -> None:
        for label, body in _bodies(n_items, max_k).items():
            response = await client.post("/recommend", json=body)
            fits = response.status_code == 200
            seen[label] = {
                "status": response.status_code,
                "understood as": _understood(body_of(response)) if fits else "",
            }

    converse(router, talk)
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


declaration = Declaration(
    recommend_request,
    question="Which requests can a stranger send to POST /recommend that are JSON and yet make no sense? Write down "
    "five before you write a line.",
    nudge="Two classes, one inside the other's list. `Field` takes `ge`, `le`, `max_length` and `default`; "
    "`model_config = ConfigDict(...)` knows `strict` and `extra`; a `field_validator` sees a whole list.",
    probes=[
        Probe("a catalog of 20 films, k up to 15", lambda: {"n_items": 20, "max_k": 15}),
        Probe("a catalog of 1,500 films, k up to 250", lambda: {"n_items": 1500, "max_k": 250}),
        Probe("MovieLens's 1,682 films, k up to 100", lambda: {"n_items": 1682, "max_k": 100}, times=45),
    ],
    observe=_answered,
)


@declaration.misconception
def types_without_bounds(n_items, max_k):
    """The types are right, and that is all you check: 0 stars, film number -3 and a list of a billion films come in.
    A type says what kind of thing a number is; which numbers make sense, you have to say.
    """
    return _model(n_items, max_k, item={}, stars={"default": 5.0}, k={"default": 10}, length={}, unique=False)


@declaration.misconception
def texts_become_numbers(n_items, max_k):
    """You let in "7" where a number belongs, and `true` for 1. pydantic is obliging and converts what it can, unless it
    is told to be strict. Whoever sends "7" has a bug, and nobody will tell them.
    """
    return _model(n_items, max_k, config={"strict": False})


@declaration.misconception
def unknown_fields_ignored(n_items, max_k):
    """Somebody writes "K" for "k", or "stars" for "rating", and gets an answer, to another question than the one they
    asked. By default pydantic drops the fields that it does not know. There is a setting that refuses them.
    """
    return _model(n_items, max_k, config={"extra": "ignore"})


@declaration.misconception
def same_film_twice(n_items, max_k):
    """A film may be sent twice, with two opinions. No bound on a single field can see that: it takes a validator that
    looks at the whole list.
    """
    return _model(n_items, max_k, unique=False)


@declaration.misconception
def last_opinion_wins(n_items, max_k):
    """Somebody sends a film twice, and you choose which of the two they meant. You cannot know; they can. Refuse, and
    they will tell you.
    """
    return _model(n_items, max_k, unique="last")


@declaration.misconception
def refused_over_their_heads(n_items, max_k):
    """Your validator raises an HTTPException. FastAPI passes it on and the status is right, by luck; whoever uses the
    class without FastAPI, in a test or a script, gets an error that is about HTTP. A model says that a value is wrong:
    which exception is for that? pydantic collects it, and adds where it was.
    """
    return _model(n_items, max_k, unique="http")


@declaration.misconception
def closed_on_the_outside_only(n_items, max_k):
    """The request is strict and knows its fields, the films in its list do not: "2" passes for a film's id, and `stars`
    for a field. A model's settings are its own; the class inside does not inherit them.
    """
    return _model(n_items, max_k, inner={})


@declaration.misconception
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


@declaration.misconception
def stars_required(n_items, max_k):
    """You refuse a film without stars. They may be left out, and count as 5 then: a field with a default is not
    required.
    """
    return _model(n_items, max_k, stars={"ge": 0.5, "le": 5})


@declaration.misconception
def newcomers_refused(n_items, max_k):
    """You refuse an empty list. But somebody who has chosen nothing yet is no error, it is everybody on their first
    visit: there is an answer for them.
    """
    return _model(n_items, max_k, length={"max_length": 1000, "min_length": 1})


@declaration.misconception
def films_from_zero(n_items, max_k):
    """You count films from 0 to n_items - 1, as arrays do. On the wire they have MovieLens's own ids, 1 to n_items, so
    here the last film is refused and a film 0 comes in.
    """
    return _model(n_items, max_k, item={"ge": 0, "lt": n_items})


@declaration.misconception
def films_without_end(n_items, max_k):
    """You let in ids of films that do not exist, and the first line of NumPy that sees one will raise: a 500, our
    mistake, where a 422 would have said that it is theirs. The model may know how many films there are.
    """
    return _model(n_items, max_k, item=_ITEM)


@declaration.misconception
def list_without_end(n_items, max_k):
    """You take lists of any length. Somebody will send a million films, by mistake or not by mistake, and your server
    will be busy with them. Bound what costs.
    """
    return _model(n_items, max_k, length={})


@declaration.misconception
def k_of_one_size(n_items, max_k):
    """Your largest k is 100, whatever `max_k` says. In another service it is another number."""
    return _model(n_items, max_k, k={"default": 10, "ge": 1, "le": 100})


@declaration.misconception
def all_that_is_allowed(n_items, max_k):
    """Whoever leaves out k gets as many films as are allowed. The default is 10."""
    return _model(n_items, max_k, k={"default": max_k, "ge": 1, "le": max_k})


@declaration.misconception
def whole_stars_only(n_items, max_k):
    """You refuse four and a half stars. The stars are a number from 0.5 to 5, and need not be whole."""
    return _model(n_items, max_k, stars={"default": 5, "ge": 1, "le": 5}, stars_type=int)


@declaration.misconception
def half_stars_only(n_items, max_k):
    """You refuse 3.7 stars. MovieLens has half stars, but what is asked for is any number from 0.5 to 5: somebody may
    send you a mean.
    """
    return _model(n_items, max_k, stars=_STARS | {"multiple_of": 0.5})


@declaration.misconception
def two_and_a_half_films(n_items, max_k):
    """You let in a k of 2.5. There are no lists of two and a half films, and the first slice `[:k]` will raise."""
    return _model(n_items, max_k, k_type=float)


@declaration.misconception
def k_cut_to_fit(n_items, max_k):
    """You cut k down to what is allowed and answer as if nothing had happened. Whoever asks for 5,000 films and gets
    100 will look for the other 4,900 in their own code. Refuse, and the message says what is allowed.
    """
    return _model(n_items, max_k, cut=True)


@declaration.misconception
def an_object_not_the_class(n_items, max_k):
    """You return an object, one request. Asked for is the class, from which FastAPI makes an object for each request
    that comes in.
    """
    return _model(n_items, max_k)(items=[])
