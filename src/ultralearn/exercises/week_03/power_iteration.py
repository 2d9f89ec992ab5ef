"""Week 3: `power_iteration`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe, Tolerance


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


declaration = Declaration(
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
            times=50,
        ),
    ],
    outputs=("value", "vector"),
    observe=_without_sign,
    tolerance=Tolerance(rtol=1e-8, atol=1e-10),  # single precision is not enough
)


@declaration.misconception
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


@declaration.misconception
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


@declaration.misconception
def never_normalized(matrix, steps, start):
    """Your vector points the right way, but its length is not 1, and v'Av grows with the square of that length.
    Which operation is missing after the multiplication?
    """
    vector = start
    for _ in range(steps):
        vector = matrix @ vector
    return vector @ matrix @ vector, vector


@declaration.misconception
def one_step_short(matrix, steps, start):
    """You take one step too few: your vector is the one that `steps - 1` multiplications give. Check what your
    loop does when steps = 1.
    """
    vector = start / np.linalg.norm(start)
    for _ in range(1, steps):
        vector = matrix @ vector
        vector = vector / np.linalg.norm(vector)
    return vector @ matrix @ vector, vector


@declaration.misconception
def one_step_too_many(matrix, steps, start):
    """You take one step too many: the vector that you return was multiplied `steps + 1` times. Perhaps a last
    product that was meant for the eigenvalue found its way into the vector.
    """
    vector = start
    for _ in range(steps + 1):
        vector = matrix @ vector
        vector = vector / np.linalg.norm(vector)
    return vector @ matrix @ vector, vector


@declaration.misconception
def divided_by_the_sum(matrix, steps, start):
    """You divide by the sum of the entries, so the entries add up to 1. Length 1 is something else: the squares
    of the entries add up to 1. (And a sum can be zero where the length is not.)
    """
    vector = start
    for _ in range(steps):
        vector = matrix @ vector
        vector = vector / vector.sum()
    return vector @ matrix @ vector, vector


@declaration.misconception
def divided_by_the_largest_entry(matrix, steps, start):
    """You divide by the largest entry. That stops the growth, but the length is still not 1, and v'Av is the
    eigenvalue only for a vector of length 1.
    """
    vector = start
    for _ in range(steps):
        vector = matrix @ vector
        vector = vector / np.abs(vector).max()
    return vector @ matrix @ vector, vector


@declaration.misconception
def ignored_the_start(matrix, steps, start):
    """You start from a vector of ones, whatever `start` says. After many steps that hardly shows; after three
    it does. And if ones happen to be orthogonal to the eigenvector, you never get there.
    """
    vector = np.ones(len(matrix))
    for _ in range(steps):
        vector = matrix @ vector
        vector = vector / np.linalg.norm(vector)
    return vector @ matrix @ vector, vector
