"""The directive {cards}: the cards of a week on its page, with a link to their Anki deck (decks.py)."""

from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ultralearn.practice.cards import CARDS, Card, CardError, load_cards


class card_box(nodes.General, nodes.Element):
    """One card."""


class disclosure(nodes.General, nodes.Element):
    """<details>: its first child is the summary, the rest is hidden until it is opened."""


class summary(nodes.General, nodes.TextElement):
    """<summary>: what is seen of a disclosure before it is opened."""


class Cards(SphinxDirective):
    """```{cards} week_07 shows the cards of cards/week_07.yaml and offers them for download."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read the file, show each card."""
        week = self.arguments[0]
        self.env.note_dependency(str(CARDS / f"{week}.yaml"))
        try:
            cards = load_cards(week, CARDS)
        except CardError as error:
            raise self.error(str(error)) from error
        up = "../" * self.env.docname.count("/")
        label = f"Download the {len(cards)} cards for Anki"
        deck = nodes.reference("", label, refuri=f"{up}cards/{week}.apkg")
        deck["classes"].append("ul-deck")
        size = nodes.Text(" (.apkg). Import a later version over it: cards change, your history stays.")
        return [*(self.card(card) for card in cards), nodes.paragraph("", "", deck, size)]

    def card(self, card: Card) -> nodes.Element:
        """Show the question; with choices, each a disclosure of its reason; the answer collapsed."""
        box = card_box(ids=[f"card-{card.id}"])
        question = self._markdown(card.question)
        one_line = len(question) == 1 and isinstance(question[0], nodes.paragraph)
        if card.choices or not one_line:  # code in a question has a copy button, which a summary may not hold
            box += nodes.container("", *question, classes=["ul-card-question"])
            box += [self._choice(choice.text, choice.correct, choice.reason) for choice in card.choices]
            question = [nodes.paragraph("", "Answer")]
        answer = [*self._markdown(card.answer), self._source(card.source)]
        box += disclosure("", self._summary(question), *answer)
        return box

    def _choice(self, text: str, correct: bool, reason: str) -> nodes.Element:
        mark = nodes.strong("", "Right. " if correct else "Wrong. ")
        body = self._markdown(reason)
        if body and isinstance(body[0], nodes.paragraph):
            body[0].insert(0, mark)
        else:
            body.insert(0, nodes.paragraph("", "", mark))
        return disclosure("", self._summary(self._markdown(text)), *body, classes=["ul-choice"])

    def _source(self, text: str) -> nodes.Element:
        return nodes.container("", *self._markdown(f"Source: {text}"), classes=["ul-card-source"])

    def _summary(self, blocks: list[nodes.Node]) -> summary:
        if len(blocks) == 1 and isinstance(blocks[0], nodes.paragraph):
            return summary("", "", nodes.inline("", "", *blocks[0].children))
        return summary("", "", *blocks)

    def _markdown(self, text: str) -> list[nodes.Node]:
        container = nodes.Element()
        self.state.nested_parse(
            StringList(text.splitlines(), self.get_source_info()[0]), self.content_offset, container
        )
        return list(container.children)


def _open(tag: str, name: str) -> Any:
    def visit(self: Any, node: nodes.Element) -> None:
        classes = " ".join([name, *node["classes"]]).strip()
        self.body.append(self.starttag(node, tag, CLASS=classes) if classes else f"<{tag}>")

    return visit


def _close(tag: str) -> Any:
    def depart(self: Any, node: nodes.Element) -> None:
        self.body.append(f"</{tag}>\n")

    return depart


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_node(card_box, html=(_open("div", "ul-card"), _close("div")))
    app.add_node(disclosure, html=(_open("details", ""), _close("details")))
    app.add_node(summary, html=(_open("summary", ""), _close("summary")))
    app.add_directive("cards", Cards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
