"""A claim says something, holds, and is shown; or it is refused, or the run fails."""

import math

import pytest

from ultralearn.experiments.statistics import interquartile_mean
from ultralearn.practice import claim, claims
from ultralearn.practice.claims import CLAIM_MIME, ClaimError, ClaimNotMetError


@pytest.fixture
def shown(monkeypatch):
    """The bundles that were displayed; a headless run."""
    monkeypatch.setenv("ULTRALEARN_HEADLESS", "1")
    bundles = []
    monkeypatch.setattr(claims, "show", bundles.append)
    return bundles


def test_a_claim_that_holds_is_shown_with_its_value(shown):
    claim("The error is small.", 0.92, at_most=0.925, against=0.98)
    (bundle,) = shown
    assert bundle["text/plain"] == "Claim. The error is small.\nBound: at most 0.925."
    assert "measured 0.92; expected at most 0.925; the baseline scores 0.98" in bundle["text/html"]
    assert bundle[CLAIM_MIME] == {
        "sentence": "The error is small.",
        "bound": "at most 0.925",
        "baseline": "0.98",
        "value": "0.92",
        "interval": None,
        "seeds": None,
        "passing": None,
        "holds": True,
    }


def test_scores_of_seeds_are_judged_by_their_interquartile_mean(shown):
    claim("It stands.", [500, 490, 480, 500, 20], at_least=475, against=[20, 22, 25], seeds_at_least=4)
    data = shown[0][CLAIM_MIME]
    assert data["value"] == f"{interquartile_mean([500, 490, 480, 500, 20]):.3g}"
    assert (data["seeds"], data["passing"], data["holds"]) == (5, 4, True)
    assert data["bound"] == "at least 475; at least 4 of 5 seeds"
    assert " to " in data["interval"]


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        (0.93, {"at_most": 0.925, "against": 0.98}),
        (math.nan, {"at_most": 0.925, "against": 0.98}),
        (1.2, {"at_least": 1.5, "against": 1.0}),
        (4.0, {"between": (1, 3), "against": 0.0}),
        ([500, 500, 500, 500, 10, 10], {"at_least": 400, "against": 20, "seeds_at_least": 5}),
    ],
)
def test_headless_a_missed_claim_fails_the_run_after_it_was_shown(shown, value, bound):
    with pytest.raises(ClaimNotMetError, match="Not met"):
        claim("It is so.", value, **bound)
    assert shown[0][CLAIM_MIME]["holds"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"at_least": 0.5, "against": 0.6}, "meets the bound itself"),
        ({"at_most": 0.5, "against": 0.4}, "meets the bound itself"),
        ({"between": (0, 1), "against": 0.5}, "meets the bound itself"),
        ({"at_least": 1, "against": [0.9, 1.2, 1.3, 1.2]}, "meets the bound itself"),
        ({"at_least": 0, "against": -5}, "met by zero"),
        ({"at_least": -3, "against": -5}, "met by zero"),
        ({"at_least": 1, "at_most": 2, "against": 0}, "exactly one"),
        ({"against": 0}, "exactly one"),
        ({"between": (2, 1), "against": 0}, "holds nothing"),
        ({"at_most": math.inf, "against": 0}, "holds nothing, or everything"),
        ({"at_least": math.nan, "against": 0}, "holds nothing, or everything"),
        ({"at_least": 1, "against": math.nan}, "is NaN"),
        ({"at_least": 1, "against": 0, "seeds_at_least": 7}, "there are 1 scores"),
    ],
)
def test_a_claim_without_content_is_refused(shown, arguments, words):
    with pytest.raises(ClaimError, match=words):
        claim("It is so.", 5.0, **arguments)
    assert shown == []


def test_a_claim_needs_a_baseline_and_a_sentence(shown):
    with pytest.raises(TypeError, match="against"):
        claim("It is so.", 1.0, at_least=0.5)
    with pytest.raises(ClaimError, match="empty"):
        claim(" ", 1.0, at_least=0.5, against=0.1)


def test_in_a_learners_session_a_missed_claim_names_their_functions(shown, monkeypatch):
    monkeypatch.delenv("ULTRALEARN_HEADLESS")
    monkeypatch.setattr(claims, "functions_in_use", {(3, "rating_loss"): True, (3, "solve_ridge"): False})
    claim("The error is small.", 0.99, at_most=0.925, against=1.1)
    claim("The error is small.", 0.99, at_most=0.925, against=0.9)
    assert "Not met: measured 0.99" in shown[0]["text/plain"]
    assert "Functions of yours in use: rating_loss." in shown[0]["text/plain"]
    assert "Claim refused" in shown[1]["text/plain"]
    monkeypatch.setattr(claims, "functions_in_use", {})
    claim("The error is small.", 0.99, at_most=0.925, against=1.1)
    assert "No function of yours is in use" in shown[2]["text/plain"]


def test_text_is_escaped(shown):
    claim("a < b & c", 2.0, at_least=1, against=0)
    assert "a &lt; b &amp; c" in shown[0]["text/html"]
