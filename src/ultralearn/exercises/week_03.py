"""Week 3: the linear algebra behind matrix factorization."""

# A misconception is written as a learner writes it, without types; and to mypy, NumPy's products are Any.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"

from collections.abc import Callable
from typing import Any

import numpy as np

from ultralearn.practice import Probe, Property, Tolerance, Week

week = Week(3)
exercise, hint = week.exercise, week.hint


# --- power_iteration -------------------------------------------------------------------------------------------------


def power_iteration(matrix: np.ndarray, steps: int, start: np.ndarray) -> tuple[float, np.ndarray]:
    """Largest eigenvalue, by absolute value, of a symmetric matrix, and
    its eigenvector, by repeated multiplication.

    matrix: (n, n), symmetric. start: (n,), not zero. steps: at least 1;
    each multiplies by the matrix once and normalizes to length 1. Returns
    (value, vector): the vector after `steps` steps, (n,), of length 1,
    either sign; and v'Av, which is the eigenvalue once v has settled. Von
    Mises and Pollaczek-Geiringer (1929).
    """
    vector = start
    for _ in range(steps):
        vector = matrix @ vector
        vector = vector / np.linalg.norm(vector)
    value = vector @ matrix @ vector
    return value, vector


def value_is_the_last_norm(matrix, steps, start):
    """Your value is the length of Av. Lengths are never negative, but eigenvalues can be: if A turns v around,
    Av = -3v has length 3 while the eigenvalue is -3. Compare Av with v itself, for which v'Av is the tool.
    """
    vector = start
    for _ in range(steps):
        product = matrix @ vector
        value = np.linalg.norm(product)
        vector = product / value
    return value, vector


def normalized_only_at_the_end(matrix, steps, start):
    """On paper this is right: the direction does not care when you normalize. In floating point it does. Each
    step multiplies the length by the eigenvalue, and 1000 to the power of 200 is more than a float can hold.
    Where in the loop could you bring the length back to 1?
    """
    vector = start
    for _ in range(steps):
        vector = matrix @ vector
    vector = vector / np.linalg.norm(vector)
    return vector @ matrix @ vector, vector


def never_normalized(matrix, steps, start):
    """Your vector points the right way, but its length is not 1, and v'Av grows with the square of that length.
    Which operation is missing after the multiplication?
    """
    vector = start
    for _ in range(steps):
        vector = matrix @ vector
    return vector @ matrix @ vector, vector


def one_step_short(matrix, steps, start):
    """You take one step too few: your vector is the one that `steps - 1` multiplications give. Check what your
    loop does when steps = 1.
    """
    vector = start / np.linalg.norm(start)
    for _ in range(1, steps):
        vector = matrix @ vector
        vector = vector / np.linalg.norm(vector)
    return vector @ matrix @ vector, vector


def one_step_too_many(matrix, steps, start):
    """You take one step too many: the vector that you return was multiplied `steps + 1` times. Perhaps a last
    product that was meant for the eigenvalue found its way into the vector.
    """
    vector = start
    for _ in range(steps + 1):
        vector = matrix @ vector
        vector = vector / np.linalg.norm(vector)
    return vector @ matrix @ vector, vector


def divided_by_the_sum(matrix, steps, start):
    """You divide by the sum of the entries, so the entries add up to 1. Length 1 is something else: the squares
    of the entries add up to 1. (And a sum can be zero where the length is not.)
    """
    vector = start
    for _ in range(steps):
        vector = matrix @ vector
        vector = vector / vector.sum()
    return vector @ matrix @ vector, vector


def divided_by_the_largest_entry(matrix, steps, start):
    """You divide by the largest entry. That stops the growth, but the length is still not 1, and v'Av is the
    eigenvalue only for a vector of length 1.
    """
    vector = start
    for _ in range(steps):
        vector = matrix @ vector
        vector = vector / np.abs(vector).max()
    return vector @ matrix @ vector, vector


def ignored_the_start(matrix, steps, start):
    """You start from a vector of ones, whatever `start` says. After many steps that hardly shows; after three
    it does. And if ones happen to be orthogonal to the eigenvector, you never get there.
    """
    vector = np.ones(len(matrix))
    for _ in range(steps):
        vector = matrix @ vector
        vector = vector / np.linalg.norm(vector)
    return vector @ matrix @ vector, vector


def _symmetric(values: list[float], seed: int) -> np.ndarray:
    """A symmetric matrix with these eigenvalues and random eigenvectors."""
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))[0]
    return (turn * np.array(values)) @ turn.T


def _start(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def _without_sign(function: Callable[..., Any], **inputs: Any) -> Any:
    """The result with the vector's largest entry made positive: v and -v are the same answer."""
    result = function(**inputs)
    if not (
        isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], np.ndarray) and result[1].ndim == 1
    ):
        return result
    value, vector = result
    return value, vector * (-1.0 if vector[np.argmax(np.abs(vector))] < 0 else 1.0)


week.declare(
    power_iteration,
    question="Write start as a sum of eigenvectors. What does one multiplication do to each part of the sum, and "
    "which part has grown most after fifty?",
    nudge="Two lines in a loop: multiply, then bring the length back to 1. For the value, ask how much longer "
    "Av is than v, and whether it still points the same way.",
    probes=[
        Probe(
            "2 x 2, one step",
            lambda: {"matrix": np.array([[2.0, 1.0], [1.0, 3.0]]), "steps": 1, "start": np.array([1.0, 0.5])},
        ),
        Probe(
            "4 x 4, three steps",
            lambda: {"matrix": _symmetric([5, 3, 1, -2], 1), "steps": 3, "start": _start(4, 2)},
        ),
        Probe(
            "5 x 5, negative largest eigenvalue",
            lambda: {"matrix": _symmetric([-6, 2, 1, 0.5, 0], 3), "steps": 40, "start": _start(5, 4)},
        ),
        Probe(
            "eigenvalues near 1000, 200 steps",
            lambda: {"matrix": _symmetric([1000, 400, 10], 5), "steps": 200, "start": _start(3, 6)},
        ),
        Probe(
            "eigenvalues below 0.0001, five steps",
            lambda: {"matrix": _symmetric([1e-4, -6e-5, 2e-5], 9), "steps": 5, "start": _start(3, 10)},
        ),
        Probe(
            "300 x 300, 200 steps",
            lambda: {
                "matrix": _symmetric([100.0 * 0.9**i for i in range(300)], 7),
                "steps": 200,
                "start": _start(300, 8),
            },
            seconds=0.5,
        ),
    ],
    outputs=("value", "vector"),
    observe=_without_sign,
    tolerance=Tolerance(rtol=1e-8, atol=1e-10),  # single precision is not enough
    misconceptions=[
        value_is_the_last_norm,
        normalized_only_at_the_end,
        never_normalized,
        one_step_short,
        one_step_too_many,
        divided_by_the_sum,
        divided_by_the_largest_entry,
        ignored_the_start,
    ],
)


