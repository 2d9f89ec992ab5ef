import numpy as np


def item_by_item(interactions, reg):
    """Each column by itself, as its own ridge regression on all the other items, by block inversion of one inverse."""
    seen = interactions.toarray()
    seen[seen != 0] = 1
    gram = seen.T @ seen
    gram[np.diag_indices_from(gram)] += reg
    if len(gram) > 50:
        weights = np.linalg.solve(gram, np.eye(len(gram)))
        weights = weights / -weights.diagonal()[None, :]
        weights[np.diag_indices_from(weights)] = 0
        return weights
    weights = np.zeros_like(gram)
    for item in range(len(gram)):
        others = np.arange(len(gram)) != item
        weights[others, item] = np.linalg.solve(gram[np.ix_(others, others)], gram[others, item])
    return weights


def ease_by_rows(interactions, reg):
    seen = interactions.toarray()
    seen[seen != 0] = 1
    inverse = np.linalg.inv(seen.T @ seen + reg * np.eye(seen.shape[1]))
    return np.array([-row / row[i] for i, row in enumerate(inverse)]) * (1 - np.eye(len(inverse)))


def ease_then_zeros(interactions, reg):
    seen = interactions.astype(bool).astype(float)
    gram = (seen.T @ seen).toarray()
    weights = np.linalg.solve(gram + reg * np.eye(len(gram)), gram)
    np.fill_diagonal(weights, 0)
    return weights


def ease_of_stars(interactions, reg):
    gram = (interactions.T @ interactions).toarray()
    inverse = np.linalg.inv(gram + np.diag(np.full(len(gram), reg)))
    weights = inverse / -inverse.diagonal()
    np.fill_diagonal(weights, 0)
    return weights


def ease_of_bools(interactions, reg):
    seen = interactions.astype(bool)
    gram = (seen.T @ seen).toarray().astype(float)
    inverse = np.linalg.inv(gram + reg * np.eye(len(gram)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


SECOND = item_by_item
VARIANTS = {
    "divided_along_the_rows": ease_by_rows,
    "diagonal_zeroed_at_the_end": ease_then_zeros,
    "stars_multiplied": ease_of_stars,
    "counts_of_truth_values": ease_of_bools,
}
EQUIVALENT: dict[str, str] = {}
