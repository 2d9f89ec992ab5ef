"""Week 3: `rating_gradient`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ultralearn.exercises.week_03.rating_loss import factored, one_rating, rating_loss, whole_stars
from ultralearn.practice import Declaration, Probe, Property


def rating_gradient(
    ratings: np.ndarray,
    users: np.ndarray,
    items: np.ndarray,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    reg: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The exact gradient of rating_loss: in which direction, and how
    steeply, each factor makes it grow.

    The parameters are those of rating_loss. Returns (grad_users,
    grad_items), of the shapes of user_factors and item_factors; a user or
    an item that occurs more than once collects a term from each of its
    ratings; rows without ratings have the gradient of the penalty alone.
    """
    errors = np.sum(user_factors[users] * item_factors[items], axis=1) - ratings
    grad_users = reg * user_factors
    grad_items = reg * item_factors
    np.add.at(grad_users, users, errors[:, None] * item_factors[items])
    np.add.at(grad_items, items, errors[:, None] * user_factors[users])
    return grad_users, grad_items


_gradient = rating_gradient  # the name itself is bound to whatever is being checked


def _best_rows(
    ratings: np.ndarray, rows: np.ndarray, cols: np.ndarray, n_rows: int, factors: np.ndarray, reg: float
) -> np.ndarray:
    """The exact minimum over one side, row by row."""
    best = np.zeros((n_rows, factors.shape[1]))
    for row in np.unique(rows):
        features = factors[cols[rows == row]]
        gram = features.T @ features + reg * np.eye(factors.shape[1])
        best[row] = np.linalg.solve(gram, features.T @ ratings[rows == row])
    return best


def _vanishes_where_als_rests(
    function: Callable[..., Any],
    ratings: np.ndarray,
    users: np.ndarray,
    items: np.ndarray,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    reg: float,
) -> str | None:
    reg = reg + 0.5  # without a penalty there need be no single resting point
    for _ in range(300):
        user_factors = _best_rows(ratings, users, items, len(user_factors), item_factors, reg)
        item_factors = _best_rows(ratings, items, users, len(item_factors), user_factors, reg)
    gradients = function(ratings, users, items, user_factors, item_factors, reg)
    if max(np.abs(gradient).max() for gradient in gradients) < 1e-3:
        return None
    return (
        "At the point where alternating least squares comes to rest, no small step helps: the gradient is zero. "
        "Yours is not."
    )


def _agrees_with_finite_differences(function: Callable[..., Any], **inputs: Any) -> str | None:
    grad_users, grad_items = function(**inputs)
    rng = np.random.default_rng(0)
    step_users, step_items = rng.normal(size=grad_users.shape), rng.normal(size=grad_items.shape)
    losses = []
    for sign in (1, -1):
        moved = {
            "user_factors": inputs["user_factors"] + sign * 1e-5 * step_users,
            "item_factors": inputs["item_factors"] + sign * 1e-5 * step_items,
        }
        losses.append(rating_loss(**{**inputs, **moved}))
    measured = (losses[0] - losses[1]) / 2e-5
    predicted = np.sum(grad_users * step_users) + np.sum(grad_items * step_items)
    if np.isclose(measured, predicted, rtol=1e-4, atol=1e-4):
        return None
    return f"Along a random direction the loss changes by {measured:.4g} a unit; your gradient says {predicted:.4g}."


declaration = Declaration(
    rating_gradient,
    question="One rating pulls on two rows only: its user's and its film's. In which direction, and how hard, "
    "does it pull the user's row?",
    nudge="d(½e²) = e de, with e = u . v - r. So de/du is v. Each rating adds e v to its user's row and e u "
    "to its film's row; the penalty adds reg times the row itself, once.",
    probes=[
        Probe("one rating, two films", one_rating),
        Probe("6 ratings, pairs repeated", lambda: factored(6, 3, 3, 2, 0.3, 5)),
        Probe("30 ratings, no penalty", lambda: factored(30, 8, 5, 3, 0.0, 6)),
        Probe("40 ratings, more factors than films", lambda: factored(40, 6, 4, 9, 2.0, 7)),
        Probe("whole stars, some 0", whole_stars),
        Probe("80,000 ratings, 16 factors", lambda: factored(80_000, 943, 1682, 16, 15.0, 8), times=30),
    ],
    outputs=("grad_users", "grad_items"),
    properties=[
        Property("it agrees with finite differences of the loss", _agrees_with_finite_differences),
        Property("it vanishes where alternating least squares rests", _vanishes_where_als_rests),
    ],
)


