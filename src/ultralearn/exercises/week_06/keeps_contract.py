"""Week 6: `keeps_contract`."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ultralearn.exercises.week_06.common import Seen
from ultralearn.practice import Declaration, Probe


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    content_type: str
    body: bytes


def keeps_contract(answer: Answer, sent: list[int], k: int, n_items: int) -> bool:
    """Whether an answer to POST /recommend keeps the gate's contract.

    It does if its status is 200, its content type application/json (in
    capitals or with a charset behind it, too) and its body an object with
    `items`, a list of k objects, each with an `item`, and `model_version`,
    a text that is not empty. An item is a whole number from 1 to n_items;
    none is there twice, and none is in sent. The body may hold more than
    that. Whatever else comes back does not keep it: nothing raises.
    """
    kind = answer.content_type.partition(";")[0].strip().lower()
    if answer.status != 200 or kind != "application/json":
        return False
    try:
        body = json.loads(answer.body)
        version, films = body["model_version"], body["items"]
        ids = [film["item"] for film in films]
    except (ValueError, LookupError, TypeError):
        return False
    if not isinstance(version, str) or not isinstance(films, list) or not version:
        return False
    if not all(type(item) is int and 1 <= item <= n_items for item in ids):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


def _is_json(answer):
    return answer.content_type.partition(";")[0].strip().lower() == "application/json"


def _contents(answer):
    """The ids and the name of the model; both None where the body is not of the right form."""
    try:
        body = json.loads(answer.body)
        ids, version = [film["item"] for film in body["items"]], body["model_version"]
    except (ValueError, LookupError, TypeError):
        return None, None
    return (ids, version) if isinstance(body["items"], list) else (None, None)


def _named(version):
    return isinstance(version, str) and version != ""


def _films(ids, n_items):
    return ids is not None and all(type(item) is int and 1 <= item <= n_items for item in ids)


def _spoiled(answer: Answer, sent: list[int], k: int, n_items: int) -> dict[str, Answer]:
    """A good answer and what can become of it, by what it is called in the learner's message."""
    body = json.loads(answer.body)
    ids = [film["item"] for film in body["items"]]

    def items(*given: Any) -> Answer:
        return replace(answer, body=json.dumps(body | {"items": [{"item": item} for item in given]}).encode())

    def with_body(content: Any) -> Answer:
        return replace(answer, body=content if isinstance(content, bytes) else json.dumps(content).encode())

    def version(name: Any) -> Answer:
        return with_body(body | {"model_version": name})

    free = [item for item in range(1, n_items + 1) if item not in sent and item not in ids]
    last = n_items if n_items not in sent else free[-1]
    others = [item for item in ids if item != last][: k - 1]
    return {
        "a good answer": answer,
        "with a charset": replace(answer, content_type="application/json; charset=utf-8"),
        "in capitals": replace(answer, content_type="Application/JSON"),
        "with more fields": with_body(body | {"source": "als", "took": 3}),
        "with the last film": items(*others, last),
        "{}": with_body({}),
        "null": with_body(None),
        "a list": with_body(body["items"]),
        "a number": with_body(7),
        "no JSON": with_body(b"<html>Sign in</html>"),
        "broken UTF-8": with_body(answer.body[:-2] + b'"\xff"}'),
        "cut off": with_body(answer.body[:-3]),
        "status 202": replace(answer, status=202),
        "status 500": replace(answer, status=500),
        "said to be HTML": replace(answer, content_type="text/html"),
        "no items": with_body({"model_version": "a"}),
        "items null": with_body(body | {"items": None}),
        "items that are numbers": with_body(body | {"items": ids}),
        "items that are an object": with_body(body | {"items": {"item": 1}}),
        "an empty list": items(),
        "one too few": items(*ids[1:]),
        "one too many": items(*ids, free[0]),
        "ten of them": items(*free[:10]),
        "one twice": items(*ids[:-1], ids[0]),
        "one that was sent": items(*ids[:-1], sent[0]) if sent else items(*ids[:-1], 0),
        "film 0": items(*ids[:-1], 0),
        "a film one past the last": items(*ids[:-1], n_items + 1),
        "a film in quotes": items(*ids[:-1], str(free[0])),
        "a film 3.0": items(*ids[:-1], float(free[0])),
        "a film true": items(True, *[item for item in [*ids, *free] if item != 1][: k - 1]),
        "a film null": items(*ids[:-1], None),
        "no model_version": with_body({"items": body["items"]}),
        "an empty model_version": version(""),
        "a model_version that is a number": version(7),
    }


