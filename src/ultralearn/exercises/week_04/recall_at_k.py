"""Week 4: `recall_at_k`."""

import numpy as np

from ultralearn.exercises.week_04.ndcg_at_k import METRIC_PROBES, hits_of, quotient
from ultralearn.practice import Declaration


def recall_at_k(recommended: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """Share of each person's relevant items that are among their first k
    recommendations, from 0 to 1.

    recommended: (n_users, at least k), item ids, best first, none twice;
    -1 where a list has ended. relevant: (n_users, n_items), bool. Divided
    by the number relevant, also where that is more than k. Returns
    (n_users,), NaN for people with nothing relevant.
    """
    top = recommended[:, :k]
    hits = np.take_along_axis(relevant, top, axis=1) & (top >= 0)
    n_relevant = relevant.sum(axis=1)
    return hits.sum(axis=1) / np.where(n_relevant > 0, n_relevant, np.nan)


def _found(recommended, relevant, k):
    return hits_of(recommended, relevant, k).sum(axis=1)


declaration = Declaration(
    recall_at_k,
    question="Of all that this person would have liked, how much did they get to see? Which number is above the line, "
    "which below, and what is the answer for somebody who would have liked nothing?",
    nudge="A table of hits as in `ndcg_at_k`: is what stands at this place relevant, and is it an item at all? Sum it "
    "along the right axis. Below the line stands a number that the list has no influence on.",
    probes=METRIC_PROBES,
)


@declaration.misconception
def share_of_the_list(recommended, relevant, k):
    """You divide by k: that is the precision, the share of the list that is relevant. Recall asks the other way round:
    of all that this person would have liked, how much did they get to see?
    """
    return np.where(relevant.any(axis=1), _found(recommended, relevant, k) / k, np.nan)


@declaration.misconception
def precision_of_everybody(recommended, relevant, k):
    """You divide by k, and people with nothing relevant get 0: that is the precision. Recall asks the other way round:
    of all that this person would have liked, how much did they get to see? Of nothing, there is no share.
    """
    return _found(recommended, relevant, k) / k


@declaration.misconception
def share_of_what_was_shown(recommended, relevant, k):
    """You divide by the number of items in the list. A list with one item, which is relevant, gets full marks, though
    ten more were missed. Whose number belongs below the line?
    """
    shown = (recommended[:, :k] >= 0).sum(axis=1)
    return np.where(relevant.any(axis=1), quotient(_found(recommended, relevant, k), shown), np.nan)


@declaration.misconception
def share_of_what_fits(recommended, relevant, k):
    """You divide by k where more than k items are relevant. Some libraries do, so that a full list can reach 1. Here
    the recall of somebody with 80 relevant films and ten places cannot be more than an eighth, and that is meant.
    """
    return quotient(_found(recommended, relevant, k), np.minimum(relevant.sum(axis=1), k))


@declaration.misconception
def nobody_to_please_is_zero(recommended, relevant, k):
    """People with nothing relevant get 0 in yours. Nothing was missed, nothing was found: there is no share to speak
    of, and a 0 would pull the mean down. What could stand there so that np.nanmean leaves them out?
    """
    return np.nan_to_num(quotient(_found(recommended, relevant, k), relevant.sum(axis=1)))


@declaration.misconception
def nobody_to_please_is_perfect(recommended, relevant, k):
    """People with nothing relevant get 1 in yours, and lift the mean with every list, however bad. There is no share of
    nothing. What could stand there so that np.nanmean leaves them out?
    """
    return np.nan_to_num(quotient(_found(recommended, relevant, k), relevant.sum(axis=1)), nan=1.0)


@declaration.misconception
def empty_places_hit_the_last_item(recommended, relevant, k):
    """Where a list has ended, you look up item -1, and NumPy is glad to count from the end: for people who like the
    last film of the catalog, each empty place is a hit. Their recall can even exceed 1.
    """
    hits = np.take_along_axis(relevant, recommended[:, :k], axis=1)
    return quotient(hits.sum(axis=1), relevant.sum(axis=1))


@declaration.misconception
def whole_list_counted(recommended, relevant, k):
    """You look at the whole list. It may be longer than k, and then what comes after the k-th place does not count."""
    return quotient(_found(recommended, relevant, recommended.shape[1]), relevant.sum(axis=1))


@declaration.misconception
def one_hit_is_enough(recommended, relevant, k):
    """You ask whether there was a hit at all. That is the hit rate, and it cannot tell one found film from ten. Count,
    then ask: of how many?
    """
    return np.where(relevant.any(axis=1), (_found(recommended, relevant, k) > 0) * 1.0, np.nan)


@declaration.misconception
def hits_only_counted(recommended, relevant, k):
    """You count the hits and stop. Three found is all for one person and next to nothing for another."""
    return np.where(relevant.any(axis=1), _found(recommended, relevant, k) * 1.0, np.nan)


@declaration.misconception
def everybody_in_one_pot(recommended, relevant, k):
    """You divide all hits by all relevant items: one number, in which people who liked much count for more. Asked for
    is each person's own share, (n_users,).
    """
    return _found(recommended, relevant, k).sum() / relevant.sum()


@declaration.misconception
def their_places_are_gone(recommended, relevant, k):
    """You leave out people with nothing relevant, and the result is shorter than the list of people: nobody can tell
    whose number is whose. Keep their place and put NaN there.
    """
    return quotient(_found(recommended, relevant, k), relevant.sum(axis=1))[relevant.any(axis=1)]


@declaration.misconception
def mean_of_the_shares(recommended, relevant, k):
    """The mean over people is the caller's: asked for is one number for each. With the numbers at hand you can see for
    whom the list is bad, and how far to trust the mean.
    """
    return np.nanmean(quotient(_found(recommended, relevant, k), relevant.sum(axis=1)))
