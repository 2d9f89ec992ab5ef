"""Cards are read strictly, and a deck can be imported again without losing a learner's history."""

from pathlib import Path

import pytest
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

from ultralearn.practice.cards import CardError, Choice, load_cards, weeks_with_cards
from ultralearn.publish.sphinx.decks import export_deck, markdown_to_html

SAMPLE = Path(__file__).with_name("sample")
GOOD = "- id: week_01-a\n  question: Why?\n  answer: Because.\n  source: here\n"


def write(folder, text, week="week_01"):
    (folder / f"{week}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("week", weeks_with_cards())
def test_every_week_with_cards_has_ten_that_are_well_formed(week):
    cards = load_cards(week)
    assert len(cards) >= 10
    assert len({card.question for card in cards}) == len(cards)


def test_a_card_is_read_with_its_choices():
    first, second, third = load_cards("week_07", SAMPLE)
    assert first.choices == ()
    assert "\\mathbb{E}" in first.answer
    assert [choice.correct for choice in second.choices] == [False, True, False]
    assert "env.step" in third.question


CHOICES = "  choices:\n"
WRONG = {
    "no question": ("0.question\n  Field required", GOOD.replace("  question: Why?\n", "")),
    "unknown key": ("0.colour\n  Extra inputs are not permitted", GOOD + "  colour: red\n"),
    "empty": ("0.answer\n  String should have at least 1", GOOD.replace("Because.", "' '")),
    "number": ("0.answer\n  Input should be a valid string", GOOD.replace("Because.", "42")),
    "id of another week": ("must begin with 'week_01-'", GOOD.replace("week_01-a", "week_02-a")),
    "id with blanks": ("0.id\n  String should match pattern", GOOD.replace("week_01-a", "week_01-A b")),
    "twice": ("'week_01-a' must begin with 'week_01-' and occur once", GOOD + GOOD),
    "no list": ("Input should be a valid list", "id: week_01-a\n"),
    "no mapping": ("Input should be a valid dictionary", "- just text\n"),
    "yaml": ("not valid YAML", "- id: [\n"),
    "no correct choice": (
        "exactly one choice is correct",
        GOOD + CHOICES + "    - {text: a, correct: false, reason: b}\n",
    ),
    "choices no list": ("0.choices\n  Input should be a valid tuple", GOOD + "  choices: 3\n"),
    "choice without reason": ("0.choices.0.reason\n  Field", GOOD + CHOICES + "    - {text: a, correct: true}\n"),
    "choice not boolean": (
        "0.choices.0.correct\n  Input should be a valid boolean",
        GOOD + CHOICES + "    - {text: a, correct: sure, reason: b}\n",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_file_and_card(name, tmp_path):
    message, text = WRONG[name]
    with pytest.raises(CardError, match=r"week_01\.yaml") as caught:
        load_cards("week_01", write(tmp_path, text))
    assert message in str(caught.value)


def test_a_week_without_cards_names_those_that_have_some(tmp_path):
    with pytest.raises(CardError, match="no cards yet"):
        load_cards("week_09", tmp_path)
    with pytest.raises(CardError, match=r"There is no week_09\.yaml; there are week_07"):
        load_cards("week_09", SAMPLE)


def test_formulas_reach_anki_escaped_once():
    assert markdown_to_html("If $a < b$: `x`") == (
        '<p>If <span class="math inline">\\(a &lt; b\\)</span>: <code>x</code></p>'
    )
    assert "\\[\\sum_t G_t\\]" in markdown_to_html("So\n\n$$\\sum_t G_t$$")


def import_deck(collection, path):
    options = ImportAnkiPackageOptions(merge_notetypes=True, with_scheduling=True, with_deck_configs=False)
    return collection.import_anki_package(ImportAnkiPackageRequest(package_path=str(path), options=options)).log


def test_a_second_import_changes_the_cards_and_keeps_the_history(tmp_path):
    cards = load_cards("week_07", SAMPLE)
    first, second = tmp_path / "out/first.apkg", tmp_path / "out/second.apkg"
    export_deck("week_07", cards, first, time=1_790_000_000)
    changed = cards[0].model_copy(
        update={"answer": "A better answer.", "choices": (Choice(text="so", correct=True, reason="because"),)}
    )
    added = cards[0].model_copy(update={"id": "week_07-new", "question": "New?"})
    export_deck("week_07", [changed, *cards[1:], added], second, time=1_790_086_400)
    assert sorted(path.name for path in first.parent.iterdir()) == ["first.apkg", "second.apkg"]

    collection = Collection(str(tmp_path / "collection.anki2"))
    try:
        assert len(import_deck(collection, first).new) == len(cards)
        deck = collection.decks.by_name("Ultralearn::Week 07")
        collection.decks.select(deck["id"])
        card = collection.sched.getCard()
        collection.sched.answerCard(card, 3)
        reviewed, reviews = card.id, collection.db.scalar("select count() from revlog")
        assert reviews == 1

        log = import_deck(collection, second)
        assert len(log.new) == 1
        assert len(log.updated) == len(cards)
        assert collection.card_count() == len(cards) + 1
        assert collection.get_card(reviewed).reps == 1
        assert collection.db.scalar("select count() from revlog") == 1
        notes = [collection.get_note(note) for note in collection.find_notes("deck:Ultralearn*")]
        assert sum("A better answer." in note["Answer"] for note in notes) == 1
        assert {deck.name for deck in collection.decks.all_names_and_ids()} >= {"Ultralearn::Week 07"}
    finally:
        collection.close()


def test_decks_of_two_weeks_live_side_by_side(tmp_path):
    cards = load_cards("week_07", SAMPLE)
    others = [card.model_copy(update={"id": card.id.replace("week_07", "week_03")}) for card in cards]
    export_deck("week_07", cards, tmp_path / "a.apkg", time=1_790_000_000)
    export_deck("week_03", others, tmp_path / "b.apkg", time=1_790_000_000)
    collection = Collection(str(tmp_path / "collection.anki2"))
    try:
        for name in "ab":
            assert len(import_deck(collection, tmp_path / f"{name}.apkg").new) == 3
        assert collection.card_count() == 6
    finally:
        collection.close()
