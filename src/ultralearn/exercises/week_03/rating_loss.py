"""Week 3: `rating_loss`."""

from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe, Tolerance


def rating_loss(
    ratings: np.ndarray,
    users: np.ndarray,
    items: np.ndarray,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    reg: float,
) -> float:
    """Half the squared error over the ratings given, plus half of reg
    times the squared length of all factors.

    ratings: (n,), centered, in stars. users, items: (n,), whose and of
    what; a pair may occur twice, and then counts twice. user_factors:
    (n_users, k). item_factors: (n_items, k). The prediction is u . v;
    cells without a rating do not count. Each row of factors is penalized
    once, rated or not. A sum, not a mean. Returns one number.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    squared_lengths = np.sum(user_factors**2) + np.sum(item_factors**2)
    return 0.5 * np.sum(errors**2) + 0.5 * reg * squared_lengths


_loss = rating_loss  # the name itself is bound to whatever is being checked


def factored(n: int, n_users: int, n_items: int, rank: int, reg: float, seed: int) -> dict[str, Any]:
    """Ratings with repeated users, items and pairs; the last user and the last item have none."""
    rng = np.random.default_rng(seed)
    return {
        "ratings": rng.normal(size=n),
        "users": rng.integers(0, max(n_users - 1, 1), n),
        "items": rng.integers(0, max(n_items - 1, 1), n),
        "user_factors": rng.normal(size=(n_users, rank)),
        "item_factors": rng.normal(size=(n_items, rank)),
        "reg": reg,
    }


def one_rating() -> dict[str, Any]:
    return {
        "ratings": np.array([1.0]),
        "users": np.array([0]),
        "items": np.array([1]),
        "user_factors": np.array([[1.0, 2.0]]),
        "item_factors": np.array([[0.5, 0.0], [1.0, -0.5]]),
        "reg": 0.1,
    }


def whole_stars() -> dict[str, Any]:
    """Ratings that are zero, a pair rated twice alike; the first user and the first item have none."""
    rng = np.random.default_rng(9)
    return {
        "ratings": np.array([1.0, 1.0, 0.0, -1.0, 0.0, 2.0]),
        "users": np.array([1, 1, 1, 2, 2, 2]),
        "items": np.array([1, 1, 2, 1, 1, 2]),
        "user_factors": rng.normal(size=(3, 2)),
        "item_factors": rng.normal(size=(4, 2)),
        "reg": 0.7,
    }


def _close_fit() -> dict[str, Any]:
    """Ratings that the factors predict to a thousandth of a star."""
    inputs = factored(20, 5, 4, 3, 0.0, 10)
    predictions = np.sum(inputs["user_factors"][inputs["users"]] * inputs["item_factors"][inputs["items"]], axis=1)
    return inputs | {"ratings": predictions + 0.001 * inputs["ratings"]}


declaration = Declaration(
    rating_loss,
    question="The table of predictions has 1.6 million cells. How many of them should the loss look at?",
    nudge="`user_factors[users]` has one row for each rating. So has `item_factors[items]`. Multiply, sum "
    "along the factors, subtract. Then the penalty, which looks at each row of factors once.",
    probes=[
        Probe("one rating, two films", one_rating),
        Probe("6 ratings, pairs repeated", lambda: factored(6, 3, 3, 2, 0.3, 1)),
        Probe("30 ratings, no penalty", lambda: factored(30, 8, 5, 3, 0.0, 2)),
        Probe("40 ratings, more factors than films", lambda: factored(40, 6, 4, 9, 2.0, 3)),
        Probe("whole stars, some 0", whole_stars),
        Probe("7 ratings, one factor", lambda: factored(7, 4, 3, 1, 0.2, 11)),
        Probe("a close fit, no penalty", _close_fit),
        Probe("80,000 ratings, 16 factors", lambda: factored(80_000, 943, 1682, 16, 15.0, 4), times=65),
    ],
    tolerance=Tolerance(atol=1e-12),  # the loss of a close fit is small itself
)


@declaration.misconception
def mean_error(ratings, users, items, user_factors, item_factors, reg):
    """You take the mean of the squared errors. A mean makes reg mean something else for each number of ratings;
    here the loss is a sum, so that ten times the ratings outweigh the penalty ten times as much.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.mean(errors**2) + 0.5 * reg * (np.sum(user_factors**2) + np.sum(item_factors**2))


@declaration.misconception
def without_the_halves(ratings, users, items, user_factors, item_factors, reg):
    """Your loss is twice what is asked for: both halves are missing. They are there to cancel the 2 that the
    derivative of a square brings.
    """
    return 2 * _loss(ratings, users, items, user_factors, item_factors, reg)


@declaration.misconception
def penalty_once_a_rating(ratings, users, items, user_factors, item_factors, reg):
    """You penalize a person's factors once for each of their ratings. That is a loss people use (ALS-WR), but
    another one: here each row of user_factors and item_factors is penalized once, however often it occurs.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    squares = np.sum(user_factors[users] ** 2) + np.sum(item_factors[items] ** 2)
    return 0.5 * np.sum(errors**2) + 0.5 * reg * squares


@declaration.misconception
def penalty_not_squared(ratings, users, items, user_factors, item_factors, reg):
    """Your penalty adds the lengths of the two tables of factors, not their squares. `np.linalg.norm` takes a
    root at the end; without the square, the gradient is not reg times the factors any more.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.sum(errors**2) + 0.5 * reg * (np.linalg.norm(user_factors) + np.linalg.norm(item_factors))


@declaration.misconception
def only_users_penalized(ratings, users, items, user_factors, item_factors, reg):
    """You penalize the users' factors and let the items' go free. Then halving the one and doubling the other
    changes no prediction and makes the penalty cheaper: it would shrink to nothing.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.sum(errors**2) + 0.5 * reg * np.sum(user_factors**2)


@declaration.misconception
def blanks_count_as_zero(ratings, users, items, user_factors, item_factors, reg):
    """You compare the whole table of predictions with a table that holds zeros where nobody rated. Those zeros
    are not opinions. Only the cells (users[j], items[j]) count.
    """
    table = np.zeros((len(user_factors), len(item_factors)))
    np.add.at(table, (users, items), ratings)
    errors = table - user_factors @ item_factors.T
    return 0.5 * np.sum(errors**2) + 0.5 * reg * (np.sum(user_factors**2) + np.sum(item_factors**2))


@declaration.misconception
def half_only_on_the_errors(ratings, users, items, user_factors, item_factors, reg):
    """The errors are halved and the penalty is not: yours weighs twice as much as asked for. Both terms carry a
    half.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.sum(errors**2) + reg * (np.sum(user_factors**2) + np.sum(item_factors**2))


@declaration.misconception
def errors_summed_before_squaring(ratings, users, items, user_factors, item_factors, reg):
    """You add the errors and square the sum. An error of +1 and one of -1 then cancel to a perfect score.
    Square first.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.sum(errors) ** 2 + 0.5 * reg * (np.sum(user_factors**2) + np.sum(item_factors**2))


@declaration.misconception
def zeros_taken_for_blanks(ratings, users, items, user_factors, item_factors, reg):
    """You leave out ratings that are 0. The ratings are centered: a 0 is an opinion like any other, that of an
    average film. Which cells were rated is in users and items.
    """
    given = ratings != 0
    return _loss(ratings[given], users[given], items[given], user_factors, item_factors, reg)