def _judged(function: Callable[..., Any], answer: Answer, sent: list[int], k: int, n_items: int) -> Seen:
    """Which answers pass."""
    seen: Seen = {}
    for label, spoiled in _spoiled(answer, sent, k, n_items).items():
        try:
            verdict = function(answer=spoiled, sent=sent, k=k, n_items=n_items)
        except Exception as error:
            seen[label] = f"raises {type(error).__name__}"
            continue
        known = {True: "keeps it", False: "does not"}
        seen[label] = known.get(bool(verdict)) if isinstance(verdict, bool | np.bool_) else f"{type(verdict).__name__}"
    return seen


def _recommended(k: int, n_items: int, n_sent: int, seed: int) -> Seen:
    rng = np.random.default_rng(seed)
    order = [int(item) for item in rng.permutation(np.arange(2, n_items)) + 1]
    items = [{"item": item, "score": 1 / (place + 1)} for place, item in enumerate(order[:k])]
    body = json.dumps({"items": items, "model_version": f"v{seed}"}).encode()
    return {
        "answer": Answer(200, "application/json", body),
        "sent": order[k : k + n_sent],
        "k": k,
        "n_items": n_items,
    }


declaration = Declaration(
    keeps_contract,
    question="Think of six answers with status 200 that are worthless. Which line of your function refuses each of "
    "them?",
    nudge="What can raise goes into one `try`: parsing, and reaching for fields. Then types, then bounds, then the "
    "list as a whole: how many, how many different ones, none of those sent.",
    probes=[
        Probe("three films for two sent", lambda: _recommended(3, 40, 2, seed=1)),
        Probe("seven films for nobody", lambda: _recommended(7, 60, 0, seed=2)),
        Probe("ten films of 1,682 for twenty sent", lambda: _recommended(10, 1682, 20, seed=3)),
        Probe("a hundred films", lambda: _recommended(100, 1682, 150, seed=4), times=100),
    ],
    observe=_judged,
)


@declaration.misconception
def status_alone(answer, sent, k, n_items):
    """Status 200 is enough for you. So `{}` passes, and an error page, and a poem: this is the test of a well-known
    course, and its five wrong answers passed.
    """
    return answer.status == 200


@declaration.misconception
def valid_json_alone(answer, sent, k, n_items):
    """Status 200 and some JSON are enough for you. `{}` is JSON, and so is `null`."""
    try:
        json.loads(answer.body)
    except ValueError:
        return False
    return answer.status == 200


@declaration.misconception
def content_type_ignored(answer, sent, k, n_items):
    """You never look at the content type. JSON that says it is HTML is shown as a page of braces."""
    ids, version = _contents(answer)
    if not (answer.status == 200 and _named(version) and _films(ids, n_items)):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def content_type_to_the_letter(answer, sent, k, n_items):
    """You compare the content type letter by letter, and refuse one with `; charset=utf-8` behind it or in capitals.
    Half of the frameworks write it so.
    """
    ids, version = _contents(answer)
    if not (
        answer.status == 200 and answer.content_type == "application/json" and _named(version) and _films(ids, n_items)
    ):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def any_2xx(answer, sent, k, n_items):
    """Every status from 200 to 299 is fine with you. 202 says that the answer will come later."""
    ids, version = _contents(answer)
    if not (200 <= answer.status < 300 and _is_json(answer) and _named(version) and _films(ids, n_items)):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def raises_at_nonsense(answer, sent, k, n_items):
    """On a body that is no JSON, or lacks a field, you raise. A judge who faints has given no verdict: nonsense is the
    one thing that is sure to come.
    """
    if answer.status != 200 or not _is_json(answer):
        return False
    body = json.loads(answer.body)
    ids = [film["item"] for film in body["items"]]
    if not _named(body["model_version"]) or not isinstance(body["items"], list) or not _films(ids, n_items):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def nothing_but_missing_keys(answer, sent, k, n_items):
    """You expect that a field is missing, and that the body is no JSON. But it can be JSON and no object: a list, a
    number, null. Then it is a TypeError.
    """
    if answer.status != 200 or not _is_json(answer):
        return False
    try:
        body = json.loads(answer.body)
        ids, version = [film["item"] for film in body["items"]], body["model_version"]
    except (ValueError, KeyError):
        return False
    if not _named(version) or not isinstance(body["items"], list) or not _films(ids, n_items):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def short_lists_pass(answer, sent, k, n_items):
    """A list that is too short passes with you, and so does an empty one. Exactly k are asked for."""
    ids, version = _contents(answer)
    if not (answer.status == 200 and _is_json(answer) and _named(version) and _films(ids, n_items)):
        return False
    return len(ids) == len(set(ids)) <= k and not set(ids) & set(sent)


