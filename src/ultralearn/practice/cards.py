"""Cards: one YAML file a week, shown on its page and exported as an Anki deck.

A card is `{id, question, answer, source}`, with optional `choices: [{text, correct, reason}]`. Text is Markdown
with $...$ and $$...$$ for formulas.
"""

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CARDS = Path(__file__).parents[1] / "cards"

_DECK_ID = 1_730_000_000  # plus the week's number: a deck keeps its id for good, or learners get a second one
_MODEL_ID = 1_730_001_000
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


def export_deck(week: str, cards: Iterable[Card], path: Path, time: float) -> None:
    """Write an Anki deck (.apkg) of a week's cards, whole or not at all.

    A note's guid comes from its card's id, so importing a later version updates the cards and keeps their history.
    time: seconds since 1970, when the deck was made; Anki takes over a card that is newer than the one it has. The
    decks of one export get different seconds, because genanki numbers the notes by time.
    """
    import genanki  # only whoever makes the book has it

    model = genanki.Model(
        _MODEL_ID,
        "Ultralearn",
        fields=[{"name": "Question"}, {"name": "Answer"}, {"name": "Source"}],
        templates=[
            {
                "name": "Card",
                "qfmt": "{{Question}}",
                "afmt": '{{FrontSide}}<hr id="answer">{{Answer}}<p class="source">{{Source}}</p>',
            }
        ],
        css=".card { font: 18px/1.5 sans-serif; max-width: 40em; margin: auto } .source { font-size: 80% }",
    )
    number = int(week.removeprefix("week_"))
    deck = genanki.Deck(_DECK_ID + number, f"Ultralearn::Week {number:02}")
    for card in cards:
        front = markdown_to_html(card.question)
        back = markdown_to_html(card.answer)
        if card.choices:
            front += f"<ol>{''.join(f'<li>{markdown_to_html(c.text)}</li>' for c in card.choices)}</ol>"
            back += f"<ol>{''.join(f'<li>{_verdict(c)}</li>' for c in card.choices)}</ol>"
        fields = [front, back, markdown_to_html(card.source)]
        deck.add_note(genanki.Note(model=model, fields=fields, guid=genanki.guid_for("ultralearn", card.id)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder) / path.name
        genanki.Package(deck).write_to_file(draft, timestamp=time + number)
        os.replace(draft, path)


def _verdict(choice: Choice) -> str:
    return f"<b>{'Right' if choice.correct else 'Wrong'}.</b> {markdown_to_html(choice.reason)}"


def markdown_to_html(text: str) -> str:
    r"""Render Markdown as HTML for Anki: formulas become \(...\) and \[...\], which Anki sets itself."""
    from markdown_it import MarkdownIt  # only whoever makes the book has it
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark").use(dollarmath_plugin, renderer=_anki_formula)
    return str(parser.render(text)).strip()


def _anki_formula(content: str, options: dict[str, Any]) -> str:
    formula = content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return rf"\[{formula}\]" if options["display_mode"] else rf"\({formula}\)"