# --- truncated_svd ---------------------------------------------------------------------------------------------------


def truncated_svd(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The `rank` largest singular values of a matrix and their vectors:
    the closest matrix of that rank is U s Vt.

    matrix: (m, n), any shape. rank: from 1 to the rank of the matrix.
    Returns (U, s, Vt): U (m, rank) with orthonormal columns, s (rank,)
    descending, Vt (rank, n) with orthonormal rows; the sign of a pair of
    vectors is free. Eckart and Young (1936).
    """
    rng = np.random.default_rng(0)
    residual = matrix
    lefts, values, rights = [], [], []
    for _ in range(rank):
        right = rng.normal(size=len(matrix.T))
        previous = -right
        while np.linalg.norm(right - previous) > 1e-9:
            previous = right
            right = residual.T @ (residual @ right)
            right = right / np.linalg.norm(right)
        left = residual @ right
        rights.append(right)
        values.append(np.linalg.norm(left))
        lefts.append(left / values[-1])
        residual = residual - np.outer(left, right)
    return np.stack(lefts, axis=1), np.array(values), np.stack(rights)


def _svd(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return left[:, :rank], values[:rank], right[:rank]


def values_not_rooted(matrix, rank):
    """Your s holds the squares of the singular values. The eigenvalues of A'A are s squared, since A'Av = s²v.
    What brings you back to s?
    """
    left, values, right = _svd(matrix, rank)
    return left, values**2, right


def right_vectors_in_columns(matrix, rank):
    """Your third result holds the right singular vectors in its columns: that is V. Asked for is Vt, with a
    vector in each row, so that U s Vt can be multiplied as it stands.
    """
    left, values, right = _svd(matrix, rank)
    return left, values, right.T


def left_vectors_not_normalized(matrix, rank):
    """The columns of your U have length s, not 1: Av is s times u. The singular value is in there twice now,
    once in U and once in s.
    """
    left, values, right = _svd(matrix, rank)
    return left * values, values, right


def forgot_to_deflate(matrix, rank):
    """You find the first pair again and again. Power iteration always ends at the largest one; to see the
    second, take the first away from the matrix before you start again.
    """
    left, values, right = _svd(matrix, 1)
    return np.repeat(left, rank, axis=1), np.repeat(values, rank), np.repeat(right, rank, axis=0)


def smallest_first(matrix, rank):
    """You return the smallest singular values. `np.linalg.eigh` sorts its eigenvalues in ascending order: the
    ones that you want are at the end.
    """
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return left[:, ::-1][:, :rank], values[::-1][:rank], right[::-1][:rank]


def ascending_order(matrix, rank):
    """These are the right singular values in the wrong order. The largest comes first, in s, in the columns of
    U and in the rows of Vt.
    """
    left, values, right = _svd(matrix, rank)
    return left[:, ::-1], values[::-1], right[::-1]


def deflated_without_the_value(matrix, rank):
    """You take away u v', a matrix of size 1. The part of A that belongs to this pair is s times as large: take
    away s u v', or the first pair is still there in the next round, a little smaller.
    """
    residual, triples = matrix, []
    for _ in range(rank):
        left, values, right = _svd(residual, 1)
        triples.append((left[:, 0], values[0], right[0]))
        residual = residual - left @ right
    return (
        np.stack([t[0] for t in triples], axis=1),
        np.array([t[1] for t in triples]),
        np.stack([t[2] for t in triples]),
    )


def started_from_ones(matrix, rank):
    """You start from a vector of ones. Here the ones are orthogonal to the first right singular vector: they hold
    nothing of it that could grow, and you end at another pair. A random start is safe, with near certainty.
    """
    residual, triples = matrix, []
    for _ in range(rank):
        right, previous = np.ones(len(matrix.T)), np.zeros(len(matrix.T))
        while np.linalg.norm(right - previous) > 1e-9:
            previous, right = right, residual.T @ (residual @ right)
            right = right / np.linalg.norm(right)
        left = residual @ right
        triples.append((left / np.linalg.norm(left), np.linalg.norm(left), right))
        residual = residual - np.outer(left, right)
    lefts, values, rights = zip(*triples, strict=True)
    return np.stack(lefts, axis=1), np.array(values), np.stack(rights)


def _low_rank(shape: tuple[int, int], values: list[float], seed: int) -> np.ndarray:
    """A matrix of this shape with these singular values and random singular vectors."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.normal(size=(shape[0], len(values))))[0]
    right = np.linalg.qr(rng.normal(size=(shape[1], len(values))))[0]
    return (left * np.array(values)) @ right.T


SETTLED = "The length of A'U - V s, 0 once v has settled"


def _as_promised(function: Callable[..., Any], matrix: np.ndarray, rank: int) -> dict[str, Any]:
    """What a truncated SVD promises, none of which depends on the free signs."""
    result = function(matrix=matrix, rank=rank)
    if not isinstance(result, tuple) or len(result) != 3:
        raise TypeError(f"expected the three arrays (U, s, Vt), got {type(result).__name__}")
    left, values, right = (np.asarray(part, dtype=float) for part in result)
    shapes = {"U.shape": str(left.shape), "s.shape": str(values.shape), "Vt.shape": str(right.shape)}
    if (left.shape, values.shape, right.shape) != ((len(matrix), rank), (rank,), (rank, matrix.shape[1])):
        missing = np.array(np.nan)
        return shapes | {"U'U": missing, "Vt Vt'": missing, SETTLED: missing, "s": missing, "U s Vt": missing}
    angles = {"U'U": np.abs(left.T @ left), "Vt Vt'": np.abs(right @ right.T)}  # identities, if orthonormal
    unsettled = np.linalg.norm(matrix.T @ left - right.T * values)
    products = angles | {SETTLED: unsettled, "s": values, "U s Vt": (left * values) @ right}
    return shapes | products


def _pairs_belong_together(function: Callable[..., Any], matrix: np.ndarray, rank: int) -> str | None:
    if rank != 2:
        return None  # once is enough
    equal = _low_rank((4, 5), [4, 4], 6)  # not a probe: which pairs come first is free
    product = _as_promised(function, equal, 2)["U s Vt"]
    if product.shape == equal.shape and np.allclose(product, equal, atol=1e-5):
        return None
    return (
        "For a 4 x 5 matrix of rank 2 whose two singular values are equal, U s Vt is not the matrix. Any two "
        "directions will do then, but the u of a pair has to be made from its v."
    )


week.declare(
    truncated_svd,
    question="You can find the largest eigenvalue of a symmetric matrix. A is not symmetric and may not even be "
    "square. Which product of A with itself is, and what are its eigenvectors to A?",
    nudge="Power iteration on A'A gives v. Then Av is s times u. Take s u v' away from A and begin again with "
    "what is left. If U s Vt is slightly off, your loop stops before v has settled.",
    probes=[
        Probe("3 x 2, rank 1", lambda: {"matrix": np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 2.0]]), "rank": 1}),
        Probe("5 x 4, rank 2", lambda: {"matrix": _low_rank((5, 4), [6, 3, 1.5, 0.5], 1), "rank": 2}),
        Probe("4 x 7, rank 3", lambda: {"matrix": _low_rank((4, 7), [50, 20, 8, 3], 2), "rank": 3}),
        Probe("3 x 3, all of it", lambda: {"matrix": _low_rank((3, 3), [0.5, 0.2, 0.1], 3), "rank": 3}),
        Probe(
            "3 x 2, ones orthogonal to the first vector",
            lambda: {"matrix": np.array([[2.0, -2], [1, 1], [0, 0]]), "rank": 1},
        ),
        Probe("6 x 5, two values close", lambda: {"matrix": _low_rank((6, 5), [10, 9.7, 3, 1], 5), "rank": 2}),
        Probe(
            "300 x 256, rank 12",
            lambda: {"matrix": _low_rank((300, 256), [100 * 0.85**i for i in range(40)], 4), "rank": 12},
            seconds=2.0,
        ),
    ],
    outputs=("U", "s", "Vt"),
    observe=_as_promised,
    properties=[Property("pairs belong together where values are equal", _pairs_belong_together)],
    tolerance=Tolerance(rtol=1e-5, atol=1e-5),
    misconceptions=[
        values_not_rooted,
        right_vectors_in_columns,
        left_vectors_not_normalized,
        forgot_to_deflate,
        smallest_first,
        ascending_order,
        deflated_without_the_value,
        started_from_ones,
    ],
)


