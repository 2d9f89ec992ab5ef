import numpy as np


def gradient_by_tables(ratings, users, items, user_factors, item_factors, reg):
    table = np.zeros((len(user_factors), len(item_factors)))
    predictions = user_factors @ item_factors.T
    np.add.at(table, (users, items), predictions[users, items] - ratings)
    return table @ item_factors + reg * user_factors, table.T @ user_factors + reg * item_factors


def buffered_gradient(ratings, users, items, user_factors, item_factors, reg):
    e = np.einsum("nk,nk->n", user_factors[users], item_factors[items]) - ratings
    gu, gi = np.zeros_like(user_factors), np.zeros_like(item_factors)
    gu[users] = e[:, None] * item_factors[items]
    gi[items] = e[:, None] * user_factors[users]
    return gu + reg * user_factors, gi + reg * item_factors


def ascent(ratings, users, items, user_factors, item_factors, reg):
    table = np.zeros((len(user_factors), len(item_factors)))
    np.add.at(table, (users, items), ratings - (user_factors @ item_factors.T)[users, items])
    return table @ item_factors + reg * user_factors, table.T @ user_factors + reg * item_factors


def penalty_in_the_sum(ratings, users, items, user_factors, item_factors, reg):
    gu, gi = np.zeros_like(user_factors), np.zeros_like(item_factors)
    for rating, user, item in zip(ratings, users, items, strict=True):
        u, v = user_factors[user], item_factors[item]
        gu[user] += (u @ v - rating) * v + reg * u
        gi[item] += (u @ v - rating) * u + reg * v
    return gu, gi


SECOND = gradient_by_tables
VARIANTS = {
    "repeats_overwritten": buffered_gradient,
    "error_sign_flipped": ascent,
    "penalty_added_for_each_rating": penalty_in_the_sum,
}
EQUIVALENT: dict[str, str] = {}
