"""What the gate of month 3 sends and what it takes for an answer; the contract in words is book/gate_3.md."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ultralearn import UltralearnError
from ultralearn.gates.calls import NotJSONError, Response
from ultralearn.gates.month_03.synthetic_users import SyntheticUser

MOST_K = 100
SCALE = (1, 5)  # stars


class ContractError(UltralearnError, ValueError):
    """An answer breaks the contract; the message says in what."""


@dataclass(frozen=True)
class Recommended:
    """A valid answer: ids as in MovieLens's files, best first."""

    items: tuple[int, ...]
    model_version: str


def read_answer(answer: Response, k: int, sent: Sequence[int], n_items: int) -> Recommended:
    """The recommendations in an answer to POST /recommend. Raises ContractError for all that the contract forbids."""
    if answer.status != 200:
        raise ContractError(answer.said())
    try:
        content = answer.json()
    except NotJSONError as error:
        raise ContractError(f"status 200, but {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("items"), list):
        raise ContractError(f"no list 'items' in {answer.said()}")
    ids: list[int] = []
    for entry in content["items"]:
        found = entry.get("item") if isinstance(entry, dict) else None
        if not isinstance(found, int) or isinstance(found, bool):
            raise ContractError(f"an entry of 'items' has no whole number 'item', but {found!r}")
        if not 1 <= found <= n_items:
            raise ContractError(f"item {found} is recommended, but MovieLens has 1 to {n_items}")
        if found in sent:
            raise ContractError(f"item {found} is recommended to somebody who has just rated it")
        ids.append(found)
    twice = [item for item, count in Counter(ids).items() if count > 1]
    if twice:
        raise ContractError(f"item {twice[0]} is recommended twice in one list")
    if len(ids) != k:
        raise ContractError(f"{len(ids)} items for k={k}")
    name = content.get("model_version")
    if not isinstance(name, str) or len(name) > 200:
        raise ContractError(f"'model_version' is {name!r:.100}, not a text")
    return Recommended(tuple(ids), name)


def question(user: SyntheticUser, k: int) -> dict[str, Any]:
    """The body of POST /recommend for somebody."""
    pairs = zip(sent_items(user), user.stars.tolist(), strict=True)
    return {"items": [{"item": item, "rating": rating} for item, rating in pairs], "k": k}


def sent_items(user: SyntheticUser) -> list[int]:
    """What somebody rated, by MovieLens's own ids, which count from 1."""
    return [int(item) + 1 for item in user.items]


def _bad(**fields: Any) -> dict[str, Any]:
    return {"items": [{"item": 50, "rating": 5}], "k": 10} | fields


BAD_INPUT: dict[str, Any] = {
    "a body that is cut off": b'{"items": [{"item": 50, "rat',
    "an empty body": b"",
    "broken UTF-8": b'{"items": [{"item": 50, "rating": 5}], "k": "\xff"}',
    "a list instead of an object": [],
    "no 'items'": {"k": 10},
    "'items' that is a text": _bad(items="50"),
    "an entry that is a number": _bad(items=[50]),
    "an entry without 'item'": _bad(items=[{"rating": 5}]),
    "an item that is a text": _bad(items=[{"item": "Star Wars", "rating": 5}]),
    "item 0, where ids count from 1": _bad(items=[{"item": 0, "rating": 5}]),
    "item 1.5": _bad(items=[{"item": 1.5, "rating": 5}]),
    "item null": _bad(items=[{"item": None, "rating": 5}]),
    "item -1": _bad(items=[{"item": -1, "rating": 5}]),
    "a rating that is a text": _bad(items=[{"item": 50, "rating": "good"}]),
    "a rating of null": _bad(items=[{"item": 50, "rating": None}]),
    "a rating of 11": _bad(items=[{"item": 50, "rating": 11}]),
    "a rating of NaN": b'{"items": [{"item": 50, "rating": NaN}], "k": 10}',
    "k that is a text": _bad(k="ten"),
    "k of 2.5": _bad(k=2.5),
    "k of 0": _bad(k=0),
    "k of -5": _bad(k=-5),
    "k of a million": _bad(k=10**6),
}
