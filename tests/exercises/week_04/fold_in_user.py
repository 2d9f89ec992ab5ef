import warnings

import numpy as np


def newcomer_by_extra_rows(item_factors, items, alpha, reg):
    """The weighted ridge regression over all items as a plain one, by rows scaled with the roots of the weights."""
    n_items, k = item_factors.shape
    weights, targets = np.ones(n_items), np.zeros(n_items)
    weights[items], targets[items] = 1 + alpha, 1.0
    root = np.sqrt(weights)
    rows = np.vstack([root[:, None] * item_factors, np.sqrt(reg) * np.eye(k)])
    return np.linalg.lstsq(rows, np.concatenate([root * targets, np.zeros(k)]), rcond=None)[0]


def newcomer_without_blanks(item_factors, items, alpha, reg):
    left = reg * np.eye(item_factors.shape[1])
    right = np.zeros(item_factors.shape[1])
    for item in items:
        left += (1 + alpha) * np.outer(item_factors[item], item_factors[item])
        right += (1 + alpha) * item_factors[item]
    return np.linalg.inv(left) @ right


def newcomer_with_alpha_only(item_factors, items, alpha, reg):
    chosen = np.zeros(len(item_factors))
    chosen[items] = 1.0
    left = (item_factors.T * (1 + alpha * chosen)) @ item_factors + reg * np.eye(item_factors.shape[1])
    return np.linalg.inv(left) @ (item_factors.T @ (alpha * chosen))


def average_of_the_seen(item_factors, items, alpha, reg):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.mean(item_factors[items], axis=0)


SECOND = newcomer_by_extra_rows
VARIANTS = {
    "only_what_was_seen": newcomer_without_blanks,
    "right_side_has_alpha": newcomer_with_alpha_only,
    "middle_of_what_was_seen": average_of_the_seen,
}
EQUIVALENT: dict[str, str] = {}
