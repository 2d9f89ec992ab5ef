"""Week 4: `ndcg_at_k`."""

from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe


def ndcg_at_k(recommended: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """How much of the best possible discounted gain each person's first k
    recommendations collect, from 0 to 1.

    recommended: (n_users, at least k), item ids, best first, none twice;
    -1 where a list has ended. relevant: (n_users, n_items), bool. A
    relevant item at rank r (the first is 1) gains 1 / log2(r + 1), others
    nothing; divided by the gain of the ideal list, which has min(k,
    number relevant) relevant items on top. Returns (n_users,), NaN for
    people with nothing relevant, so that np.nanmean leaves them out.
    Järvelin and Kekäläinen (2002).
    """
    top = recommended[:, :k]
    hits = np.take_along_axis(relevant, top, axis=1) & (top >= 0)
    discounts = 1 / np.log2(np.arange(k) + 2)
    ideal = np.append(np.nan, discounts.cumsum())  # by the number of hits
    return hits @ discounts / ideal[relevant.sum(axis=1).clip(max=k)]


def hits_of(recommended, relevant, k):
    """Which of the first k are relevant, (n_users, k): what most of the wrong ones below get right."""
    top = recommended[:, :k]
    return np.take_along_axis(relevant, top, axis=1) & (top >= 0)


def _gain(hits, discount):
    """What hits are worth, with `discount` as a function of the rank: what the wrong ones below vary."""
    with np.errstate(divide="ignore"):
        return np.where(hits, 1 / discount(np.arange(1.0, hits.shape[1] + 1)), 0).sum(axis=1)


def _ideal_hits(relevant, width, most):
    return np.arange(width) < np.minimum(relevant.sum(axis=1), most)[:, None]


def _log2_of_next(rank):
    return np.log2(rank + 1)


def quotient(gain, ideal):
    with np.errstate(invalid="ignore", divide="ignore"):
        return gain / ideal


def _lists(n_users: int, n_items: int, length: int, k: int, seed: int, share: float = 0.4) -> dict[str, Any]:
    """Lists of which some end early; the first person has nothing relevant, the last list is empty, and to most who
    see an end the last item is relevant.
    """
    rng = np.random.default_rng(seed)
    recommended = np.argsort(rng.random((n_users, n_items)), axis=1)[:, :length]
    ends = np.where(rng.random(n_users) < 0.5, rng.integers(0, length, n_users), length)
    ends[-1] = 0
    recommended[np.arange(length) >= ends[:, None]] = -1
    relevant = rng.random((n_users, n_items)) < share
    relevant[ends < length, -1] = True
    relevant[0] = False
    return {"recommended": recommended, "relevant": relevant, "k": k}


def _three_lists() -> dict[str, Any]:
    """Lists of 3 of which 2 count: a hit at rank 2 and one beyond; one hit, then the end; nothing relevant."""
    return {
        "recommended": np.array([[2, 0, 1], [1, -1, -1], [3, 0, 2]]),
        "relevant": np.array([[True, True, False, False], [True, True, False, True], [False] * 4]),
        "k": 2,
    }


def _few_and_many_relevant() -> dict[str, Any]:
    """From one relevant item to all nine, where five count."""
    rng = np.random.default_rng(7)
    return {
        "recommended": np.argsort(rng.random((9, 9)), axis=1),
        "relevant": np.tri(9, dtype=bool),
        "k": 5,
    }


METRIC_PROBES = [
    Probe("3 people, 4 items, the first 2", _three_lists),
    Probe("6 people, 9 items, lists of 5, the first 3", lambda: _lists(6, 9, 5, 3, seed=1)),
    Probe("8 people, the first one", lambda: _lists(8, 5, 4, 1, seed=2)),
    Probe("9 people with 1 to 9 relevant items", _few_and_many_relevant),
    Probe("12 people, lists of 12, all of them", lambda: _lists(12, 30, 12, 12, seed=3, share=0.5)),
    Probe("943 people, lists of 20, the first 10", lambda: _lists(943, 1682, 20, 10, seed=4, share=0.03), times=200),
]


declaration = Declaration(
    ndcg_at_k,
    question="Two lists of ten hold the same three good films, one list on ranks 1 to 3, the other on ranks 8 to 10. "
    "Which would you rather be shown? And what is the best that somebody with three good films can be shown at all?",
    nudge="First a table of hits, (n_users, k): is what stands at this place relevant, and is it an item at all? Then "
    "k discounts. The ideal gain needs no list, only the number of hits that it would have: a running sum of the "
    "discounts holds the answer for every number.",
    probes=METRIC_PROBES,
)


@declaration.misconception
def ideal_of_a_full_list(recommended, relevant, k):
    """You compare with k hits, whoever the person is. With two relevant films nobody can place ten: the best list there
    is would not get 1 in yours. How many hits has the ideal list of somebody with two?
    """
    ndcg = _gain(hits_of(recommended, relevant, k), _log2_of_next) / (1 / np.log2(np.arange(k) + 2)).sum()
    return np.where(relevant.any(axis=1), ndcg, np.nan)


@declaration.misconception
def full_list_for_everybody(recommended, relevant, k):
    """Your best gain is the same for everybody, that of k hits. Two things follow: with two relevant films even the
    best list stays below 1, and with none the result is 0 where there is no answer. What does the best list of one
    person look like?
    """
    return _gain(hits_of(recommended, relevant, k), _log2_of_next) / (1 / np.log2(np.arange(k) + 2)).sum()


@declaration.misconception
def ideal_of_what_was_found(recommended, relevant, k):
    """Your ideal list is the list itself with its hits moved to the top. Then a list with one hit of ten, on rank 1, is
    perfect. The ideal list may hold relevant items that were not recommended at all.
    """
    hits = hits_of(recommended, relevant, k)
    return quotient(_gain(hits, _log2_of_next), _gain(np.sort(hits)[:, ::-1], _log2_of_next))


@declaration.misconception
def best_order_of_the_hits(recommended, relevant, k):
    """You compare the list with its own hits in the best order, and say 0 where there are none. So one hit of ten, on
    rank 1, is perfect, and nobody relevant looks like nothing found. The ideal list may hold relevant items that were
    not recommended at all.
    """
    return np.nan_to_num(ideal_of_what_was_found(recommended, relevant, k))


@declaration.misconception
def ideal_longer_than_k(recommended, relevant, k):
    """Your ideal list holds all that is relevant, however much that is. It competes with a list of k: for somebody with
    80 relevant films, ten hits out of ten are not perfect in yours. Where does the ideal list end?
    """
    n_items = relevant.shape[1]
    ideal = _gain(_ideal_hits(relevant, n_items, n_items), _log2_of_next)
    return quotient(_gain(hits_of(recommended, relevant, k), _log2_of_next), ideal)


@declaration.misconception
def discounted_one_rank_too_far(recommended, relevant, k):
    """Your discount is one rank ahead: the first item should be divided by log2(2), which is 1, and yours by log2(3).
    Did you count from 1 and then add one more for a count from 0?
    """
    ideal = _gain(_ideal_hits(relevant, k, k), lambda rank: np.log2(rank + 2))
    return quotient(_gain(hits_of(recommended, relevant, k), lambda rank: np.log2(rank + 2)), ideal)


@declaration.misconception
def logarithm_of_the_rank(recommended, relevant, k):
    """You divide by log2(rank). For the first rank that is log2(1), which is 0, and the best place in the list is worth
    infinitely much. Write down the first three discounts.
    """
    hits, ideal = hits_of(recommended, relevant, k), _ideal_hits(relevant, k, k)
    return quotient(_gain(hits, np.log2), _gain(ideal, np.log2))


@declaration.misconception
def undiscounted_second_rank(recommended, relevant, k):
    """Your ranks 1 and 2 are worth the same: you divide by log2(rank) and spare the first. The paper did so at first;
    what is asked for, and what everybody computes today, divides by log2(rank + 1) and needs no exception.
    """
    hits, ideal = hits_of(recommended, relevant, k), _ideal_hits(relevant, k, k)
    return quotient(*(_gain(those, lambda rank: np.log2(np.maximum(rank, 2))) for those in (hits, ideal)))


@declaration.misconception
def discounted_by_the_rank(recommended, relevant, k):
    """You divide by the rank itself. Rank 10 is then worth a tenth of rank 1; with log2(rank + 1) it is still worth
    more than a quarter. Which of the two does the D in nDCG stand for?
    """
    hits, ideal = hits_of(recommended, relevant, k), _ideal_hits(relevant, k, k)
    return quotient(*(_gain(those, lambda rank: rank) for those in (hits, ideal)))


@declaration.misconception
def not_discounted(recommended, relevant, k):
    """In yours a hit is worth the same on every rank: swap the first and the last of a list and nothing changes. What
    should a hit at rank r be worth?
    """
    return quotient(hits_of(recommended, relevant, k).sum(axis=1), np.minimum(relevant.sum(axis=1), k))


@declaration.misconception
def not_normalized(recommended, relevant, k):
    """Your result is the DCG. Its largest value is another for each person, above 1 for most, so a mean over people
    says little. What is the best that could have been had?
    """
    return np.where(relevant.any(axis=1), _gain(hits_of(recommended, relevant, k), _log2_of_next), np.nan)


@declaration.misconception
def gain_only(recommended, relevant, k):
    """You return the gain as it is, the DCG. What is a good one? For somebody with one relevant film, 1 is perfect; for
    somebody with ten, poor; for somebody with none there is no answer, and yours is 0. Divide by the best there is.
    """
    return _gain(hits_of(recommended, relevant, k), _log2_of_next)


@declaration.misconception
def nothing_relevant_is_zero(recommended, relevant, k):
    """People with nothing relevant get 0 in yours, and pull the mean down, though no list could have done better for
    them. Leave them out: NaN says "no answer", and np.nanmean skips it.
    """
    ideal = _gain(_ideal_hits(relevant, k, k), _log2_of_next)
    return np.nan_to_num(quotient(_gain(hits_of(recommended, relevant, k), _log2_of_next), ideal))


@declaration.misconception
def minus_one_is_the_last_item(recommended, relevant, k):
    """Where a list has ended, you look up item -1, and NumPy is glad to count from the end: for people who like the
    last film of the catalog, each empty place is a hit.
    """
    hits = np.take_along_axis(relevant, recommended[:, :k], axis=1)
    return quotient(_gain(hits, _log2_of_next), _gain(_ideal_hits(relevant, k, k), _log2_of_next))


@declaration.misconception
def hits_after_k_counted(recommended, relevant, k):
    """You count hits beyond the k-th place. A list may be longer than k; what counts is what fits on the screen. Where
    do you cut it?
    """
    hits = hits_of(recommended, relevant, recommended.shape[1])
    return quotient(_gain(hits, _log2_of_next), _gain(_ideal_hits(relevant, k, k), _log2_of_next))


@declaration.misconception
def people_left_out(recommended, relevant, k):
    """Your result is shorter than the list of people: those with nothing relevant are gone, and nobody can tell whose
    number is whose. Keep their place and put NaN there.
    """
    ideal = _gain(_ideal_hits(relevant, k, k), _log2_of_next)
    return quotient(_gain(hits_of(recommended, relevant, k), _log2_of_next), ideal)[relevant.any(axis=1)]


@declaration.misconception
def mean_of_all_people(recommended, relevant, k):
    """You return the mean over all people. Asked for is one number for each: the mean is the caller's, who may want to
    see for whom the list is bad first.
    """
    ideal = _gain(_ideal_hits(relevant, k, k), _log2_of_next)
    return np.nanmean(quotient(_gain(hits_of(recommended, relevant, k), _log2_of_next), ideal))
