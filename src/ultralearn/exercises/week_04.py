"""Week 4: collaborative filtering, from two offsets to a Gibbs sampler."""

# A misconception is written as a learner writes it, without types; and to mypy, NumPy's products are Any.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from ultralearn.practice import Probe, Week

week = Week(4)
exercise, hint = week.exercise, week.hint


# --- bias_prediction -------------------------------------------------------------------------------------------------


def bias_prediction(users: Tensor, items: Tensor, global_mean: float, user_bias: Tensor, item_bias: Tensor) -> Tensor:
    """Stars that each user would give each item, if all that mattered
    were how mild the user is and how good the item.

    users, items: (n,), int64, indices from 0: the j-th prediction is for
    users[j] and items[j], and either may occur many times. user_bias:
    (n_users,). item_bias: (n_items,). Returns (n,), mu + b_u + b_i, not
    clipped; gradients flow into both biases. Koren, Bell and Volinsky
    (2009), equation 3.
    """
    return global_mean + user_bias[users] + item_bias[items]


# --- mf_training_step ------------------------------------------------------------------------------------------------


def mf_training_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    users: Tensor,
    items: Tensor,
    ratings: Tensor,
) -> float:
    """One step of stochastic gradient descent on one batch of ratings.
    Changes the model's parameters; returns the loss before the step.

    model: `model(users, items)` gives (n,) predictions. optimizer: over
    all of the model's parameters; gradients left from earlier are thrown
    away, one step is made. users, items: (n,), int64. ratings: (n,), in
    stars. The loss is the mean squared error over the batch, nothing
    added: what is penalized is the optimizer's weight_decay. Returns a
    plain number.
    """
    loss = (model(users, items) - ratings).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


# --- ndcg_at_k -------------------------------------------------------------------------------------------------------


