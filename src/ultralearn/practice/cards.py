"""Cards: one YAML file a week, shown on its page and exported as an Anki deck.

A card is `{id, question, answer, source}`, with optional `choices: [{text, correct, reason}]`. Text is Markdown
with $...$ and $$...$$ for formulas.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter, ValidationError, model_validator

from ultralearn import UltralearnError

CARDS = Path(__file__).parents[1] / "cards"
Text = Annotated[str, Field(min_length=1)]


class CardError(UltralearnError, ValueError):
    """A file of cards says something that cannot be shown; the message says where and what to do."""


class Strict(BaseModel):
    """A mapping with the keys it declares and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Choice(Strict):
    """One possible answer, and why it is right or wrong."""

    text: Text
    correct: StrictBool
    reason: Text


class Card(Strict):
    """A question, its answer and where both come from. The id stays for good: learners' histories hang on it."""

    id: Annotated[str, Field(pattern=r"^week_\d\d-[a-z0-9]+(-[a-z0-9]+)*$")]
    question: Text
    answer: Text
    source: Text
    choices: tuple[Choice, ...] = ()

    @model_validator(mode="after")
    def _one_choice_is_correct(self) -> Card:
        if self.choices and sum(choice.correct for choice in self.choices) != 1:
            raise ValueError("exactly one choice is correct; mark it and no other")
        return self


def weeks_with_cards(folder: Path = CARDS) -> list[str]:
    """Names ("week_07") of the weeks that have cards, in order."""
    return sorted(path.stem for path in folder.glob("week_*.yaml"))


def load_cards(week: str, folder: Path = CARDS) -> list[Card]:
    """Read and check the cards of a week, named as its file is: "week_07".

    Raises CardError with the file, the card and what to do about it.
    """
    path = folder / f"{week}.yaml"
    if not path.exists():
        raise CardError(f"There is no {path.name}; there are {', '.join(weeks_with_cards(folder)) or 'no cards yet'}.")
    try:
        cards = TypeAdapter(list[Card]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise CardError(f"{path.name} is not valid YAML: {error}") from error
    except ValidationError as error:
        raise CardError(f"{path.name} has to be mended:\n{error}") from error
    ids = [card.id for card in cards]
    for card in cards:
        if not re.match(f"{week}-", card.id) or ids.count(card.id) > 1:
            raise CardError(f"{path.name}: the id {card.id!r} must begin with '{week}-' and occur once.")
    return cards