@declaration.misconception
def repeats_overwritten(ratings, users, items, user_factors, item_factors, reg):
    """Each user's gradient holds the term of one rating only. `grad[users] += terms` reads, adds and writes
    back once for each place in `grad`, however often a user occurs. `np.add.at` accumulates.
    """
    errors = np.sum(user_factors[users] * item_factors[items], axis=1) - ratings
    grad_users, grad_items = reg * user_factors, reg * item_factors
    grad_users[users] += errors[:, None] * item_factors[items]
    grad_items[items] += errors[:, None] * user_factors[users]
    return grad_users, grad_items


@declaration.misconception
def error_sign_flipped(ratings, users, items, user_factors, item_factors, reg):
    """The part from the errors has the wrong sign: step against this gradient and the fit gets worse. With the
    error as rating minus prediction, the derivative of the prediction comes with a minus.
    """
    grad_users, grad_items = _gradient(ratings, users, items, user_factors, item_factors, 0.0)
    return reg * user_factors - grad_users, reg * item_factors - grad_items


@declaration.misconception
def own_factors_instead_of_the_other_side(ratings, users, items, user_factors, item_factors, reg):
    """In the users' gradient you multiply the errors with the users' factors. The prediction is u . v: its
    derivative with respect to u is v, the factors of the *other* side.
    """
    errors = np.sum(user_factors[users] * item_factors[items], axis=1) - ratings
    grad_users, grad_items = reg * user_factors, reg * item_factors
    np.add.at(grad_users, users, errors[:, None] * user_factors[users])
    np.add.at(grad_items, items, errors[:, None] * item_factors[items])
    return grad_users, grad_items


@declaration.misconception
def penalty_forgotten(ratings, users, items, user_factors, item_factors, reg):
    """Yours is the gradient of the errors alone. The penalty has one too: half of reg times u squared has the
    derivative reg times u, also for rows without a rating.
    """
    return _gradient(ratings, users, items, user_factors, item_factors, 0.0)


@declaration.misconception
def penalty_added_for_each_rating(ratings, users, items, user_factors, item_factors, reg):
    """The penalty stands inside the sum over the ratings, so a user with 500 ratings is penalized 500 times,
    and one with none not at all. In this loss each row is penalized once: it belongs outside the sum.
    """
    grad_users, grad_items = _gradient(ratings, users, items, user_factors, item_factors, 0.0)
    np.add.at(grad_users, users, reg * user_factors[users])
    np.add.at(grad_items, items, reg * item_factors[items])
    return grad_users, grad_items


@declaration.misconception
def gradient_of_the_mean(ratings, users, items, user_factors, item_factors, reg):
    """You divide by the number of ratings. That is the gradient of a mean, and the loss is a sum: finite
    differences of rating_loss would tell you that you are off by a factor of n.
    """
    grad_users, grad_items = _gradient(ratings, users, items, user_factors, item_factors, 0.0)
    return grad_users / len(ratings) + reg * user_factors, grad_items / len(ratings) + reg * item_factors


@declaration.misconception
def twice_the_gradient(ratings, users, items, user_factors, item_factors, reg):
    """You kept the 2 from the derivative of a square, but the halves in the loss are there to cancel it. Your
    gradient is twice too long.
    """
    grad_users, grad_items = _gradient(ratings, users, items, user_factors, item_factors, reg)
    return 2 * grad_users, 2 * grad_items


@declaration.misconception
def items_saw_updated_users(ratings, users, items, user_factors, item_factors, reg):
    """The gradient of the items is taken at users that have moved already. Both halves belong to the same
    point: compute both from the factors that you were given, and step afterwards.
    """
    grad_users, _ = _gradient(ratings, users, items, user_factors, item_factors, reg)
    _, grad_items = _gradient(ratings, users, items, user_factors - grad_users, item_factors, reg)
    return grad_users, grad_items


@declaration.misconception
def zero_ratings_left_out(ratings, users, items, user_factors, item_factors, reg):
    """Ratings that are 0 add nothing in yours. They are centered: a 0 is an opinion too, and where the prediction
    is not 0, it pulls. Which cells were rated is in users and items.
    """
    given = ratings != 0
    return _gradient(ratings[given], users[given], items[given], user_factors, item_factors, reg)
