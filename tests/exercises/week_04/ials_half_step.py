import numpy as np


def all_systems_at_once(interactions, item_factors, alpha, reg):
    n_items, k = item_factors.shape
    seen = (interactions.toarray() > 0).astype(float)
    products = np.einsum("ia,ib->iab", item_factors, item_factors).reshape(n_items, k * k)
    systems = (products.sum(axis=0) + alpha * seen @ products).reshape(-1, k, k) + reg * np.eye(k)
    return (1 + alpha) * np.linalg.solve(systems, (seen @ item_factors)[..., None])[..., 0]


def confidence_of_the_paper(interactions, item_factors, alpha, reg):
    n_users, k = interactions.shape[0], item_factors.shape[1]
    result = np.zeros((n_users, k))
    for user, row in enumerate(interactions.toarray()):
        confidence = 1 + alpha * row
        left = (item_factors.T * confidence) @ item_factors + reg * np.eye(k)
        result[user] = np.linalg.inv(left) @ item_factors.T @ (confidence * (row > 0))
    return result


def only_the_seen(interactions, item_factors, alpha, reg):
    result = []
    for row in interactions.toarray() > 0:
        mine = item_factors[row]
        left = (1 + alpha) * mine.T @ mine
        left[np.diag_indices_from(left)] += reg
        result.append(np.linalg.solve(left, (1 + alpha) * mine.sum(axis=0)))
    return np.array(result)


def alpha_for_one_plus_alpha(interactions, item_factors, alpha, reg):
    k = item_factors.shape[1]
    seen = (interactions.toarray() > 0) * 1.0
    result = np.zeros((len(seen), k))
    for user, row in enumerate(seen):
        left = item_factors.T @ item_factors + (item_factors.T * (alpha * row)) @ item_factors + reg * np.eye(k)
        result[user] = np.linalg.solve(left, item_factors.T @ (alpha * row))
    return result


def binarized_where_it_lies(interactions, item_factors, alpha, reg):
    interactions.data = np.ones_like(interactions.data)
    return all_systems_at_once(interactions, item_factors, alpha, reg)


SECOND = all_systems_at_once
VARIANTS = {
    "stars_as_confidence": confidence_of_the_paper,
    "blanks_left_out": only_the_seen,
    "right_side_without_the_one": alpha_for_one_plus_alpha,
    "stars_overwritten": binarized_where_it_lies,
}
EQUIVALENT: dict[str, str] = {}
