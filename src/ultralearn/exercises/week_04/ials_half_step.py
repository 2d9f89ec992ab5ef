"""Week 4: `ials_half_step`."""

import functools
from typing import Any

import numpy as np
from scipy import sparse

from ultralearn.practice import Declaration, Probe


def ials_half_step(interactions: sparse.csr_array, item_factors: np.ndarray, alpha: float, reg: float) -> np.ndarray:
    """The best factors of all users for implicit feedback, while the
    items' stay as they are.

    interactions: (n_users, n_items); whatever is stored in a cell (stars,
    never 0) counts as 1, an empty cell as 0. item_factors: (n_items, k).
    alpha: not negative. reg: positive, the same for every user. Row u of
    the result, (n_users, k), float64, minimizes the sum over ALL items of
    c (p - x.y)² plus reg |x|², where p is 1 and c is 1 + alpha for the
    items that u interacted with, p is 0 and c is 1 for the rest. Hu,
    Koren and Volinsky (2008), equation 4.
    """
    n_users, k = interactions.shape[0], item_factors.shape[1]
    everything = item_factors.T @ item_factors + reg * np.eye(k)  # as if nobody had seen anything
    user_factors = np.empty((n_users, k))
    for user in range(n_users):
        begin, end = interactions.indptr[user], interactions.indptr[user + 1]
        seen = item_factors[interactions.indices[begin:end]]
        system = everything + alpha * seen.T @ seen
        user_factors[user] = np.linalg.solve(system, (1 + alpha) * seen.sum(axis=0))
    return user_factors


def _user_by_user(interactions, item_factors, everything, extra, right, growing_reg=0.0):
    """The half-step as a loop, for the wrong ones below. A seen item's extra weight on the left, and its weight on the
    right, are given as (constant, factor of the stars).
    """
    eye = np.eye(len(everything))
    result = np.empty((interactions.shape[0], len(everything)))
    for user in range(len(result)):
        mine = slice(*interactions.indptr[user : user + 2])
        seen, stars = item_factors[interactions.indices[mine]], interactions.data[mine]
        system = everything + (seen.T * (extra[0] + extra[1] * stars)) @ seen + growing_reg * len(seen) * eye
        result[user] = np.linalg.solve(system, (right[0] + right[1] * stars) @ seen)
    return result


def _all(item_factors, reg):
    """Y'Y + reg I, which is right in most of the wrong ones below."""
    return item_factors.T @ item_factors + reg * np.eye(item_factors.shape[1])


