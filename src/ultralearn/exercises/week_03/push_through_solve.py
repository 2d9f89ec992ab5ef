"""Week 3: `push_through_solve`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe, Property


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


declaration = Declaration(
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
        Probe("5 ratings, 3,000 factors", lambda: _few_ratings(5, 3000, 4), times=25),
    ],
    properties=[Property("it solves the normal equations", _solves_the_normal_equations)],
)


@declaration.misconception
def identity_forgotten(features, targets, prior_precision):
    """The identity is missing from I + X C^-1 X'. It is the noise in the ratings: without it every rating is
    believed to the last digit, and w fits them exactly.
    """
    scaled = features / prior_precision
    return scaled.T @ np.linalg.lstsq(scaled @ features.T, targets, rcond=None)[0]


@declaration.misconception
def precision_multiplied(features, targets, prior_precision):
    """You multiply by the precisions where you should divide. A large precision means: this weight is near
    zero, I am sure. The identity has C^-1, so the columns of X are divided.
    """
    return _push_through(features, targets, 1 / prior_precision)


@declaration.misconception
def last_factor_without_precision(features, targets, prior_precision):
    """C^-1 is there inside the system and missing in front of it. On the right-hand side of the identity it
    occurs twice: C^-1 X' (I + X C^-1 X')^-1.
    """
    scaled = features / prior_precision
    return features.T @ np.linalg.solve(np.eye(len(targets)) + scaled @ features.T, targets)


@declaration.misconception
def inside_without_precision(features, targets, prior_precision):
    """C^-1 stands in front, but the system itself is I + X X', without it. On the right-hand side of the
    identity it occurs twice: C^-1 X' (I + X C^-1 X')^-1.
    """
    system = np.eye(len(targets)) + features @ features.T
    return (features / prior_precision).T @ np.linalg.solve(system, targets)


@declaration.misconception
def one_precision_for_all(features, targets, prior_precision):
    """You use the same precision for every weight. prior_precision has one number for each of the k columns: a
    bias column may be held back less than a taste.
    """
    return _push_through(features, targets, np.full_like(prior_precision, prior_precision[0]))


@declaration.misconception
def precision_rooted(features, targets, prior_precision):
    """You took the root of the precisions. If you scale X by 1/sqrt(C) on both sides of the system, the factor
    in front still needs the whole C^-1.
    """
    return _push_through(features, targets, np.sqrt(prior_precision))


@declaration.misconception
def prior_left_out(features, targets, prior_precision):
    """prior_precision is not in your result at all: you solved with the identity in its place. Which of the I's
    in your formula is really a C?
    """
    return _push_through(features, targets, np.ones_like(prior_precision))
