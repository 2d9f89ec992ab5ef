"""The cards of a week as an Anki deck in the built site, made whenever the site is."""

import os
import time as clock
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import genanki
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.application import Sphinx

from ultralearn import files
from ultralearn.practice.cards import CARDS, Card, Choice, load_cards, weeks_with_cards

_DECK_ID = 1_730_000_000  # plus the week's number: a deck keeps its id for good, or learners get a second one
_MODEL_ID = 1_730_001_000


def write_decks(app: Sphinx, problem: Exception | None) -> None:
    """Put the Anki deck of every week with cards into the site, dated SOURCE_DATE_EPOCH where it is set."""
    if problem or app.builder.format != "html":
        return
    now = float(os.environ.get("SOURCE_DATE_EPOCH", clock.time()))
    for week in weeks_with_cards(CARDS):
        export_deck(week, load_cards(week, CARDS), Path(app.outdir) / "cards" / f"{week}.apkg", now)


def export_deck(week: str, cards: Iterable[Card], path: Path, time: float) -> None:
    """Write an Anki deck (.apkg) of a week's cards, whole or not at all.

    A note's guid comes from its card's id, so importing a later version updates the cards and keeps their history.
    time: seconds since 1970, when the deck was made; Anki takes over a card that is newer than the one it has. The
    decks of one export get different seconds, because genanki numbers the notes by time.
    """
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
    with files.whole_file(path) as draft:
        genanki.Package(deck).write_to_file(draft, timestamp=time + number)


def _verdict(choice: Choice) -> str:
    return f"<b>{'Right' if choice.correct else 'Wrong'}.</b> {markdown_to_html(choice.reason)}"


def markdown_to_html(text: str) -> str:
    r"""Render Markdown as HTML for Anki: formulas become \(...\) and \[...\], which Anki sets itself."""
    parser = MarkdownIt("commonmark").use(dollarmath_plugin, renderer=_anki_formula)
    return str(parser.render(text)).strip()


def _anki_formula(content: str, options: dict[str, Any]) -> str:
    formula = content.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return rf"\[{formula}\]" if options["display_mode"] else rf"\({formula}\)"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", write_decks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
