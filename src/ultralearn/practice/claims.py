"""Claims: sentences about results that a run must bear out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape

import numpy as np

from ultralearn import UltralearnError
from ultralearn.experiments.statistics import bootstrap_interval, interquartile_mean
from ultralearn.practice.session import functions_in_use, headless, show

# The measured value lives in this type; the comparer skips it and compares the sentence and the bound.
CLAIM_MIME = "application/vnd.ultralearn.claim+json"
Scores = float | Sequence[float] | np.ndarray


class ClaimNotMetError(UltralearnError, AssertionError):
    """A headless run measured a value outside a claim's bound."""


class ClaimError(UltralearnError, ValueError):
    """A claim that says nothing: its baseline, or zero, meets it too."""


@dataclass(frozen=True)
class Bound:
    """What a value is held to. Either side may be open."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether the value lies within the bound; NaN does not."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        """The bound in words."""
        if math.isinf(self.high):
            return f"at least {self.low:g}"
        if math.isinf(self.low):
            return f"at most {self.high:g}"
        return f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True)
class Claim:
    """A claim, judged; all text, as the status page shows it."""

    sentence: str
    bound: str
    baseline: str
    value: str
    interval: str | None
    seeds: int | None
    passing: int | None  # how many seeds meet the bound, where the claim asks for it
    holds: bool


def claim(
    sentence: str,
    value: Scores,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    between: tuple[float, float] | None = None,
    against: Scores,
    seeds_at_least: int | None = None,
) -> None:
    """Hold a result to a bound. `against` is what the trivial baseline scores: it must miss the bound.

    Several scores, one a seed, are judged by their interquartile mean and shown with its bootstrap interval;
    `seeds_at_least` asks further that so many of them meet the bound each. Headless, a missed claim raises
    ClaimNotMetError. A claim without content raises ClaimError headless, and says so in a learner's session.
    """
    bound = _bound(at_least, at_most, between)
    try:
        judged = _judge(sentence, value, bound, against, seeds_at_least)
    except ClaimError as refusal:
        if headless():
            raise
        show({"text/plain": f"Claim refused: {refusal}"})
        return
    show(claim_bundle(judged))
    if headless() and not judged.holds:
        raise ClaimNotMetError(f"{judged.sentence} {_detail(judged)}")


def _bound(at_least: float | None, at_most: float | None, between: tuple[float, float] | None) -> Bound:
    given = [part for part in (at_least, at_most, between) if part is not None]
    if len(given) != 1:
        raise ClaimError(f"give exactly one of at_least, at_most and between; got {len(given)}")
    if between is not None:
        bound = Bound(*between)
    else:
        bound = Bound(low=-math.inf if at_least is None else at_least, high=math.inf if at_most is None else at_most)
    if not bound.low < bound.high or (math.isinf(bound.low) and math.isinf(bound.high)):
        raise ClaimError(f"the bound {between or given[0]} holds nothing, or everything")
    if at_least is not None and at_least <= 0:
        raise ClaimError(f"at_least={at_least:g} is met by zero")
    return bound


def _judge(sentence: str, value: Scores, bound: Bound, against: Scores, seeds_at_least: int | None) -> Claim:
    scores, baseline = np.asarray(value, dtype=float), _summary(against)
    if not sentence.strip():
        raise ClaimError("the sentence is empty")
    if math.isnan(baseline):
        raise ClaimError(f"the baseline of “{sentence}” is NaN")
    if bound.holds(baseline):
        raise ClaimError(f"the baseline of “{sentence}” scores {baseline:.3g} and meets the bound itself ({bound})")
    if seeds_at_least is not None and not 0 < seeds_at_least <= scores.size:
        raise ClaimError(f"seeds_at_least={seeds_at_least}, but there are {scores.size} scores")
    measured, interval = _summary(value), None
    if scores.ndim:
        low, high = bootstrap_interval(scores)
        interval = f"{low:.3g} to {high:.3g}"
    passing = sum(bound.holds(float(score)) for score in scores.ravel())
    enough = seeds_at_least is None or passing >= seeds_at_least
    words = "" if seeds_at_least is None else f"; at least {seeds_at_least} of {scores.size} seeds"
    return Claim(
        sentence=sentence,
        bound=f"{bound}{words}",
        baseline=f"{baseline:.3g}",
        value=f"{measured:.3g}",
        interval=interval,
        seeds=int(scores.size) if scores.ndim else None,
        passing=None if seeds_at_least is None else passing,
        holds=bound.holds(measured) and enough,
    )


def _summary(value: Scores) -> float:
    scores = np.asarray(value, dtype=float)
    return interquartile_mean(scores) if scores.ndim else float(scores)


def _detail(judged: Claim) -> str:
    spread = f" (95 % interval {judged.interval}, {judged.seeds} seeds)" if judged.interval else ""
    passing = "" if judged.passing is None else f", {judged.passing} of {judged.seeds} seeds meet it"
    verdict = "Holds" if judged.holds else "Not met"
    return (
        f"{verdict}: measured {judged.value}{spread}; expected {judged.bound}{passing}; "
        f"the baseline scores {judged.baseline}."
    )


def claim_bundle(judged: Claim) -> dict[str, object]:
    """Return the claim for the notebook. `text/plain` holds what the comparer compares: the sentence and the bound."""
    detail = _detail(judged)
    if not judged.holds:
        own = sorted(name for (_, name), yours in functions_in_use.items() if yours)
        detail += f" Functions of yours in use: {', '.join(own)}." if own else " No function of yours is in use."
    color = "#2f8f4e" if judged.holds else "#c4661f"
    html = (
        f'<div class="ul-claim {"ul-holds" if judged.holds else "ul-missed"}" '
        f'style="border-left:4px solid {color};padding:0.1em 0 0.1em 0.8em">'
        f"<p><strong>Claim.</strong> {escape(judged.sentence)}</p><p>{escape(detail)}</p></div>"
    )
    plain = f"Claim. {judged.sentence}\nBound: {judged.bound}."
    if not headless():
        plain += f"\n{detail}"
    return {"text/plain": plain, "text/html": html, CLAIM_MIME: asdict(judged)}