# --- rating_loss -----------------------------------------------------------------------------------------------------


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


def mean_error(ratings, users, items, user_factors, item_factors, reg):
    """You take the mean of the squared errors. A mean makes reg mean something else for each number of ratings;
    here the loss is a sum, so that ten times the ratings outweigh the penalty ten times as much.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.mean(errors**2) + 0.5 * reg * (np.sum(user_factors**2) + np.sum(item_factors**2))


def without_the_halves(ratings, users, items, user_factors, item_factors, reg):
    """Your loss is twice what is asked for: both halves are missing. They are there to cancel the 2 that the
    derivative of a square brings.
    """
    return 2 * _loss(ratings, users, items, user_factors, item_factors, reg)


def penalty_once_a_rating(ratings, users, items, user_factors, item_factors, reg):
    """You penalize a person's factors once for each of their ratings. That is a loss people use (ALS-WR), but
    another one: here each row of user_factors and item_factors is penalized once, however often it occurs.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    squares = np.sum(user_factors[users] ** 2) + np.sum(item_factors[items] ** 2)
    return 0.5 * np.sum(errors**2) + 0.5 * reg * squares


def penalty_not_squared(ratings, users, items, user_factors, item_factors, reg):
    """Your penalty adds the lengths of the two tables of factors, not their squares. `np.linalg.norm` takes a
    root at the end; without the square, the gradient is not reg times the factors any more.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.sum(errors**2) + 0.5 * reg * (np.linalg.norm(user_factors) + np.linalg.norm(item_factors))


def only_users_penalized(ratings, users, items, user_factors, item_factors, reg):
    """You penalize the users' factors and let the items' go free. Then halving the one and doubling the other
    changes no prediction and makes the penalty cheaper: it would shrink to nothing.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.sum(errors**2) + 0.5 * reg * np.sum(user_factors**2)


def blanks_count_as_zero(ratings, users, items, user_factors, item_factors, reg):
    """You compare the whole table of predictions with a table that holds zeros where nobody rated. Those zeros
    are not opinions. Only the cells (users[j], items[j]) count.
    """
    table = np.zeros((len(user_factors), len(item_factors)))
    np.add.at(table, (users, items), ratings)
    errors = table - user_factors @ item_factors.T
    return 0.5 * np.sum(errors**2) + 0.5 * reg * (np.sum(user_factors**2) + np.sum(item_factors**2))


