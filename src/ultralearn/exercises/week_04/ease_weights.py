"""Week 4: `ease_weights`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from ultralearn.exercises.week_04.ials_half_step import seen_table
from ultralearn.practice import Declaration, Probe, Property


def ease_weights(interactions: sparse.csr_array, reg: float) -> np.ndarray:
    """How much having seen one item speaks for another: the best linear
    map from what people have seen to itself that may not look at the item
    it predicts.

    interactions: (n_users, n_items); whatever is stored in a cell (stars,
    never 0) counts as 1. reg: positive. Returns B, (n_items, n_items),
    dense, float64, which minimizes |X - XB|² + reg |B|² with a diagonal
    of zeros: column j predicts item j, the scores of all people are X @
    B. With P = (X'X + reg I)^-1, B_ij = -P_ij / P_jj. Steck (2019),
    equation 8.
    """
    seen = interactions.astype(bool).astype(np.float64)
    gram = (seen.T @ seen).toarray()
    inverse = np.linalg.inv(gram + reg * np.eye(len(gram)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def _inverse(gram, reg):
    return np.linalg.inv(gram + reg * np.eye(len(gram)))


def _co_occurrence(interactions):
    """X'X with ones for whatever is stored: what most of the wrong ones below get right."""
    seen = (interactions != 0).astype(np.float64)
    return (seen.T @ seen).toarray()


def _without_diagonal(weights):
    return weights - np.diag(np.diag(weights))


def _no_item_speaks_for_itself(function: Callable[..., Any], interactions: sparse.csr_array, reg: float) -> str | None:
    weights = function(interactions, reg)
    if type(weights) is not np.ndarray:
        return (
            f"Your weights are a {type(weights).__name__}; a plain array is asked for, whose `*` goes entry by entry."
        )
    off = np.abs(np.diag(weights)).max()
    return None if off == 0 else f"The diagonal has to be zero exactly; yours holds numbers up to {off:.3g}."


declaration = Declaration(
    ease_weights,
    question="The best way to predict whether you saw a film is to look whether you saw it. What has to be forbidden "
    "so that the other films have to explain it, and what does each of them say then?",
    nudge="Four steps: ones for whatever is stored; how many people saw each pair; add reg where the penalty belongs "
    "and invert; then the formula of the docstring, with care for which of i and j is the column.",
    probes=[
        Probe(
            "4 people, 3 items",
            lambda: {
                "interactions": sparse.csr_array(np.array([[5.0, 3.0, 0], [4.0, 0, 0], [2.0, 4.0, 1.0], [0, 0, 3.0]])),
                "reg": 1.0,
            },
        ),
        Probe("10 people, 7 items", lambda: {"interactions": seen_table(10, 7, seed=1), "reg": 0.5}),
        Probe("fewer people than items", lambda: {"interactions": seen_table(5, 12, seed=2, share=0.6), "reg": 3.0}),
        Probe("half stars", lambda: {"interactions": seen_table(20, 6, seed=3, stars=0.5), "reg": 10.0}),
        Probe("400 people, 5 items", lambda: {"interactions": seen_table(400, 5, seed=4, share=0.8), "reg": 0.1}),
        Probe(
            "943 people, 1,682 items",
            lambda: {"interactions": seen_table(943, 1682, seed=5, share=0.06), "reg": 300.0},
            times=30,
        ),
    ],
    properties=[Property("no item speaks for itself", _no_item_speaks_for_itself)],
)


@declaration.misconception
def divided_along_the_rows(interactions, reg):
    """You divide row i by P_ii: your B is the transpose of the right one. In X @ B it is column j that predicts item j,
    so column j is divided by P_jj. Which axis does NumPy divide along when it meets a vector?
    """
    inverse = _inverse(_co_occurrence(interactions), reg)
    return _without_diagonal(-inverse / np.diag(inverse)[:, None])


@declaration.misconception
def diagonal_kept(interactions, reg):
    """Everything is right except the diagonal, where -P_jj / P_jj is -1: each film speaks against itself. The formula
    holds off the diagonal; on it, the constraint says what stands there.
    """
    inverse = _inverse(_co_occurrence(interactions), reg)
    return -inverse / np.diag(inverse)


@declaration.misconception
def sign_forgotten(interactions, reg):
    """Your signs are the wrong way round: films that are seen together speak against each other. In an inverse, what
    belongs together has negative entries. Where is the minus?
    """
    inverse = _inverse(_co_occurrence(interactions), reg)
    return _without_diagonal(inverse / np.diag(inverse))


@declaration.misconception
def diagonal_zeroed_at_the_end(interactions, reg):
    """You solve plain ridge regression, P X'X, and put zeros on its diagonal afterwards. By then each column has relied
    on the film that it predicts, and the rest has learned little. The constraint belongs into the minimization: each
    column needs a correction, which the formula has worked out.
    """
    gram = _co_occurrence(interactions)
    return _without_diagonal(_inverse(gram, reg) @ gram)


@declaration.misconception
def gram_without_reg(interactions, reg):
    """Your result does not depend on reg. X'X alone has no inverse where a film was seen by nobody, or there are more
    films than people; and where it has one, it believes every coincidence.
    """
    inverse = np.linalg.inv(_co_occurrence(interactions))
    return _without_diagonal(-inverse / np.diag(inverse))


@declaration.misconception
def reg_in_every_cell(interactions, reg):
    """You add reg to every cell of X'X, as if each pair of films had been seen together reg times more. |B|² is a sum
    of squares: its part of the equations is a multiple of the identity.
    """
    inverse = np.linalg.inv(_co_occurrence(interactions) + reg)
    return _without_diagonal(-inverse / np.diag(inverse))


@declaration.misconception
def stars_multiplied(interactions, reg):
    """You multiply stars. A pair of films then counts 25 times as much for someone who gave both five stars as for
    someone who gave both one. Here whatever is stored counts as 1: what do you do before the product?
    """
    table = interactions.toarray()
    inverse = _inverse(table.T @ table, reg)
    return _without_diagonal(-inverse / np.diag(inverse))


@declaration.misconception
def people_instead_of_items(interactions, reg):
    """You compare people with people: X X' has a row for each user. That would be a model too, but asked for is how
    items speak for items. Which axis of X should the product sum over?
    """
    seen = (interactions.toarray() != 0) * 1.0
    inverse = _inverse(seen @ seen.T, reg)
    return _without_diagonal(-inverse / np.diag(inverse))


@declaration.misconception
def counts_of_truth_values(interactions, reg):
    """Your X'X holds no number above 1: a product of truth values is a truth value again, and "seen together by 200
    people" has become "seen together". Turn True into 1.0 before you multiply.
    """
    inverse = _inverse((_co_occurrence(interactions) > 0) * 1.0, reg)
    return _without_diagonal(-inverse / np.diag(inverse))


@declaration.misconception
def divided_by_both_roots(interactions, reg):
    """You divide by the roots of both diagonals, which makes B symmetric: that is the partial correlation, a nice thing
    to look at. To predict item j, only P_jj belongs below the line.
    """
    inverse = _inverse(_co_occurrence(interactions), reg)
    root = np.sqrt(np.diag(inverse))
    return _without_diagonal(-inverse / root / root[:, None])


@declaration.misconception
def not_inverted(interactions, reg):
    """You put X'X + reg I itself where P belongs. It counts who saw both, and popular films are seen with everything;
    its inverse knows what is left of that once all the other films have had their say.
    """
    gram = _co_occurrence(interactions) + reg * np.eye(interactions.shape[1])
    return _without_diagonal(-gram / np.diag(gram))


@declaration.misconception
def not_divided(interactions, reg):
    """You stop at -P. Each column j still has to be brought to its own scale; without that, a film that many have seen
    gets weights far too small.
    """
    return _without_diagonal(-_inverse(_co_occurrence(interactions), reg))


@declaration.misconception
def ones_written_into_the_input(interactions, reg):
    """The right weights; but the caller's stars are gone: `interactions.data[:] = 1` writes into the matrix that you
    were given. Make the ones on a copy, or by comparison with 0.
    """
    interactions.data[:] = 1.0
    inverse = _inverse(_co_occurrence(interactions), reg)
    return _without_diagonal(-inverse / np.diag(inverse))