def ndcg_at_k(recommended: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """How much of the best possible discounted gain each person's first k
    recommendations collect, from 0 to 1.

    recommended: (n_users, at least k), item ids, best first, none twice;
    -1 where a list has ended. relevant: (n_users, n_items), bool. A
    relevant item at rank r (the first is 1) gains 1 / log2(r + 1), others
    nothing; divided by the gain of the ideal list, which has min(k,
    number relevant) relevant items on top. Returns (n_users,), NaN for
    people with nothing relevant, so that np.nanmean leaves them out.
    Järvelin and Kekäläinen (2002).
    """
    top = recommended[:, :k]
    hits = np.take_along_axis(relevant, top, axis=1) & (top >= 0)
    discounts = 1 / np.log2(np.arange(k) + 2)
    ideal = np.append(np.nan, discounts.cumsum())
    return hits @ discounts / ideal[np.minimum(relevant.sum(axis=1), k)]


# --- recall_at_k -----------------------------------------------------------------------------------------------------


def recall_at_k(recommended: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """Share of each person's relevant items that are among their first k
    recommendations, from 0 to 1.

    recommended: (n_users, at least k), item ids, best first, none twice;
    -1 where a list has ended. relevant: (n_users, n_items), bool. Divided
    by the number relevant, also where that is more than k. Returns
    (n_users,), NaN for people with nothing relevant.
    """
    top = recommended[:, :k]
    hits = np.take_along_axis(relevant, top, axis=1) & (top >= 0)
    n_relevant = relevant.sum(axis=1)
    return hits.sum(axis=1) / np.where(n_relevant > 0, n_relevant, np.nan)


# --- ials_half_step --------------------------------------------------------------------------------------------------


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
    everything = item_factors.T @ item_factors + reg * np.eye(k)
    user_factors = np.zeros((n_users, k))
    for user in range(n_users):
        begin, end = interactions.indptr[user], interactions.indptr[user + 1]
        seen = item_factors[interactions.indices[begin:end]]
        user_factors[user] = np.linalg.solve(everything + alpha * seen.T @ seen, (1 + alpha) * seen.sum(axis=0))
    return user_factors


# --- ease_weights ----------------------------------------------------------------------------------------------------


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


# --- fold_in_user ----------------------------------------------------------------------------------------------------


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


# --- gibbs_user_step -------------------------------------------------------------------------------------------------


def gibbs_user_step(
    ratings: Tensor,
    item_factors: Tensor,
    noise_precision: float,
    prior_mean: Tensor,
    prior_precision: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Draw one person's factors from what their ratings and the prior
    leave possible.

    ratings: (n,), float32, centered; n may be 0. item_factors: (n, k),
    float32: row j belongs to the item of ratings[j]. noise_precision: 1 /
    variance of a rating around u . v. prior_mean: (k,). prior_precision:
    (k, k), symmetric, the inverse of the prior's covariance. generator:
    the only source of randomness. Returns one draw, (k,), float32, from
    the normal distribution with precision A = prior_precision +
    noise_precision V'V and mean A^-1 (prior_precision prior_mean +
    noise_precision V'r). Salakhutdinov and Mnih (2008), equations 11-13.
    """
    precision = prior_precision + noise_precision * item_factors.T @ item_factors
    pull = prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings
    lower = torch.linalg.cholesky(precision)
    mean = torch.cholesky_solve(pull[:, None], lower)
    noise = torch.randn(len(pull), 1, generator=generator, dtype=pull.dtype)
    return (mean + torch.linalg.solve_triangular(lower.T, noise, upper=True))[:, 0]


# --- declarations ----------------------------------------------------------------------------------------------------


def _wrong(reference: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Five answers that are off by a factor."""

    def off_by(factor: float) -> Callable[..., Any]:
        def wrong(*args: Any, **inputs: Any) -> Any:
            return factor * reference(*args, **inputs)

        wrong.__name__, wrong.__doc__ = f"off_by_{factor}", f"Your result is {factor} times what is asked for."
        return wrong

    return [off_by(factor) for factor in (-1.0, 0.5, 2.0, 3.0, 4.0)]


def _biases(n: int, n_users: int, n_items: int, seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "users": torch.randint(n_users, (n,), generator=generator),
        "items": torch.randint(n_items, (n,), generator=generator),
        "global_mean": 3.5 - 0.1 * seed,
        "user_bias": torch.randn(n_users, generator=generator),
        "item_bias": torch.randn(n_items, generator=generator),
    }


class _Products(nn.Module):
    def __init__(self, n_users: int, n_items: int, rank: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.users = nn.Parameter(torch.randn(n_users, rank, generator=generator))
        self.items = nn.Parameter(torch.randn(n_items, rank, generator=generator))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.users[users] * self.items[items]).sum(1)


def _stepping(n: int, n_users: int, n_items: int, seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    model = _Products(n_users, n_items, 3, seed)
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "users": torch.randint(n_users, (n,), generator=generator),
        "items": torch.randint(n_items, (n,), generator=generator),
        "ratings": torch.randn(n, generator=generator) + 3.5,
    }


def _lists(n_users: int, n_items: int, length: int, k: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "recommended": np.argsort(rng.random((n_users, n_items)), axis=1)[:, :length],
        "relevant": rng.random((n_users, n_items)) < 0.3,
        "k": k,
    }


def _interactions(n_users: int, n_items: int, seed: int) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    return sparse.csr_array(rng.integers(1, 6, (n_users, n_items)) * (rng.random((n_users, n_items)) < 0.3) * 1.0)


def _implicit(n_users: int, n_items: int, k: int, seed: int) -> dict[str, Any]:
    factors = np.random.default_rng(seed).normal(size=(n_items, k))
    interactions = _interactions(n_users, n_items, seed)
    return {"interactions": interactions, "item_factors": factors, "alpha": 2.0 + seed, "reg": 0.5 * seed}


def _newcomer(n_items: int, n: int, k: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "item_factors": rng.normal(size=(n_items, k)),
        "items": rng.permutation(n_items)[:n],
        "alpha": 2.0 + seed,
        "reg": 0.5 * seed,
    }


def _opinions(n: int, k: int, seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "ratings": torch.randn(n, generator=generator),
        "item_factors": torch.randn(n, k, generator=generator),
        "noise_precision": 0.5 * seed,
        "prior_mean": torch.randn(k, generator=generator),
        "prior_precision": seed * torch.eye(k),
        "generator": generator,
    }


for _reference, _probes, _observe in (
    (bias_prediction, [lambda: _biases(5, 3, 4, 1), lambda: _biases(80_000, 943, 1682, 2)], None),
    (
        mf_training_step,
        [lambda: _stepping(5, 3, 4, 1), lambda: _stepping(4096, 943, 1682, 2)],
        lambda function, **inputs: {"loss": function(**inputs), **dict(inputs["model"].named_parameters())},
    ),
    (ndcg_at_k, [lambda: _lists(4, 6, 5, 3, 1), lambda: _lists(943, 1682, 20, 10, 2)], None),
    (recall_at_k, [lambda: _lists(4, 6, 5, 3, 1), lambda: _lists(943, 1682, 20, 10, 2)], None),
    (ials_half_step, [lambda: _implicit(4, 6, 2, 1), lambda: _implicit(943, 1682, 16, 2)], None),
    (
        ease_weights,
        [
            lambda: {"interactions": _interactions(6, 4, 1), "reg": 1.0},
            lambda: {"interactions": _interactions(943, 1682, 2), "reg": 2.0},
        ],
        None,
    ),
    (fold_in_user, [lambda: _newcomer(6, 3, 2, 1), lambda: _newcomer(1682, 80, 32, 2)], None),
    (
        gibbs_user_step,
        [lambda: _opinions(4, 2, 1), lambda: _opinions(700, 16, 2)],
        lambda function, **inputs: str(function(**inputs).shape),
    ),
):
    week.declare(
        _reference,
        question="What does the formula in the docstring say?",
        nudge="Write it down, one line a term.",
        probes=[Probe("a small one", _probes[0]), Probe("of the week's size", _probes[1], seconds=3.0)],
        misconceptions=_wrong(_reference),
        mutates=_reference is mf_training_step,
        **({"observe": _observe} if _observe else {}),
    )
