"""Week 5: `top_k`."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from ultralearn.exercises.week_05.common import Seen
from ultralearn.practice import Declaration, Probe
from ultralearn.practice.comparison import kind as describe_kind


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """The places of the k best scores, best first, without sorting the
    rest.

    scores: (n_items,), float; -inf marks what must not be shown. k: at
    least 1, perhaps more than there are. Returns int64, (k,), shorter
    where fewer than k scores are above -inf. Of equal scores the lower
    place comes first, also where the list ends: which of them is in is
    not left to chance. scores stay as they were.
    """
    k = min(k, len(scores))
    bound = np.partition(scores, -k)[-k]
    candidates = np.flatnonzero((scores >= bound) & (scores > -np.inf))
    order = np.argsort(-scores[candidates], kind="stable")
    return candidates[order[:k]]


MANY = 10_000  # scores: from here on it is looked at what is sorted


class _Watched(np.ndarray):
    """Scores that note how many of them are sorted at once. A fast sort of a million takes no longer than some right
    answers, so that the time alone would not show it.
    """

    longest = 0  # numbers, of all sorts of all instances

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in (np.sort, np.argsort, np.unique):
            _Watched.longest = max(_Watched.longest, np.size(args[0]))
        return super().__array_function__(func, types, args, kwargs)

    def sort(self, *args: Any, **kwargs: Any) -> None:
        _Watched.longest = max(_Watched.longest, self.size)
        super().sort(*args, **kwargs)

    def argsort(self, *args: Any, **kwargs: Any) -> Any:
        _Watched.longest = max(_Watched.longest, self.size)
        return super().argsort(*args, **kwargs)


_lexsort = np.lexsort


def _watched_lexsort(keys: Any, axis: int = -1) -> Any:
    """NumPy does not look into a list of keys for arrays that want to know."""
    _Watched.longest = max([_Watched.longest, *map(np.size, keys)])
    return _lexsort(keys, axis)


def _list_made(function: Callable[..., Any], scores: np.ndarray, k: int) -> Any:
    """What a list shows: which scores, whether in order, whether ties go to the lower place, and what was sorted."""
    before, _Watched.longest = scores.copy(), 0
    many = len(scores) > MANY
    with patch.object(np, "lexsort", _watched_lexsort):
        found = function(scores=scores.view(_Watched) if many else scores, k=k)
    all_sorted = many and _Watched.longest > len(scores) / 2
    seen = _of_list(found, before) | {"sorted at once": "a part", "with everything struck out": "not asked"}
    # One thing after the other: who has no order yet is told neither of speed nor of a case that hardly ever occurs.
    if seen["ties"] == "the lower place first":
        if all_sorted:
            seen["sorted at once"] = "nearly all of it"
        if len(np.unique(before)) < len(before) / 10:
            seen["with everything struck out"] = _of_nothing(function)
    return seen


def _of_nothing(function: Callable[..., Any]) -> str:
    try:
        found = function(scores=np.full(12, -np.inf), k=5)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return f"{found.dtype}, shape {found.shape}" if isinstance(found, np.ndarray) else describe_kind(found)


def _of_list(returned: Any, before: np.ndarray) -> Seen:
    if not isinstance(returned, np.ndarray):
        return {"what you return": describe_kind(returned), "its scores": None, "order": None, "ties": None}
    found = np.asarray(returned)
    shape = f"{found.dtype}, shape {found.shape}"
    fits = found.ndim == 1 and found.dtype.kind == "i" and bool(((found >= 0) & (found < len(before))).all())
    if not fits:
        return {"what you return": f"{shape}, no places in scores", "its scores": None, "order": None, "ties": None}
    shown = before[found]
    with np.errstate(invalid="ignore"):  # -inf less -inf
        steps = np.diff(shown)
    downward, upward = bool((steps <= 0).all()), bool((steps >= 0).all())
    order = "best first" if downward else "worst first" if upward else "neither up nor down"
    reached = before >= shown.min(initial=np.inf)  # among the lowest of them, chance may have chosen
    reached[found] = False
    left_out = np.flatnonzero(reached)
    among_equals = [found[i] < found[i + 1] for i in np.flatnonzero(steps == 0)]
    at_the_end = not any(place < found[shown == before[place]].max(initial=-1) for place in left_out[:1000])
    if order != "best first":
        ties = "first of all, the order"
    elif all(among_equals) and at_the_end:
        ties = "the lower place first"
    else:
        ties = "the higher place first" if among_equals and not any(among_equals) else "as it happens"
    return {
        "what you return": shape,
        "its scores": np.sort(shown)[::-1],
        "order": order,
        "ties": ties,
    }


def _scores(
    n: int, k: int, seed: int, levels: int = 0, struck: int = 0, dtype: Any = np.float64, close: bool = False
) -> Seen:
    rng = np.random.default_rng(seed)
    scores = rng.integers(levels, size=n).astype(dtype) if levels else rng.normal(size=n).astype(dtype)
    if close:
        scores = 1 + 1e-12 * rng.permutation(n)
    scores[rng.permutation(n)[:struck]] = -np.inf
    return {"scores": scores, "k": k}


declaration = Declaration(
    top_k,
    question="Ten films out of a million: how many comparisons does it take to find the largest number of a list? The "
    "ten largest? How many does a full sort take?",
    nudge="`np.partition(scores, -k)` puts the k-th largest where it belongs and everything larger behind it, in no "
    "order. With that one score in hand, find who reaches it, and sort only those.",
    probes=[
        Probe("five scores, k of 1", lambda: {"scores": np.array([0.5, 2.0, -1.0, 1.5, 0.25]), "k": 1}),
        Probe("60 scores, k of 20", lambda: _scores(60, 20, seed=1)),
        Probe("400 scores of four levels, k of 150", lambda: _scores(400, 150, seed=2, levels=4)),
        Probe("more asked for than there are", lambda: _scores(30, 40, seed=3)),
        Probe("more struck out than left over", lambda: _scores(80, 60, seed=4, struck=50)),
        Probe("scores that differ in the twelfth digit", lambda: _scores(50, 20, seed=8, close=True)),
        Probe("1,682 scores, 200 of them struck out", lambda: _scores(1682, 25, seed=5, struck=200, dtype=np.float32)),
        Probe("a million scores", lambda: _scores(1_000_000, 30, seed=6), times=8),
    ],
    observe=_list_made,
)


@declaration.misconception
def everything_sorted(scores, k):
    """Right, and you sort a million numbers to show thirty. A sort takes n log n steps; to find where the k-th best
    stands takes n. NumPy can put one place in order and leave the rest in a heap on either side: `np.partition`.
    """
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > -np.inf][:k]


@declaration.misconception
def partitioned_and_no_more(scores, k):
    """On ordinary scores it works. It breaks where k is more than there are, shows films that were struck out with
    -inf, and leaves ties to chance: `argpartition` alone knows none of these three.
    """
    best = np.argpartition(-scores, k)[:k]
    return best[np.argsort(-scores[best], kind="stable")]


@declaration.misconception
def ties_left_to_chance(scores, k):
    """Where several films have the same score, what you do with them is an accident of NumPy's, another one on another
    machine. There are two places to look at: is everything that reaches the k-th best score a candidate? And is the
    sort of the candidates a stable one?
    """
    k = min(k, int((scores > -np.inf).sum()))
    best = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
    return best[np.argsort(-scores[best], kind="stable")]


@declaration.misconception
def last_of_equals_first(scores, k):
    """Of equal scores you show the higher place first: you sort ascending and turn the result around, and that turns
    the ties around as well. Sort the negated scores, with a stable sort.
    """
    order = np.flatnonzero(scores > -np.inf)
    return order[np.argsort(scores[order], kind="stable")[::-1]][:k]


@declaration.misconception
def best_but_in_no_order(scores, k):
    """These are the best k, but the best of them does not come first. A partition promises which side of the k-th a
    score is on, and nothing about the order on that side. By what do you sort the k, if you do?
    """
    found = top_k(scores, k)
    return np.concatenate([found[1::2], found[::2]])


@declaration.misconception
def worst_first(scores, k):
    """The best k, the worst of them first. People read lists from the top."""
    return top_k(scores, k)[::-1]


@declaration.misconception
def the_worst_k(scores, k):
    """You return the lowest scores. `argsort` and `argpartition` put the small ones first."""
    return top_k(np.where(scores > -np.inf, -scores, -np.inf), k)


@declaration.misconception
def struck_out_shown(scores, k):
    """Where too few films are left, you fill the list with films that were struck out: -inf is a number like any other
    to a sort. A shorter list is the honest one.
    """
    k = min(k, len(scores))
    candidates = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]


@declaration.misconception
def no_more_than_there_are(scores, k):
    """It breaks where k is more than there are films. Somebody will ask for 100 of a catalog of 50."""
    candidates = np.flatnonzero((scores >= np.partition(scores, -k)[-k]) & (scores > -np.inf))
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]


@declaration.misconception
def nothing_left(scores, k):
    """It breaks where everything was struck out: nothing is left, and nothing has no k-th best. The answer to somebody
    who has seen all of it is an empty list.
    """
    shown = np.flatnonzero(scores > -np.inf)
    k = min(k, len(shown))
    bound = scores[shown][np.argpartition(scores[shown], -k)[-k]]
    candidates = shown[scores[shown] >= bound]
    return candidates[np.argsort(-scores[candidates], kind="stable")[:k]]


@declaration.misconception
def close_scores_confused(scores, k):
    """Scores that differ by very little come in the wrong order: somewhere on the way they are rounded, become float32,
    or are shifted a little to settle ties. A list in which the twelfth digit decides is rare, and it has an order.
    """
    return top_k(scores.round(9), k)


@declaration.misconception
def places_among_candidates(scores, k):
    """You return places in your short list of candidates, not in `scores`. One more lookup leads back."""
    k = min(k, len(scores))
    candidates = np.flatnonzero((scores >= np.partition(scores, -k)[-k]) & (scores > -np.inf))
    return np.argsort(-scores[candidates], kind="stable")[:k]


@declaration.misconception
def scores_not_places(scores, k):
    """You return the scores. Asked for are their places: without those nobody knows which films they are."""
    return scores[top_k(scores, k)]


@declaration.misconception
def always_ten(scores, k):
    """You return ten places, whatever k says."""
    return top_k(scores, 10)


@declaration.misconception
def strikes_out_in_place(scores, k):
    """You change the array that you were given: you strike out in it what you have taken, or put it in order. Whoever
    called you still needs it as it was: they get another answer if they ask again.
    """
    found: list[int] = []
    while len(found) < k and scores.max(initial=-np.inf) > -np.inf:
        found.append(int(scores.argmax()))
        scores[found[-1]] = -np.inf
    return np.array(found, dtype=np.int64)