@functools.cache
def _table(n_users: int, n_items: int, seed: int, share: float, stars: float) -> sparse.csr_array:
    """Who saw what, with stars from `stars` to five times that; the last user saw nothing, the last item was seen by
    nobody, and so were one user and one item in the middle.
    """
    rng = np.random.default_rng(seed)
    table = stars * rng.integers(1, 6, (n_users, n_items)) * (rng.random((n_users, n_items)) < share)
    table[[-1, n_users // 2]] = 0
    table[:, [-1, n_items // 2]] = 0
    return sparse.csr_array(table)


def seen_table(n_users: int, n_items: int, seed: int, share: float = 0.4, stars: float = 1.0) -> sparse.csr_array:
    return _table(n_users, n_items, seed, share, stars).copy()


def _implicit(
    n_users: int, n_items: int, k: int, alpha: float, reg: float, seed: int, **options: float
) -> dict[str, Any]:
    return {
        "interactions": seen_table(n_users, n_items, seed, **options),
        "item_factors": np.random.default_rng(seed).normal(size=(n_items, k)),
        "alpha": alpha,
        "reg": reg,
    }


declaration = Declaration(
    ials_half_step,
    question="1.6 million cells, and each of them counts. What is the same for all users, so that you compute it once, "
    "and what is left to do for one user who has seen 50 films?",
    nudge="Write Y'CY as Y'Y + Y'(C - I)Y. The first is one k x k matrix for everybody; in the second, C - I is zero "
    "except where something was seen. On the right-hand side, p is zero except there.",
    probes=[
        Probe(
            "3 users, 3 items, 2 factors",
            lambda: {
                "interactions": sparse.csr_array(np.array([[4.0, 0.0, 2.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0]])),
                "item_factors": np.array([[1.0, 0.5], [0.0, 2.0], [-1.0, 1.0]]),
                "alpha": 3.0,
                "reg": 0.5,
            },
        ),
        Probe("6 users, 9 items", lambda: _implicit(6, 9, 3, 10.0, 2.0, seed=1)),
        Probe("more factors than anybody has seen", lambda: _implicit(5, 14, 7, 1.0, 0.3, seed=2, share=0.3)),
        Probe("all cells weigh the same", lambda: _implicit(7, 8, 2, 0.0, 1.5, seed=3)),
        Probe("half stars", lambda: _implicit(8, 12, 4, 40.0, 5.0, seed=4, stars=0.5)),
        Probe("one factor, little confidence", lambda: _implicit(4, 5, 1, 0.25, 0.01, seed=5)),
        Probe(
            "943 users, 1,682 items, 32 factors",
            lambda: _implicit(943, 1682, 32, 4.0, 30.0, seed=6, share=0.05),
            times=900,
        ),
    ],
)


@declaration.misconception
def blanks_left_out(interactions, item_factors, alpha, reg):
    """You look at the seen items only, as one does for ratings. But every one of them has the target 1: the best fit to
    nothing but ones is to predict 1 everywhere. What is not seen counts too, with the target 0 and the weight 1.
    """
    return _user_by_user(interactions, item_factors, _all(0 * item_factors, reg), (1 + alpha, 0), (1 + alpha, 0))


@declaration.misconception
def right_side_without_the_one(interactions, item_factors, alpha, reg):
    """Your right-hand side has alpha where the confidence belongs. It is what a seen item weighs more than a blank: on
    the left, the rest of its weight hides in Y'Y. Where is it on the right?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (alpha, 0))


@declaration.misconception
def seen_items_weighted_twice(interactions, item_factors, alpha, reg):
    """Your seen items weigh 2 + alpha on the left-hand side. Y'Y runs over ALL items, so each seen one is in it once
    already; what is still missing to 1 + alpha?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (1 + alpha, 0), (1 + alpha, 0))


@declaration.misconception
def confidence_only_on_the_left(interactions, item_factors, alpha, reg):
    """Your left-hand side weighs the seen items, your right-hand side does not. The weight c multiplies the whole
    squared error. Take the derivative again: on which sides does c arrive?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (1, 0))


@declaration.misconception
def stars_as_confidence(interactions, item_factors, alpha, reg):
    """Your confidence grows with what is stored: 1 + alpha r. The paper counts how often somebody watched, and does
    that. Here the cells hold stars, and one star would be little confidence that somebody saw the film. What is stored
    plays no part; that something is stored does.
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (0, alpha), (1, alpha))


@declaration.misconception
def stars_as_targets(interactions, item_factors, alpha, reg):
    """You fit the stars themselves. The target p is 1 for whatever was seen, with one star or with five: the question
    here is what people watch, not how they like it.
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (0, 1 + alpha))


@declaration.misconception
def alpha_left_out(interactions, item_factors, alpha, reg):
    """Your result does not depend on alpha: seen or not, every cell weighs the same. In MovieLens there are 16 blanks
    for each interaction, and together they win. What does alpha give the ones?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (0, 0), (1, 0))


@declaration.misconception
def everything_weighted(interactions, item_factors, alpha, reg):
    """You give the blanks the weight of the seen items: both 1 + alpha. Then alpha does no more than make reg smaller.
    Which of the two kinds of cells is the one that you are sure about?
    """
    everything = (1 + alpha) * _all(item_factors, reg / (1 + alpha))
    return _user_by_user(interactions, item_factors, everything, (0, 0), (1 + alpha, 0))


@declaration.misconception
def alpha_weighs_the_blanks(interactions, item_factors, alpha, reg):
    """In yours, alpha is the weight of all cells and a seen one weighs 1 more. Papers exist that write it so (Rendle et
    al., 2021), with an alpha well below 1. Here a blank weighs 1, and alpha is what a seen one has on top.
    """
    everything = alpha * _all(item_factors, 0.0) + reg * np.eye(item_factors.shape[1])
    return _user_by_user(interactions, item_factors, everything, (1, 0), (1 + alpha, 0))


@declaration.misconception
def reg_grows_with_the_count(interactions, item_factors, alpha, reg):
    """You multiply reg by the number of items that a user has seen. This week's model can do that, by an option of its
    own; in this function reg is the same for every user.
    """
    everything = _all(item_factors, 0.0)
    return _user_by_user(interactions, item_factors, everything, (alpha, 0), (1 + alpha, 0), growing_reg=reg)


@declaration.misconception
def reg_on_every_entry(interactions, item_factors, alpha, reg):
    """You add reg to each of the k x k entries. reg |x|² touches each factor with itself only: where in the matrix does
    it belong?
    """
    everything = item_factors.T @ item_factors + reg
    return _user_by_user(interactions, item_factors, everything, (alpha, 0), (1 + alpha, 0))


@declaration.misconception
def reg_left_out(interactions, item_factors, alpha, reg):
    """Your result does not depend on reg: nothing holds the factors back, and the fit to a few films is closer than the
    few films deserve. Where does the derivative of reg |x|² go?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, 0.0), (alpha, 0), (1 + alpha, 0))


@declaration.misconception
def stars_overwritten(interactions, item_factors, alpha, reg):
    """The right factors; but the caller's stars are gone: `interactions.data[:] = 1` writes into the matrix that you
    were given. Do you need the stored values at all? `indices` says what was seen. If you do, work on a copy.
    """
    interactions.data[:] = 1.0
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (1 + alpha, 0))


@declaration.misconception
def users_in_columns(interactions, item_factors, alpha, reg):
    """The right numbers, with the users in the columns. Asked for is a row for each user, as item_factors has one for
    each item.
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (1 + alpha, 0)).T.copy()
