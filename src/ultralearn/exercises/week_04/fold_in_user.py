"""Week 4: `fold_in_user`."""

from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe


def fold_in_user(item_factors: np.ndarray, items: np.ndarray, alpha: float, reg: float) -> np.ndarray:
    """Factors of somebody who was not there when the model was fitted,
    from the items that they have seen.

    item_factors: (n_items, k). items: (n,), int64, none twice; may be
    empty. alpha, reg: as in ials_half_step. Returns x, (k,), which
    minimizes the same loss: the sum over ALL items of c (p - x.y)² plus
    reg |x|², with p = 1 and c = 1 + alpha for `items`, p = 0 and c = 1
    for the rest. Zeros if nothing was seen. Scores are item_factors @ x.
    """
    seen = item_factors[items]
    gram = item_factors.T @ item_factors + alpha * seen.T @ seen
    return np.linalg.solve(gram + reg * np.eye(len(gram)), (1 + alpha) * seen.sum(axis=0))


def _newcomer(item_factors, items, alpha, reg, blanks=1.0, extra=None, right=None):
    """The fold-in with the weight of the blanks, what a seen item weighs more, and the weight on the right to vary."""
    seen = item_factors[items]
    gram = blanks * item_factors.T @ item_factors + (alpha if extra is None else extra) * seen.T @ seen
    right_side = (1 + alpha if right is None else right) * seen.sum(axis=0)
    return np.linalg.solve(gram + reg * np.eye(len(gram)), right_side)


def _seen_by_one(n_items: int, n: int, k: int, alpha: float, reg: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "item_factors": rng.normal(size=(n_items, k)),
        "items": rng.permutation(n_items)[:n],
        "alpha": alpha,
        "reg": reg,
    }


declaration = Declaration(
    fold_in_user,
    question="Somebody comes in, names five films and wants a list now. Refitting takes a second and changes everybody "
    "else. Which part of the fit would have looked at this person at all?",
    nudge="It is one row of ials_half_step: the same Y'Y, the same reg, the factors of the films that they named. Try "
    "it with no films as well.",
    probes=[
        Probe(
            "two of three items seen",
            lambda: {
                "item_factors": np.array([[1.0, 0.5], [0.0, 2.0], [-1.0, 1.0]]),
                "items": np.array([2, 0]),
                "alpha": 3.0,
                "reg": 0.5,
            },
        ),
        Probe("nothing seen", lambda: _seen_by_one(6, 0, 3, 2.0, 1.0, seed=1)),
        Probe("9 items, 4 seen", lambda: _seen_by_one(9, 4, 3, 10.0, 2.0, seed=2)),
        Probe("more factors than seen items", lambda: _seen_by_one(12, 2, 7, 1.0, 0.3, seed=3)),
        Probe("everything seen, one factor", lambda: _seen_by_one(4, 4, 1, 0.25, 0.01, seed=4)),
        Probe("seen and not seen weigh the same", lambda: _seen_by_one(12, 5, 4, 0.0, 6.0, seed=5)),
        Probe("1,682 items, 64 factors", lambda: _seen_by_one(1682, 80, 64, 4.0, 30.0, seed=6), times=300),
    ],
)


@declaration.misconception
def middle_of_what_was_seen(item_factors, items, alpha, reg):
    """You average the factors of what was seen. The mean of no films is NaN, that is one thing. The other: the model's
    users were not made so, and next to them the newcomer's scores are on another scale. What would a half-step give
    them?
    """
    with np.errstate(invalid="ignore"):
        return item_factors[items].sum(axis=0) / np.float64(len(items))


@declaration.misconception
def middle_or_zeros(item_factors, items, alpha, reg):
    """You average the factors of what was seen, and give zeros where nothing was. Many do, and it points about the
    right way; but the model's users were not made so, and next to them the newcomer's scores are on another scale.
    Which equations gave the others their factors?
    """
    return item_factors[items].sum(axis=0) / max(len(items), 1)


@declaration.misconception
def sum_of_what_was_seen(item_factors, items, alpha, reg):
    """You add up the factors of what was seen: that is most of the right-hand side. It says in which direction to go;
    the system with Y'Y, alpha and reg says how far.
    """
    return item_factors[items].sum(axis=0)


@declaration.misconception
def only_what_was_seen(item_factors, items, alpha, reg):
    """You fit the seen items only, and with nothing but ones to fit, a vector that scores everything high will do. The
    loss runs over ALL items: what was not seen has the target 0.
    """
    return _newcomer(item_factors, items, alpha, reg, blanks=0.0, extra=1 + alpha)


@declaration.misconception
def right_side_has_alpha(item_factors, items, alpha, reg):
    """Your right-hand side weighs a seen item by alpha. Its confidence is 1 + alpha; on the left, the 1 hides in Y'Y,
    on the right nothing hides it.
    """
    return _newcomer(item_factors, items, alpha, reg, right=alpha)


@declaration.misconception
def right_side_unweighted(item_factors, items, alpha, reg):
    """Your right-hand side is the plain sum of what was seen. The confidence multiplies the whole squared error: take
    the derivative again, and see where else it arrives.
    """
    return _newcomer(item_factors, items, alpha, reg, right=1.0)


@declaration.misconception
def seen_counted_twice(item_factors, items, alpha, reg):
    """On the left your seen items weigh 2 + alpha: once as one of all items in Y'Y, then 1 + alpha more. How much is
    still missing after Y'Y?
    """
    return _newcomer(item_factors, items, alpha, reg, extra=1 + alpha)


@declaration.misconception
def no_confidence(item_factors, items, alpha, reg):
    """Your result does not depend on alpha: what was seen weighs as much as what was not, and of the latter there are
    far more.
    """
    return _newcomer(item_factors, items, alpha, reg, extra=0.0, right=1.0)


@declaration.misconception
def penalty_by_the_count(item_factors, items, alpha, reg):
    """You multiply reg by the number of items seen, so whoever has seen more is held back more. Here reg is plain."""
    return _newcomer(item_factors, items, alpha, reg * max(len(items), 1))


@declaration.misconception
def penalty_everywhere(item_factors, items, alpha, reg):
    """You add reg to each entry of the k x k matrix. reg |x|² touches each factor with itself only."""
    seen = item_factors[items]
    gram = item_factors.T @ item_factors + alpha * seen.T @ seen + reg
    return np.linalg.solve(gram, (1 + alpha) * seen.sum(axis=0))


@declaration.misconception
def penalty_left_out(item_factors, items, alpha, reg):
    """Your result does not depend on reg. The model's users were held back by it; a newcomer who is not gets scores
    that are larger than theirs.
    """
    return _newcomer(item_factors, items, alpha, 0.0)


@declaration.misconception
def scores_instead_of_factors(item_factors, items, alpha, reg):
    """You go one step further and return the scores of all items. Asked for are the k factors, from which the caller
    makes scores, or neighbors, or both.
    """
    return item_factors @ _newcomer(item_factors, items, alpha, reg)


@declaration.misconception
def a_column(item_factors, items, alpha, reg):
    """The right numbers, standing in a column: (k, 1). Asked for is (k,), one person's row. A right-hand side of one
    dimension gives a solution of one.
    """
    return _newcomer(item_factors, items, alpha, reg)[:, None]
