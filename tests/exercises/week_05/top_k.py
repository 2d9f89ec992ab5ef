import heapq

import numpy as np


def maximum_after_maximum(scores, k):
    left = np.array(scores, dtype=float)
    found = []
    while len(found) < k and len(left):
        place = int(np.argmax(left))
        if left[place] == -np.inf:
            break
        found.append(place)
        left[place] = -np.inf
    return np.array(found, dtype=np.int64)


def sorted_with_lexsort(scores, k):
    order = np.lexsort([np.arange(len(scores)), -scores])
    return np.array([place for place in order[:k] if scores[place] > -np.inf], dtype=np.int64)


def argpartition_from_the_end(scores, k):
    shown = np.flatnonzero(np.isfinite(scores))
    k = min(k, len(shown))
    best = shown[np.argpartition(scores[shown], -k)[-k:]]
    return np.array(sorted(best, key=lambda place: -scores[place]))


def partition_unsorted(scores, k):
    k = min(k, int(np.isfinite(scores).sum()))
    bound = np.sort(scores)[-k]
    above, equal = np.flatnonzero(scores > bound), np.flatnonzero(scores == bound)
    return np.sort(np.concatenate([above, equal[: k - len(above)]]))


def the_scores_themselves(scores, k):
    return np.sort(scores[np.isfinite(scores)])[::-1][:k]


def heap_of_the_rounded(scores, k):
    exact = {place: score for place, score in enumerate(scores.astype(np.float32).tolist()) if score > -np.inf}
    return np.array(heapq.nlargest(k, exact, key=exact.__getitem__), dtype=np.int64)


SECOND = maximum_after_maximum
VARIANTS = {
    "everything_sorted": sorted_with_lexsort,
    "ties_left_to_chance": argpartition_from_the_end,
    "best_but_in_no_order": partition_unsorted,
    "scores_not_places": the_scores_themselves,
    "close_scores_confused": heap_of_the_rounded,
}
EQUIVALENT: dict[str, str] = {
    "min(k, len(scores)) → min(len(scores), k)": "the smaller of two numbers, whichever is named first"
}
