import numpy as np


def loss_in_one_expression(ratings, users, items, user_factors, item_factors, reg):
    predictions = np.einsum("nk,nk->n", user_factors[users], item_factors[items])
    lengths = np.linalg.norm(user_factors) ** 2 + np.linalg.norm(item_factors) ** 2
    return float(np.sum((predictions - ratings) ** 2) + reg * lengths) / 2


def loss_per_rating(ratings, users, items, user_factors, item_factors, reg):
    predictions = (user_factors[users] * item_factors[items]).sum(axis=1)
    penalty = (user_factors**2).sum() + (item_factors**2).sum()
    return (((ratings - predictions) ** 2).mean() + reg * penalty) / 2


def loss_of_the_table(ratings, users, items, user_factors, item_factors, reg):
    errors = user_factors @ item_factors.T
    for rating, user, item in zip(ratings, users, items, strict=True):
        errors[user, item] -= rating
    return ((errors**2).sum() + reg * ((user_factors**2).sum() + (item_factors**2).sum())) / 2


SECOND = loss_in_one_expression
VARIANTS = {"mean_error": loss_per_rating, "blanks_count_as_zero": loss_of_the_table}
EQUIVALENT: dict[str, str] = {}
