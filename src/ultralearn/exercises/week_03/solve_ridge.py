"""Week 3: `solve_ridge`."""

from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe


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


def _regression(n: int, k: int, reg: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"features": rng.normal(size=(n, k)), "targets": rng.normal(size=n), "reg": reg}


def _unlike_columns() -> dict[str, Any]:
    """Columns of sizes from 100 to 0.01, and two rows that differ in their target only."""
    inputs = _regression(12, 3, 0.001, 6)
    inputs["features"] *= np.array([100.0, 1.0, 0.01])
    inputs["features"][1] = inputs["features"][0]
    return inputs


declaration = Declaration(
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
        Probe("737 ratings, 16 factors", lambda: _regression(737, 16, 15.0, 5), times=20),
    ],
)


@declaration.misconception
def penalty_ignored(features, targets, reg):
    """You solved ordinary least squares: reg is not in it. With fewer ratings than factors it has no single
    solution, and `lstsq` picks one for you.
    """
    return np.linalg.lstsq(features, targets, rcond=None)[0]


@declaration.misconception
def penalty_on_every_entry(features, targets, reg):
    """`gram + reg` adds reg to every entry of the matrix. The penalty reg |w|² touches each weight with itself
    only: it belongs on the diagonal.
    """
    gram = features.T @ features + reg
    return np.linalg.lstsq(gram, features.T @ targets, rcond=None)[0]


@declaration.misconception
def penalty_scaled_by_rows(features, targets, reg):
    """You multiply reg by the number of rows, or divide everything else by it, which comes to the same. Some
    libraries do. In this loss reg stands as it is: ten times the ratings outweigh the penalty ten times as
    much, as they should.
    """
    gram = features.T @ features
    return np.linalg.solve(gram + reg * len(features) * np.eye(len(gram)), features.T @ targets)


@declaration.misconception
def penalty_with_a_minus(features, targets, reg):
    """The penalty comes with the wrong sign: you reward large weights. Set the derivative of ½|Xw - y|² + ½ reg
    |w|² to zero again and watch which side reg w ends up on.
    """
    gram = features.T @ features
    return np.linalg.solve(gram - reg * np.eye(len(gram)), features.T @ targets)


@declaration.misconception
def first_weight_not_penalized(features, targets, reg):
    """You spare the first weight, as one does for an intercept. There is none here: the ratings are centered,
    and every column of the features is a factor like the others.
    """
    gram = features.T @ features
    penalty = reg * np.eye(len(gram))
    penalty[0, 0] = 0.0
    return np.linalg.lstsq(gram + penalty, features.T @ targets, rcond=None)[0]


@declaration.misconception
def penalty_doubled(features, targets, reg):
    """Your penalty counts double. Squared error and penalty bring a 2 each when you take the derivative, and
    both go.
    """
    gram = features.T @ features
    return np.linalg.solve(gram + 2 * reg * np.eye(len(gram)), features.T @ targets)