def half_only_on_the_errors(ratings, users, items, user_factors, item_factors, reg):
    """The errors are halved and the penalty is not: yours weighs twice as much as asked for. Both terms carry a
    half.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.sum(errors**2) + reg * (np.sum(user_factors**2) + np.sum(item_factors**2))


def errors_summed_before_squaring(ratings, users, items, user_factors, item_factors, reg):
    """You add the errors and square the sum. An error of +1 and one of -1 then cancel to a perfect score.
    Square first.
    """
    errors = ratings - np.sum(user_factors[users] * item_factors[items], axis=1)
    return 0.5 * np.sum(errors) ** 2 + 0.5 * reg * (np.sum(user_factors**2) + np.sum(item_factors**2))


def zeros_taken_for_blanks(ratings, users, items, user_factors, item_factors, reg):
    """You leave out ratings that are 0. The ratings are centered: a 0 is an opinion like any other, that of an
    average film. Which cells were rated is in users and items.
    """
    given = ratings != 0
    return _loss(ratings[given], users[given], items[given], user_factors, item_factors, reg)


def _factored(n: int, n_users: int, n_items: int, rank: int, reg: float, seed: int) -> dict[str, Any]:
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


def _one_rating() -> dict[str, Any]:
    return {
        "ratings": np.array([1.0]),
        "users": np.array([0]),
        "items": np.array([1]),
        "user_factors": np.array([[1.0, 2.0]]),
        "item_factors": np.array([[0.5, 0.0], [1.0, -0.5]]),
        "reg": 0.1,
    }


def _whole_stars() -> dict[str, Any]:
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
    inputs = _factored(20, 5, 4, 3, 0.0, 10)
    predictions = np.sum(inputs["user_factors"][inputs["users"]] * inputs["item_factors"][inputs["items"]], axis=1)
    return inputs | {"ratings": predictions + 0.001 * inputs["ratings"]}


week.declare(
    rating_loss,
    question="The table of predictions has 1.6 million cells. How many of them should the loss look at?",
    nudge="`user_factors[users]` has one row for each rating. So has `item_factors[items]`. Multiply, sum "
    "along the factors, subtract. Then the penalty, which looks at each row of factors once.",
    probes=[
        Probe("one rating, two films", _one_rating),
        Probe("6 ratings, pairs repeated", lambda: _factored(6, 3, 3, 2, 0.3, 1)),
        Probe("30 ratings, no penalty", lambda: _factored(30, 8, 5, 3, 0.0, 2)),
        Probe("40 ratings, more factors than films", lambda: _factored(40, 6, 4, 9, 2.0, 3)),
        Probe("whole stars, some 0", _whole_stars),
        Probe("7 ratings, one factor", lambda: _factored(7, 4, 3, 1, 0.2, 11)),
        Probe("a close fit, no penalty", _close_fit),
        Probe("80,000 ratings, 16 factors", lambda: _factored(80_000, 943, 1682, 16, 15.0, 4), seconds=1.0),
    ],
    tolerance=Tolerance(atol=1e-12),  # the loss of a close fit is small itself
    misconceptions=[
        mean_error,
        without_the_halves,
        penalty_once_a_rating,
        penalty_not_squared,
        only_users_penalized,
        blanks_count_as_zero,
        half_only_on_the_errors,
        errors_summed_before_squaring,
        zeros_taken_for_blanks,
    ],
)


# --- rating_gradient -------------------------------------------------------------------------------------------------


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


def repeats_overwritten(ratings, users, items, user_factors, item_factors, reg):
    """Each user's gradient holds the term of one rating only. `grad[users] += terms` reads, adds and writes
    back once for each place in `grad`, however often a user occurs. `np.add.at` accumulates.
    """
    errors = np.sum(user_factors[users] * item_factors[items], axis=1) - ratings
    grad_users, grad_items = reg * user_factors, reg * item_factors
    grad_users[users] += errors[:, None] * item_factors[items]
    grad_items[items] += errors[:, None] * user_factors[users]
    return grad_users, grad_items


def error_sign_flipped(ratings, users, items, user_factors, item_factors, reg):
    """The part from the errors has the wrong sign: step against this gradient and the fit gets worse. With the
    error as rating minus prediction, the derivative of the prediction comes with a minus.
    """
    grad_users, grad_items = _gradient(ratings, users, items, user_factors, item_factors, 0.0)
    return reg * user_factors - grad_users, reg * item_factors - grad_items


def own_factors_instead_of_the_other_side(ratings, users, items, user_factors, item_factors, reg):
    """In the users' gradient you multiply the errors with the users' factors. The prediction is u . v: its
    derivative with respect to u is v, the factors of the *other* side.
    """
    errors = np.sum(user_factors[users] * item_factors[items], axis=1) - ratings
    grad_users, grad_items = reg * user_factors, reg * item_factors
    np.add.at(grad_users, users, errors[:, None] * user_factors[users])
    np.add.at(grad_items, items, errors[:, None] * item_factors[items])
    return grad_users, grad_items


def penalty_forgotten(ratings, users, items, user_factors, item_factors, reg):
    """Yours is the gradient of the errors alone. The penalty has one too: half of reg times u squared has the
    derivative reg times u, also for rows without a rating.
    """
    return _gradient(ratings, users, items, user_factors, item_factors, 0.0)


def penalty_added_for_each_rating(ratings, users, items, user_factors, item_factors, reg):
    """The penalty stands inside the sum over the ratings, so a user with 500 ratings is penalized 500 times,
    and one with none not at all. In this loss each row is penalized once: it belongs outside the sum.
    """
    grad_users, grad_items = _gradient(ratings, users, items, user_factors, item_factors, 0.0)
    np.add.at(grad_users, users, reg * user_factors[users])
    np.add.at(grad_items, items, reg * item_factors[items])
    return grad_users, grad_items


def gradient_of_the_mean(ratings, users, items, user_factors, item_factors, reg):
    """You divide by the number of ratings. That is the gradient of a mean, and the loss is a sum: finite
    differences of rating_loss would tell you that you are off by a factor of n.
    """
    grad_users, grad_items = _gradient(ratings, users, items, user_factors, item_factors, 0.0)
    return grad_users / len(ratings) + reg * user_factors, grad_items / len(ratings) + reg * item_factors


def twice_the_gradient(ratings, users, items, user_factors, item_factors, reg):
    """You kept the 2 from the derivative of a square, but the halves in the loss are there to cancel it. Your
    gradient is twice too long.
    """
    grad_users, grad_items = _gradient(ratings, users, items, user_factors, item_factors, reg)
    return 2 * grad_users, 2 * grad_items


def items_saw_updated_users(ratings, users, items, user_factors, item_factors, reg):
    """The gradient of the items is taken at users that have moved already. Both halves belong to the same
    point: compute both from the factors that you were given, and step afterwards.
    """
    grad_users, _ = _gradient(ratings, users, items, user_factors, item_factors, reg)
    _, grad_items = _gradient(ratings, users, items, user_factors - grad_users, item_factors, reg)
    return grad_users, grad_items


def zero_ratings_left_out(ratings, users, items, user_factors, item_factors, reg):
    """Ratings that are 0 add nothing in yours. They are centered: a 0 is an opinion too, and where the prediction
    is not 0, it pulls. Which cells were rated is in users and items.
    """
    given = ratings != 0
    return _gradient(ratings[given], users[given], items[given], user_factors, item_factors, reg)


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


week.declare(
    rating_gradient,
    question="One rating pulls on two rows only: its user's and its film's. In which direction, and how hard, "
    "does it pull the user's row?",
    nudge="d(½e²) = e de, with e = u . v - r. So de/du is v. Each rating adds e v to its user's row and e u "
    "to its film's row; the penalty adds reg times the row itself, once.",
    probes=[
        Probe("one rating, two films", _one_rating),
        Probe("6 ratings, pairs repeated", lambda: _factored(6, 3, 3, 2, 0.3, 5)),
        Probe("30 ratings, no penalty", lambda: _factored(30, 8, 5, 3, 0.0, 6)),
        Probe("40 ratings, more factors than films", lambda: _factored(40, 6, 4, 9, 2.0, 7)),
        Probe("whole stars, some 0", _whole_stars),
        Probe("80,000 ratings, 16 factors", lambda: _factored(80_000, 943, 1682, 16, 15.0, 8), seconds=1.5),
    ],
    outputs=("grad_users", "grad_items"),
    properties=[
        Property("it agrees with finite differences of the loss", _agrees_with_finite_differences),
        Property("it vanishes where alternating least squares rests", _vanishes_where_als_rests),
    ],
    misconceptions=[
        repeats_overwritten,
        error_sign_flipped,
        own_factors_instead_of_the_other_side,
        penalty_forgotten,
        penalty_added_for_each_rating,
        gradient_of_the_mean,
        twice_the_gradient,
        items_saw_updated_users,
        zero_ratings_left_out,
    ],
)


# --- shrunken_offsets ------------------------------------------------------------------------------------------------


def shrunken_offsets(residuals: np.ndarray, groups: np.ndarray, n_groups: int, reg: float) -> np.ndarray:
    """The mean of each group, pulled toward zero as if `reg` further
    members of the group had had the value 0.

    residuals: (n,), what is left to explain, in stars. groups: (n,),
    integers from 0 to n_groups - 1: who or what each belongs to. reg:
    positive, in members. Returns (n_groups,): sum of the group / (its
    size + reg); 0 for an empty one.
    """
    totals, counts = np.zeros(n_groups), np.zeros(n_groups)
    np.add.at(totals, groups, residuals)
    np.add.at(counts, groups, 1)
    return totals / (counts + reg)


_offsets = shrunken_offsets  # the name itself is bound to whatever is being checked


def plain_means(residuals, groups, n_groups, reg):
    """You return the plain mean and leave reg out. A film with one rating of five stars would be the best film
    of all time. What does one rating weigh against `reg` imaginary ones of value 0?
    """
    totals = np.bincount(groups, weights=residuals, minlength=n_groups)
    return totals / np.maximum(np.bincount(groups, minlength=n_groups), 1)


def last_one_wins(residuals, groups, n_groups, reg):
    """`totals[groups] += residuals` does not add up: where a group occurs twice in `groups`, NumPy reads both,
    adds to both and writes both back to the same place, so only the last one counts. Look for a function that
    accumulates.
    """
    totals, counts = np.zeros(n_groups), np.zeros(n_groups)
    totals[groups] += residuals
    counts[groups] += 1
    return totals / (counts + reg)


def every_group_shrunk_alike(residuals, groups, n_groups, reg):
    """You divide every group's mean by 1 + reg, so a film with 500 ratings shrinks as much as a film with one.
    The imaginary members come to the count, before the division.
    """
    totals = np.bincount(groups, weights=residuals, minlength=n_groups)
    return totals / np.maximum(np.bincount(groups, minlength=n_groups), 1) / (1 + reg)


def only_groups_up_to_the_largest(residuals, groups, n_groups, reg):
    """Your result ends at the largest group that occurs. Groups after it are missing, and the offsets of the
    training set will not fit the people of the test set. n_groups says how long the result has to be.
    """
    return np.bincount(groups, weights=residuals) / (np.bincount(groups) + reg)


def one_value_a_row(residuals, groups, n_groups, reg):
    """You return one value for each rating, the offset of its group. Asked for is one value for each group; the
    caller looks it up with `offsets[groups]`.
    """
    return _offsets(residuals, groups, n_groups, reg)[groups]


def shrunk_by_the_whole_count(residuals, groups, n_groups, reg):
    """You divide each group's sum by the number of all ratings. Each group has a count of its own: how many of
    `groups` are equal to it.
    """
    return np.bincount(groups, weights=residuals, minlength=n_groups) / (len(residuals) + reg)


def zeros_not_counted(residuals, groups, n_groups, reg):
    """You do not count members whose residual is 0. They are members all the same: someone who rates exactly as
    expected is a reason to believe that the offset is small.
    """
    counts = np.bincount(groups, weights=residuals != 0, minlength=n_groups)
    return np.bincount(groups, weights=residuals, minlength=n_groups) / (counts + reg)


def _grouped(n: int, n_groups: int, reg: float, seed: int) -> dict[str, Any]:
    """Residuals in groups of which the last and one in the middle are empty."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups - 1, n)
    groups[groups == n_groups // 2] = 0
    return {"residuals": rng.normal(size=n), "groups": groups, "n_groups": n_groups, "reg": reg}


week.declare(
    shrunken_offsets,
    question="One person gave a film five stars. Five hundred people gave another film 4.6 on average. Which is "
    "better, and how would you say so in one formula?",
    nudge="You need two things for each group, its sum and its size, without a loop. Then ask where `reg` "
    "members with the value 0 change the mean.",
    probes=[
        Probe(
            "three ratings in two groups",
            lambda: {"residuals": np.array([1.0, 0.5, -1.0]), "groups": np.array([0, 0, 1]), "n_groups": 2, "reg": 1.0},
        ),
        Probe("20 ratings, empty groups", lambda: _grouped(20, 7, 2.5, 1)),
        Probe("50 ratings, 60 groups", lambda: _grouped(50, 60, 0.5, 2)),
        Probe(
            "residuals of 0, nobody in group 0",
            lambda: {
                "residuals": np.array([1.0, 1.0, 0.0, -1.0, 0.5]),
                "groups": np.array([2, 2, 2, 3, 1]),
                "n_groups": 5,
                "reg": 2.0,
            },
        ),
        Probe("80,000 ratings of 943 people", lambda: _grouped(80_000, 943, 5.0, 3), seconds=0.3),
    ],
    misconceptions=[
        plain_means,
        last_one_wins,
        every_group_shrunk_alike,
        only_groups_up_to_the_largest,
        one_value_a_row,
        shrunk_by_the_whole_count,
        zeros_not_counted,
    ],
)


# --- solve_ridge -----------------------------------------------------------------------------------------------------


def solve_ridge(features: np.ndarray, targets: np.ndarray, reg: float) -> np.ndarray:
    """The weights w that minimize the squared error of features @ w plus
    reg times the squared length of w.

    features: (n, k). targets: (n,). reg: not negative, positive where n <
    k; not scaled by n. Returns w, (k,), the solution of the normal
    equations (X'X + reg I) w = X'y. Hoerl and Kennard (1970).
    """
    gram = features.T @ features
    right_side = features.T @ targets
    return np.linalg.solve(gram + reg * np.eye(len(gram)), right_side)


def penalty_ignored(features, targets, reg):
    """You solved ordinary least squares: reg is not in it. With fewer ratings than factors it has no single
    solution, and `lstsq` picks one for you.
    """
    return np.linalg.lstsq(features, targets, rcond=None)[0]


def penalty_on_every_entry(features, targets, reg):
    """`gram + reg` adds reg to every entry of the matrix. The penalty reg |w|² touches each weight with itself
    only: it belongs on the diagonal.
    """
    gram = features.T @ features + reg
    return np.linalg.lstsq(gram, features.T @ targets, rcond=None)[0]


def penalty_scaled_by_rows(features, targets, reg):
    """You multiply reg by the number of rows, or divide everything else by it, which comes to the same. Some
    libraries do. In this loss reg stands as it is: ten times the ratings outweigh the penalty ten times as
    much, as they should.
    """
    gram = features.T @ features
    return np.linalg.solve(gram + reg * len(features) * np.eye(len(gram)), features.T @ targets)


def penalty_with_a_minus(features, targets, reg):
    """The penalty comes with the wrong sign: you reward large weights. Set the derivative of ½|Xw - y|² + ½ reg
    |w|² to zero again and watch which side reg w ends up on.
    """
    gram = features.T @ features
    return np.linalg.solve(gram - reg * np.eye(len(gram)), features.T @ targets)


def first_weight_not_penalized(features, targets, reg):
    """You spare the first weight, as one does for an intercept. There is none here: the ratings are centered,
    and every column of the features is a factor like the others.
    """
    gram = features.T @ features
    penalty = reg * np.eye(len(gram))
    penalty[0, 0] = 0.0
    return np.linalg.lstsq(gram + penalty, features.T @ targets, rcond=None)[0]


def penalty_doubled(features, targets, reg):
    """Your penalty counts double. Squared error and penalty bring a 2 each when you take the derivative, and
    both go.
    """
    gram = features.T @ features
    return np.linalg.solve(gram + 2 * reg * np.eye(len(gram)), features.T @ targets)


def _regression(n: int, k: int, reg: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"features": rng.normal(size=(n, k)), "targets": rng.normal(size=n), "reg": reg}


def _unlike_columns() -> dict[str, Any]:
    """Columns of sizes from 100 to 0.01, and two rows that differ in their target only."""
    inputs = _regression(12, 3, 0.001, 6)
    inputs["features"] *= np.array([100.0, 1.0, 0.01])
    inputs["features"][1] = inputs["features"][0]
    return inputs


week.declare(
    solve_ridge,
    question="At the best w, a small change of any weight changes the loss by nothing. Write that down for ½|Xw "
    "- y|² + ½ reg |w|². What equation in w do you get?",
    nudge="The derivative is X'(Xw - y) + reg w = 0. Bring what has a w in it to the left. Then "
    "`np.linalg.solve`, which does not need the inverse.",
    probes=[
        Probe(
            "three ratings, two factors",
            lambda: {
                "features": np.array([[1.0, 0.0], [1.0, 1.0], [0.5, 2.0]]),
                "targets": np.array([1.0, 0.0, -1.0]),
                "reg": 0.5,
            },
        ),
        Probe("no penalty", lambda: _regression(8, 3, 0.0, 1)),
        Probe("10 ratings, 4 factors", lambda: _regression(10, 4, 3.0, 2)),
        Probe("2 ratings, 5 factors", lambda: _regression(2, 5, 0.7, 3)),
        Probe("one factor", lambda: _regression(6, 1, 2.0, 4)),
        Probe("factors of unlike size, two rows the same", _unlike_columns),
        Probe("737 ratings, 16 factors", lambda: _regression(737, 16, 15.0, 5), seconds=0.2),
    ],
    misconceptions=[
        penalty_ignored,
        penalty_on_every_entry,
        penalty_scaled_by_rows,
        penalty_with_a_minus,
        first_weight_not_penalized,
        penalty_doubled,
    ],
)


# --- als_half_step ---------------------------------------------------------------------------------------------------


def als_half_step(
    ratings: np.ndarray, rows: np.ndarray, cols: np.ndarray, n_rows: int, col_factors: np.ndarray, reg: float
) -> np.ndarray:
    """The best factors of one side, all rows at once, while the other
    side's stay as they are.

    ratings: (n,), centered. rows, cols: (n,), integers; a pair may occur
    twice, and then counts twice. col_factors: (n_cols, k). reg: positive,
    the same for every row. Returns row_factors, (n_rows, k): in row i the
    ridge solution for the ratings of row i on the factors of what it
    rated; zero for a row without ratings. Users are rows in one
    half-step, items in the next. Zhou et al. (2008), without their
    scaling of reg.
    """
    n_cols, k = col_factors.shape
    counts, totals = np.zeros((n_rows, n_cols)), np.zeros((n_rows, n_cols))
    np.add.at(counts, (rows, cols), 1.0)
    np.add.at(totals, (rows, cols), ratings)
    outer = col_factors[:, :, None] * col_factors[:, None, :]
    grams = (counts @ outer.reshape(n_cols, k * k)).reshape(n_rows, k, k)
    right = totals @ col_factors
    return np.linalg.solve(grams + reg * np.eye(k), right[:, :, None])[:, :, 0]


_half_step = als_half_step  # the name itself is bound to whatever is being checked


def _row_by_row(ratings, rows, cols, n_rows, col_factors, penalty, unrated=None):
    """The half-step as a loop, with `penalty(features)` in the place of reg I: what the wrong ones below vary."""
    result = np.zeros((n_rows, col_factors.shape[1]))
    for row in range(n_rows):
        features, targets = col_factors[cols[rows == row]], ratings[rows == row]
        gram = features.T @ features + penalty(features)
        result[row] = np.linalg.lstsq(gram, features.T @ targets, rcond=None)[0]
        if unrated is not None and not len(targets):
            result[row] = unrated
    return result


def reg_scaled_by_count(ratings, rows, cols, n_rows, col_factors, reg):
    """You scale reg by the number of ratings in the row. That is weighted ALS, and a fine model; here every row
    has the same reg, so that those with few ratings are held back most.
    """
    eye = np.eye(col_factors.shape[1])
    return _row_by_row(ratings, rows, cols, n_rows, col_factors, lambda features: reg * max(len(features), 1) * eye)


def blanks_fitted_as_zero(ratings, rows, cols, n_rows, col_factors, reg):
    """Every row has the same X'X in yours, made from all of col_factors. Then the cells that nobody rated are
    fitted too, as zeros. Row i may only see the columns that it rated.
    """
    k = col_factors.shape[1]
    totals = np.zeros((n_rows, len(col_factors)))
    np.add.at(totals, (rows, cols), ratings)
    gram = col_factors.T @ col_factors + reg * np.eye(k)
    return np.linalg.solve(gram, (totals @ col_factors).T).T.copy()


def repeated_pairs_counted_once(ratings, rows, cols, n_rows, col_factors, reg):
    """Where a pair occurs twice, you count one of them. `table[rows, cols] = ratings` overwrites; two ratings
    are two rows of the regression. In ml-100k no pair repeats, but in your own data one will.
    """
    table = {
        (row, col): rating for row, col, rating in zip(rows.tolist(), cols.tolist(), ratings.tolist(), strict=True)
    }
    pairs = np.array(list(table), dtype=np.int64)
    return _half_step(np.array(list(table.values())), pairs[:, 0], pairs[:, 1], n_rows, col_factors, reg)


def as_many_rows_as_occur(ratings, rows, cols, n_rows, col_factors, reg):
    """Your result ends at the largest row that has a rating. n_rows says how many there are; those without
    ratings get zeros, or the next half-step will look up a row that does not exist.
    """
    return _half_step(ratings, rows, cols, int(rows.max()) + 1, col_factors, reg)


def unrated_rows_get_the_mean(ratings, rows, cols, n_rows, col_factors, reg):
    """You give rows without ratings the mean of the others. Ridge regression with nothing to fit has one
    answer: the penalty alone decides, and it says zero, which predicts the baseline.
    """
    factors = _half_step(ratings, rows, cols, n_rows, col_factors, reg)
    rated = np.isin(np.arange(n_rows), rows)
    factors[~rated] = factors[rated].mean(axis=0)
    return factors


def no_penalty_at_all(ratings, rows, cols, n_rows, col_factors, reg):
    """The penalty is missing: each row is fitted as closely as can be. A row with fewer ratings than factors
    then fits them perfectly, and predicts nonsense for the rest.
    """
    eye = np.eye(col_factors.shape[1])
    return _row_by_row(ratings, rows, cols, n_rows, col_factors, lambda features: 0 * eye)


def penalty_spread_over_the_matrix(ratings, rows, cols, n_rows, col_factors, reg):
    """`grams + reg` adds reg to all k x k entries of every row's matrix. Only the diagonal gets it: reg times
    np.eye(k), which broadcasts over the rows.
    """
    full = np.ones((col_factors.shape[1],) * 2)
    return _row_by_row(ratings, rows, cols, n_rows, col_factors, lambda features: reg * full)


def sums_instead_of_solutions(ratings, rows, cols, n_rows, col_factors, reg):
    """You return the right-hand sides X'y, row by row. They say in which direction the factors should go; the
    system with X'X + reg I says how far.
    """
    totals = np.zeros((n_rows, len(col_factors)))
    np.add.at(totals, (rows, cols), ratings)
    return totals @ col_factors


def zeros_left_out(ratings, rows, cols, n_rows, col_factors, reg):
    """You leave out ratings that are 0. They are centered: a 0 is an opinion too, and belongs into X'X even though
    it adds nothing to X'y. Which cells were rated is in rows and cols.
    """
    given = ratings != 0
    return _half_step(ratings[given], rows[given], cols[given], n_rows, col_factors, reg)


def _half(n: int, n_rows: int, n_cols: int, rank: int, reg: float, seed: int) -> dict[str, Any]:
    """Ratings with repeated rows, cols and pairs; the last row and one in the middle have none."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, n_rows - 1, n)
    rows[rows == n_rows // 2] = 0
    return {
        "ratings": rng.normal(size=n),
        "rows": rows,
        "cols": rng.integers(0, n_cols, n),
        "n_rows": n_rows,
        "col_factors": rng.normal(size=(n_cols, rank)),
        "reg": reg,
    }


week.declare(
    als_half_step,
    question="If the films' factors are fixed, what has one person's row to do with another's?",
    nudge="Each row is solve_ridge on the factors of what it rated. To do all rows at once: the sum over row "
    "i's columns of v v' is a matrix product of a 0/1 table (who rated what) with the table of all v "
    "v', flattened to k² columns.",
    probes=[
        Probe(
            "three ratings, three rows",
            lambda: {
                "ratings": np.array([1.0, -1.0, 0.5]),
                "rows": np.array([0, 0, 1]),
                "cols": np.array([0, 1, 1]),
                "n_rows": 3,
                "col_factors": np.array([[1.0, 0.5], [0.0, 2.0]]),
                "reg": 0.5,
            },
        ),
        Probe("12 ratings, pairs repeated", lambda: _half(12, 6, 3, 2, 0.3, 1)),
        Probe("40 ratings of 9 rows", lambda: _half(40, 9, 12, 3, 2.0, 2)),
        Probe("fewer ratings than factors", lambda: _half(10, 8, 5, 7, 1.0, 3)),
        Probe(
            "whole stars, some 0, nothing in row 0",
            lambda: {
                "ratings": np.array([1.0, 1.0, 0.0, -1.0, 0.0, 2.0]),
                "rows": np.array([1, 1, 1, 2, 2, 2]),
                "cols": np.array([1, 1, 2, 1, 1, 2]),
                "n_rows": 4,
                "col_factors": np.random.default_rng(5).normal(size=(4, 2)),
                "reg": 0.7,
            },
        ),
        Probe(
            "80,000 ratings of 943 users, 16 factors",
            lambda: _half(80_000, 943, 1682, 16, 15.0, 4),
            seconds=2.5,
        ),
    ],
    misconceptions=[
        reg_scaled_by_count,
        blanks_fitted_as_zero,
        repeated_pairs_counted_once,
        as_many_rows_as_occur,
        unrated_rows_get_the_mean,
        no_penalty_at_all,
        penalty_spread_over_the_matrix,
        sums_instead_of_solutions,
        zeros_left_out,
    ],
)


# --- push_through_solve ----------------------------------------------------------------------------------------------


def push_through_solve(features: np.ndarray, targets: np.ndarray, prior_precision: np.ndarray) -> np.ndarray:
    """Ridge regression with its own penalty for each weight, by way of an
    n x n system where n is less than k.

    features: (n, k), n ratings on k factors. targets: (n,).
    prior_precision: (k,), positive, the diagonal of C. Returns w, (k,),
    which equals the direct solution of (C + X'X) w = X'y, by the identity
    (C + X'X)^-1 X' = C^-1 X' (I + X C^-1 X')^-1. Its time grows with n² k
    + n³, not with k³.
    """
    scaled = features / prior_precision
    kernel = np.eye(len(targets)) + scaled @ features.T
    return scaled.T @ np.linalg.solve(kernel, targets)


_push_through = push_through_solve  # the name itself is bound to whatever is being checked


def identity_forgotten(features, targets, prior_precision):
    """The identity is missing from I + X C^-1 X'. It is the noise in the ratings: without it every rating is
    believed to the last digit, and w fits them exactly.
    """
    scaled = features / prior_precision
    return scaled.T @ np.linalg.lstsq(scaled @ features.T, targets, rcond=None)[0]


def precision_multiplied(features, targets, prior_precision):
    """You multiply by the precisions where you should divide. A large precision means: this weight is near
    zero, I am sure. The identity has C^-1, so the columns of X are divided.
    """
    return _push_through(features, targets, 1 / prior_precision)


def last_factor_without_precision(features, targets, prior_precision):
    """C^-1 is there inside the system and missing in front of it. On the right-hand side of the identity it
    occurs twice: C^-1 X' (I + X C^-1 X')^-1.
    """
    scaled = features / prior_precision
    return features.T @ np.linalg.solve(np.eye(len(targets)) + scaled @ features.T, targets)


def inside_without_precision(features, targets, prior_precision):
    """C^-1 stands in front, but the system itself is I + X X', without it. On the right-hand side of the
    identity it occurs twice: C^-1 X' (I + X C^-1 X')^-1.
    """
    system = np.eye(len(targets)) + features @ features.T
    return (features / prior_precision).T @ np.linalg.solve(system, targets)


def one_precision_for_all(features, targets, prior_precision):
    """You use the same precision for every weight. prior_precision has one number for each of the k columns: a
    bias column may be held back less than a taste.
    """
    return _push_through(features, targets, np.full_like(prior_precision, prior_precision[0]))


def precision_rooted(features, targets, prior_precision):
    """You took the root of the precisions. If you scale X by 1/sqrt(C) on both sides of the system, the factor
    in front still needs the whole C^-1.
    """
    return _push_through(features, targets, np.sqrt(prior_precision))


def prior_left_out(features, targets, prior_precision):
    """prior_precision is not in your result at all: you solved with the identity in its place. Which of the I's
    in your formula is really a C?
    """
    return _push_through(features, targets, np.ones_like(prior_precision))


def _few_ratings(n: int, k: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "features": rng.normal(size=(n, k)),
        "targets": rng.normal(size=n),
        "prior_precision": rng.uniform(0.5, 6.0, k),
    }


def _unlike_precisions() -> dict[str, Any]:
    """Precisions from 0.001 to 10,000, and two rows that differ in their target only."""
    inputs = _few_ratings(4, 6, 5) | {"prior_precision": np.geomspace(1e-3, 1e4, 6)}
    inputs["features"][1] = inputs["features"][0]
    return inputs


def _solves_the_normal_equations(
    function: Callable[..., Any], features: np.ndarray, targets: np.ndarray, prior_precision: np.ndarray
) -> str | None:
    weights = function(features, targets, prior_precision)
    rest = prior_precision * weights + features.T @ (features @ weights - targets)
    if np.abs(rest).max() < 1e-6:
        return None
    return f"Your w does not solve (C + X'X) w = X'y: the two sides differ by up to {np.abs(rest).max():.3g}."


week.declare(
    push_through_solve,
    question="A film with two ratings and two hundred factors: the normal equations are 200 x 200. How much can "
    "two ratings tell you, and how large does a system have to be to say that?",
    nudge="Divide the columns of X by the precisions first: X C^-1 occurs in both places. Then one n x n "
    "system, and one product to come back to k numbers.",
    probes=[
        Probe(
            "one rating, two factors",
            lambda: {
                "features": np.array([[1.0, 2.0]]),
                "targets": np.array([0.5]),
                "prior_precision": np.array([2.0, 0.5]),
            },
        ),
        Probe("3 ratings, 5 factors", lambda: _few_ratings(3, 5, 1)),
        Probe("4 ratings, 4 factors", lambda: _few_ratings(4, 4, 2)),
        Probe("6 ratings, 2 factors", lambda: _few_ratings(6, 2, 3)),
        Probe("precisions from 0.001 to 10,000", _unlike_precisions),
        Probe("5 ratings, 3,000 factors", lambda: _few_ratings(5, 3000, 4), seconds=0.25),
    ],
    properties=[Property("it solves the normal equations", _solves_the_normal_equations)],
    misconceptions=[
        identity_forgotten,
        precision_multiplied,
        last_factor_without_precision,
        inside_without_precision,
        one_precision_for_all,
        precision_rooted,
        prior_left_out,
    ],
)
