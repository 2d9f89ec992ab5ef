"""Week 4: `bias_prediction`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ultralearn.practice import Declaration, Probe, Property, gradient_reaches


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


def _biases(
    n: int, n_users: int, n_items: int, global_mean: float, seed: int, spread: float = 0.4, **options: Any
) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "users": torch.randint(n_users, (n,), generator=generator),
        "items": torch.randint(n_items, (n,), generator=generator),
        "global_mean": global_mean,
        "user_bias": (torch.randn(n_users, generator=generator) * spread).to(**options).requires_grad_(),
        "item_bias": (torch.randn(n_items, generator=generator) * spread).to(**options).requires_grad_(),
    }


def _counts_as_often_as_it_occurs(
    function: Callable[..., Any], user_bias: Tensor, item_bias: Tensor, **inputs: Any
) -> str | None:
    biases = {"user_bias": user_bias, "item_bias": item_bias}
    biases = {name: bias.detach().clone().requires_grad_() for name, bias in biases.items()}
    result = function(**inputs, **biases)
    weights = torch.linspace(1, 2, len(inputs["users"]), dtype=result.dtype)
    if result.requires_grad:
        (result * weights).sum().backward()
    for name, indices in (("user_bias", inputs["users"]), ("item_bias", inputs["items"])):
        gradient = biases[name].grad
        if gradient is None:
            continue  # said already: no gradient reaches it
        if not torch.allclose(gradient, torch.zeros_like(gradient).index_add(0, indices, weights), rtol=1e-4):
            return (
                f"The predictions are right, but the gradient of `{name}` is not: each prediction should pull on its "
                "own bias by 1, as often as it occurs."
            )
    return None


declaration = Declaration(
    bias_prediction,
    question="Somebody gives half a star more than others do, and a film gets a quarter of a star less than others do. "
    "What would you bet on, before you know anything about tastes?",
    nudge="A tensor can be indexed by a tensor of integers, and then has one entry for each of them, repeated where "
    "they repeat. Do that once for the users and once for the items; everything else is addition.",
    probes=[
        Probe(
            "three pairs of 3 users and 3 items",
            lambda: {
                "users": torch.tensor([0, 2, 0]),
                "items": torch.tensor([1, 1, 2]),
                "global_mean": 3.5,
                "user_bias": torch.tensor([0.5, -0.25, 1.0]),
                "item_bias": torch.tensor([0.25, -1.0, 0.75]),
            },
        ),
        Probe("one pair", lambda: _biases(1, 2, 4, 3.0, seed=1)),
        Probe("12 pairs of 5 users and 5 items", lambda: _biases(12, 5, 5, 3.7, seed=2)),
        Probe("biases of several stars", lambda: _biases(20, 6, 9, 2.9, seed=3, spread=3.0)),
        Probe("in double precision", lambda: _biases(7, 4, 3, 3.53, seed=4, dtype=torch.float64)),
        Probe("4,096 pairs", lambda: _biases(4096, 943, 1682, 3.528, seed=5), times=100),
    ],
    properties=[
        gradient_reaches("user_bias"),
        gradient_reaches("item_bias"),
        Property("each prediction counts in the gradient", _counts_as_often_as_it_occurs),
    ],
)


@declaration.misconception
def mean_forgotten(users, items, global_mean, user_bias, item_bias):
    """Your predictions lie around 0. The biases say how far a user and an item are from the average; the average itself
    is not in them.
    """
    return user_bias[users] + item_bias[items]


@declaration.misconception
def users_and_items_exchanged(users, items, global_mean, user_bias, item_bias):
    """You look up the users' numbers among the items' biases, and the other way round. Both are rows of plain numbers,
    so nothing warns you until an index is too large. Say aloud whose bias each line picks.
    """
    return global_mean + user_bias[items] + item_bias[users]


@declaration.misconception
def biases_not_looked_up(users, items, global_mean, user_bias, item_bias):
    """`users` and `items` play no part in your result: you add the two tables of biases as they lie there, which even
    works where both are of one length. Whose bias belongs into prediction j?
    """
    return global_mean + user_bias + item_bias


@declaration.misconception
def a_table_of_all_pairs(users, items, global_mean, user_bias, item_bias):
    """You predict for each user of the batch with each item of the batch, a table of n x n. Asked for are n pairs:
    users[j] with items[j]. Which axis did you add on the way?
    """
    return global_mean + user_bias[users][:, None] + item_bias[items]


@declaration.misconception
def the_whole_matrix(users, items, global_mean, user_bias, item_bias):
    """You predict every cell of the table, all users with all items. Of those, the batch names n; training needs only
    them, and 1.6 million for each batch would take its time.
    """
    return global_mean + user_bias[:, None] + item_bias


@declaration.misconception
def gradient_cut(users, items, global_mean, user_bias, item_bias):
    """The right numbers, but they have forgotten where they came from: no gradient reaches the biases, so they would
    never learn. Something on the way left autograd: `.detach()`, `.data`, `.item()`, `torch.tensor(...)` or `no_grad`.
    """
    return (global_mean + user_bias[users] + item_bias[items]).detach()


@declaration.misconception
def clipped_to_stars(users, items, global_mean, user_bias, item_bias):
    """You clip to 1 to 5 stars. In a table of results that helps; in training it hurts, because where a prediction is
    clipped its gradient is 0, and the worst predictions are the ones that never improve.
    """
    return (global_mean + user_bias[users] + item_bias[items]).clamp(1, 5)


@declaration.misconception
def mean_counted_twice(users, items, global_mean, user_bias, item_bias):
    """Your predictions are a whole mean too high. You treat each bias as a mean of its own: both start from
    `global_mean`, and then it is in there twice.
    """
    return (global_mean + user_bias[users]) + (global_mean + item_bias[items])


@declaration.misconception
def middle_of_the_two(users, items, global_mean, user_bias, item_bias):
    """You take the middle of the two biases. But a mild user and a good film are two reasons for a higher rating: what
    happens when someone 0.5 above the average meets a film 0.5 above it?
    """
    return global_mean + (user_bias[users] + item_bias[items]) / 2


@declaration.misconception
def ids_counted_from_one(users, items, global_mean, user_bias, item_bias):
    """You take 1 off the indices, as for MovieLens' own ids, which begin at 1. These begin at 0, so everybody gets
    their neighbor's bias, and number 0 gets the last one's: torch counts -1 from the end and says nothing.
    """
    return global_mean + user_bias[users - 1] + item_bias[items - 1]


@declaration.misconception
def mean_hard_coded(users, items, global_mean, user_bias, item_bias):
    """You start from the 3.53 of this data set, whatever `global_mean` says. In another fold, it is another number."""
    return 3.53 + user_bias[users] + item_bias[items]
