"""Cards: one YAML file a week, shown on its page and exported as an Anki deck by ultralearn.publish.

A card is `{id, question, answer, source}`, with optional `choices: [{text, correct, reason}]`. Text is Markdown
with $...$ and $$...$$ for formulas.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CARDS = Path(__file__).parents[1] / "cards"

_KEYS = {"id", "question", "answer", "source"}
_CHOICE_KEYS = {"text", "correct", "reason"}


class CardError(ValueError):
    """A file of cards says something that cannot be shown; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One possible answer, and why it is right or wrong."""

    text: str
    correct: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Card:
    """A question, its answer and where both come from."""

    id: str
    question: str
    answer: str
    source: str
    choices: tuple[Choice, ...] = ()


def weeks_with_cards(folder: Path = CARDS) -> list[str]:
    """Names ("week_07") of the weeks that have cards, in order."""
    return sorted(path.stem for path in folder.glob("week_*.yaml"))


def load_cards(week: str, folder: Path = CARDS) -> list[Card]:
    """Read and check the cards of a week, named as its file is: "week_07".

    Raises CardError with the file, the card and what to do about it.
    """
    path = folder / f"{week}.yaml"
    if not path.exists():
        known = ", ".join(weeks_with_cards(folder)) or "no cards yet"
        raise CardError(f"There is no {path.name}; there are {known}.")
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CardError(f"{path.name} is not valid YAML: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise CardError(f"{path.name} must be a list of cards; begin each with '- id: {week}-slug'.")
    cards = [_card(entry, position, week, path.name) for position, entry in enumerate(entries, start=1)]
    seen: set[str] = set()
    for card in cards:
        if card.id in seen:
            raise CardError(f"{path.name}: two cards have the id {card.id!r}; give one of them another slug.")
        seen.add(card.id)
    return cards


def _card(entry: object, position: int, week: str, file: str) -> Card:
    where = f"{file}, card {position}"
    if not isinstance(entry, dict):
        raise CardError(f"{where}: expected a mapping with {', '.join(sorted(_KEYS))}; got {entry!r}.")
    if isinstance(entry.get("id"), str):
        where = f"{file}, card {entry['id']!r}"
    _same_keys(entry, _KEYS, {"choices"}, where)
    for key in sorted(_KEYS):
        _text(entry[key], key, where)
    if not re.fullmatch(rf"{week}-[a-z0-9]+(-[a-z0-9]+)*", entry["id"]):
        raise CardError(
            f"{where}: the id must be {week!r}, a dash and a slug of lower-case words, as {week}-some-idea."
        )
    choices = entry.get("choices", [])
    if not isinstance(choices, list):
        raise CardError(f"{where}: choices must be a list of text, correct, reason; got {choices!r}.")
    for number, choice in enumerate(choices, start=1):
        place = f"{where}, choice {number}"
        if not isinstance(choice, dict):
            raise CardError(f"{place}: expected a mapping with text, correct, reason; got {choice!r}.")
        _same_keys(choice, _CHOICE_KEYS, set(), place)
        _text(choice["text"], "text", place)
        _text(choice["reason"], "reason", place)
        if not isinstance(choice["correct"], bool):
            raise CardError(f"{place}: correct must be true or false; got {choice['correct']!r}.")
    if choices and sum(choice["correct"] for choice in choices) != 1:
        raise CardError(f"{where}: exactly one choice is correct; mark it and no other.")
    return Card(
        id=entry["id"],
        question=entry["question"].strip(),
        answer=entry["answer"].strip(),
        source=entry["source"].strip(),
        choices=tuple(Choice(c["text"].strip(), c["correct"], c["reason"].strip()) for c in choices),
    )


def _same_keys(entry: dict[Any, Any], required: set[str], optional: set[str], where: str) -> None:
    for key in sorted(required - set(entry)):
        raise CardError(f"{where}: {key!r} is missing; add it.")
    for key in sorted(map(str, set(entry) - required - optional)):
        raise CardError(f"{where}: {key!r} is not known; there are {', '.join(sorted(required | optional))}.")


def _text(value: object, key: str, where: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise CardError(
            f"{where}: {key} must be text that is not empty; got {value!r}. Quote it if YAML reads it wrong."
        )
