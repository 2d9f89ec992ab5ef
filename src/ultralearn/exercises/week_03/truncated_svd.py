"""Week 3: `truncated_svd`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe, Property, Tolerance


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


declaration = Declaration(
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
            times=60,
        ),
    ],
    outputs=("U", "s", "Vt"),
    observe=_as_promised,
    properties=[Property("pairs belong together where values are equal", _pairs_belong_together)],
    tolerance=Tolerance(rtol=1e-5, atol=1e-5),
)


@declaration.misconception
def values_not_rooted(matrix, rank):
    """Your s holds the squares of the singular values. The eigenvalues of A'A are s squared, since A'Av = s²v.
    What brings you back to s?
    """
    left, values, right = _svd(matrix, rank)
    return left, values**2, right


@declaration.misconception
def right_vectors_in_columns(matrix, rank):
    """Your third result holds the right singular vectors in its columns: that is V. Asked for is Vt, with a
    vector in each row, so that U s Vt can be multiplied as it stands.
    """
    left, values, right = _svd(matrix, rank)
    return left, values, right.T


@declaration.misconception
def left_vectors_not_normalized(matrix, rank):
    """The columns of your U have length s, not 1: Av is s times u. The singular value is in there twice now,
    once in U and once in s.
    """
    left, values, right = _svd(matrix, rank)
    return left * values, values, right


@declaration.misconception
def forgot_to_deflate(matrix, rank):
    """You find the first pair again and again. Power iteration always ends at the largest one; to see the
    second, take the first away from the matrix before you start again.
    """
    left, values, right = _svd(matrix, 1)
    return np.repeat(left, rank, axis=1), np.repeat(values, rank), np.repeat(right, rank, axis=0)


@declaration.misconception
def smallest_first(matrix, rank):
    """You return the smallest singular values. `np.linalg.eigh` sorts its eigenvalues in ascending order: the
    ones that you want are at the end.
    """
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return left[:, ::-1][:, :rank], values[::-1][:rank], right[::-1][:rank]


@declaration.misconception
def ascending_order(matrix, rank):
    """These are the right singular values in the wrong order. The largest comes first, in s, in the columns of
    U and in the rows of Vt.
    """
    left, values, right = _svd(matrix, rank)
    return left[:, ::-1], values[::-1], right[::-1]


@declaration.misconception
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


@declaration.misconception
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
