import numpy as np

from tests.exercises.week_04.common import AXIS


def ndcg_person_by_person(recommended, relevant, k):
    result = np.full(len(recommended), np.nan)
    for person, liked in enumerate(relevant):
        wanted = set(np.flatnonzero(liked).tolist())
        if wanted:
            shown = recommended[person, :k].tolist()
            gain = sum(1 / np.log2(rank + 1) for rank, item in enumerate(shown, start=1) if item in wanted)
            result[person] = gain / sum(1 / np.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
    return result


def ndcg_of_a_full_list(recommended, relevant, k):
    result, best = [], sum(1 / np.log2(place + 2) for place in range(k))
    for shown, liked in zip(recommended, relevant, strict=True):
        gain = sum(1 / np.log2(place + 2) for place in range(k) if shown[place] >= 0 and liked[shown[place]])
        result.append(gain / best if liked.any() else np.nan)
    return np.array(result)


def ndcg_that_counts_from_the_end(recommended, relevant, k):
    rows = np.arange(len(relevant))[:, None]
    hits = relevant[rows, recommended[:, :k]]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    result = np.full(len(relevant), np.nan)
    for row in np.flatnonzero(relevant.any(axis=1)):
        result[row] = hits[row] @ discounts / discounts[: min(k, relevant[row].sum())].sum()
    return result


def ndcg_zero_for_nobody(recommended, relevant, k):
    result = np.zeros(len(recommended))
    for row, liked in enumerate(relevant):
        gains = [1 / np.log2(place + 2) for place, item in enumerate(recommended[row, :k]) if item >= 0 and liked[item]]
        best = [1 / np.log2(place + 2) for place in range(min(k, liked.sum()))]
        result[row] = sum(gains) / sum(best) if best else 0.0
    return result


SECOND = ndcg_person_by_person
VARIANTS = {
    "ideal_of_a_full_list": ndcg_of_a_full_list,
    "minus_one_is_the_last_item": ndcg_that_counts_from_the_end,
    "nothing_relevant_is_zero": ndcg_zero_for_nobody,
}
EQUIVALENT: dict[str, str] = {
    **AXIS,
    "1 → 2": "every gain is twice as large, the ideal one too: the ratio is the same",
}