@declaration.misconception
def long_lists_pass(answer, sent, k, n_items):
    """A list that is too long passes with you. Exactly k are asked for."""
    ids, version = _contents(answer)
    if not (answer.status == 200 and _is_json(answer) and _named(version) and _films(ids, n_items)):
        return False
    return len(ids) == len(set(ids)) >= k and not set(ids) & set(sent)


@declaration.misconception
def ten_are_enough(answer, sent, k, n_items):
    """You want ten films, whatever k says."""
    ids, version = _contents(answer)
    if not (answer.status == 200 and _is_json(answer) and _named(version) and _films(ids, n_items)):
        return False
    return len(ids) == len(set(ids)) == 10 and not set(ids) & set(sent)


@declaration.misconception
def twice_is_fine(answer, sent, k, n_items):
    """The same film may fill the whole list, as far as you are concerned."""
    ids, version = _contents(answer)
    if not (answer.status == 200 and _is_json(answer) and _named(version) and _films(ids, n_items)):
        return False
    return len(ids) == k and not set(ids) & set(sent)


@declaration.misconception
def the_sent_come_back(answer, sent, k, n_items):
    """You let films through that were sent: somebody is recommended what they have told you they know."""
    ids, version = _contents(answer)
    if not (answer.status == 200 and _is_json(answer) and _named(version) and _films(ids, n_items)):
        return False
    return len(ids) == len(set(ids)) == k


@declaration.misconception
def counted_from_zero(answer, sent, k, n_items):
    """Your ids go from 0 to n_items - 1, as in arrays. On the wire they count from 1."""
    ids, version = _contents(answer)
    if not (
        answer.status == 200
        and _is_json(answer)
        and _named(version)
        and ids is not None
        and all(type(item) is int and 0 <= item < n_items for item in ids)
    ):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def no_largest_id(answer, sent, k, n_items):
    """You let films through that do not exist: the ids end at n_items."""
    ids, version = _contents(answer)
    if not (
        answer.status == 200
        and _is_json(answer)
        and _named(version)
        and ids is not None
        and all(type(item) is int and item >= 1 for item in ids)
    ):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def true_is_one(answer, sent, k, n_items):
    """`isinstance(True, int)` is true in Python, so `true` passes for film number 1. Ask for `type(item) is int`."""
    ids, version = _contents(answer)
    if not (
        answer.status == 200
        and _is_json(answer)
        and _named(version)
        and ids is not None
        and all(isinstance(item, int) and 1 <= item <= n_items for item in ids)
    ):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def converted_to_fit(answer, sent, k, n_items):
    """You turn "50" and 50.0 into numbers and go on. A client in a stricter language than Python breaks on it."""
    ids, version = _contents(answer)
    if not (answer.status == 200 and _is_json(answer) and _named(version)):
        return False
    try:
        ids = [item if type(item) is bool else int(item) for item in ids]
    except (TypeError, ValueError):
        return False
    return _films(ids, n_items) and len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def nameless_models(answer, sent, k, n_items):
    """You never look at model_version. When an answer is wrong in March, nobody will know which model gave it."""
    ids, _ = _contents(answer)
    if not (answer.status == 200 and _is_json(answer) and _films(ids, n_items)):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)


@declaration.misconception
def blank_names(answer, sent, k, n_items):
    """An empty model_version passes with you. It is there, and says nothing."""
    ids, version = _contents(answer)
    if not (answer.status == 200 and _is_json(answer) and isinstance(version, str) and _films(ids, n_items)):
        return False
    return len(ids) == len(set(ids)) == k and not set(ids) & set(sent)
