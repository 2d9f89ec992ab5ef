"""Week 4: collaborative filtering, from two offsets to a Gibbs sampler."""

# A misconception is written as a learner writes it, without types; and to mypy, NumPy's products are Any.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, no-any-return"

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from ultralearn.practice import Probe, Property, Tolerance, Week, gradient_reaches
from ultralearn.practice.comparison import kind

week = Week(4)
exercise, hint = week.exercise, week.hint


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: on small tensors and a busy machine, a second makes it twenty times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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


def mean_forgotten(users, items, global_mean, user_bias, item_bias):
    """Your predictions lie around 0. The biases say how far a user and an item are from the average; the average itself
    is not in them.
    """
    return user_bias[users] + item_bias[items]


def users_and_items_exchanged(users, items, global_mean, user_bias, item_bias):
    """You look up the users' numbers among the items' biases, and the other way round. Both are rows of plain numbers,
    so nothing warns you until an index is too large. Say aloud whose bias each line picks.
    """
    return global_mean + user_bias[items] + item_bias[users]


def biases_not_looked_up(users, items, global_mean, user_bias, item_bias):
    """`users` and `items` play no part in your result: you add the two tables of biases as they lie there, which even
    works where both are of one length. Whose bias belongs into prediction j?
    """
    return global_mean + user_bias + item_bias


def a_table_of_all_pairs(users, items, global_mean, user_bias, item_bias):
    """You predict for each user of the batch with each item of the batch, a table of n x n. Asked for are n pairs:
    users[j] with items[j]. Which axis did you add on the way?
    """
    return global_mean + user_bias[users][:, None] + item_bias[items]


def the_whole_matrix(users, items, global_mean, user_bias, item_bias):
    """You predict every cell of the table, all users with all items. Of those, the batch names n; training needs only
    them, and 1.6 million for each batch would take its time.
    """
    return global_mean + user_bias[:, None] + item_bias


def gradient_cut(users, items, global_mean, user_bias, item_bias):
    """The right numbers, but they have forgotten where they came from: no gradient reaches the biases, so they would
    never learn. Something on the way left autograd: `.detach()`, `.data`, `.item()`, `torch.tensor(...)` or `no_grad`.
    """
    return (global_mean + user_bias[users] + item_bias[items]).detach()


def clipped_to_stars(users, items, global_mean, user_bias, item_bias):
    """You clip to 1 to 5 stars. In a table of results that helps; in training it hurts, because where a prediction is
    clipped its gradient is 0, and the worst predictions are the ones that never improve.
    """
    return (global_mean + user_bias[users] + item_bias[items]).clamp(1, 5)


def mean_counted_twice(users, items, global_mean, user_bias, item_bias):
    """Your predictions are a whole mean too high. You treat each bias as a mean of its own: both start from
    `global_mean`, and then it is in there twice.
    """
    return (global_mean + user_bias[users]) + (global_mean + item_bias[items])


def middle_of_the_two(users, items, global_mean, user_bias, item_bias):
    """You take the middle of the two biases. But a mild user and a good film are two reasons for a higher rating: what
    happens when someone 0.5 above the average meets a film 0.5 above it?
    """
    return global_mean + (user_bias[users] + item_bias[items]) / 2


def ids_counted_from_one(users, items, global_mean, user_bias, item_bias):
    """You take 1 off the indices, as for MovieLens' own ids, which begin at 1. These begin at 0, so everybody gets
    their neighbor's bias, and number 0 gets the last one's: torch counts -1 from the end and says nothing.
    """
    return global_mean + user_bias[users - 1] + item_bias[items - 1]


def mean_hard_coded(users, items, global_mean, user_bias, item_bias):
    """You start from the 3.53 of this data set, whatever `global_mean` says. In another fold, it is another number."""
    return 3.53 + user_bias[users] + item_bias[items]


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


week.declare(
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
        Probe("4,096 pairs", lambda: _biases(4096, 943, 1682, 3.528, seed=5), seconds=1.0),
    ],
    properties=[
        gradient_reaches("user_bias"),
        gradient_reaches("item_bias"),
        Property("each prediction counts in the gradient", _counts_as_often_as_it_occurs),
    ],
    misconceptions=[
        mean_forgotten,
        users_and_items_exchanged,
        biases_not_looked_up,
        a_table_of_all_pairs,
        the_whole_matrix,
        gradient_cut,
        clipped_to_stars,
        mean_counted_twice,
        middle_of_the_two,
        ids_counted_from_one,
        mean_hard_coded,
    ],
)


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


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _squared_error(model, users, items, ratings):
    return (model(users, items) - ratings).square().mean()


def stale_gradients(model, optimizer, users, items, ratings):
    """The loss is right, the step is not: the gradients of earlier batches are still in it. PyTorch adds to what is
    there until you clear it.
    """
    loss = _squared_error(model, users, items, ratings)
    loss.backward()
    optimizer.step()
    return loss.item()


def cleared_for_the_next(model, optimizer, users, items, ratings):
    """You clear the gradients after the step, for the next one. In a loop of your own that works; but this function
    does not know who came before, and what they left behind is in your step. When do you have to clear, at the latest?
    """
    loss = _squared_error(model, users, items, ratings)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def cleared_before_the_step(model, optimizer, users, items, ratings):
    """Your step finds no gradients: they are cleared between `backward()` and `step()`, or not computed yet. The
    parameters stay where they were. Put the calls in the order in which they need each other.
    """
    loss = _squared_error(model, users, items, ratings)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def stepped_before_backward(model, optimizer, users, items, ratings):
    """You step before the gradients of this batch are there, so each step follows the batch before it. What does
    `backward()` leave behind, and who reads it?
    """
    loss = _squared_error(model, users, items, ratings)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


def never_steps(model, optimizer, users, items, ratings):
    """The loss is right and its gradients are there, but the parameters are what they were. Who moves them?"""
    loss = _squared_error(model, users, items, ratings)
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


def summed_over_the_batch(model, optimizer, users, items, ratings):
    """You sum over the batch where the mean is asked for: your steps grow with the batch size. Adam hides it, because
    it divides the scale away; plain gradient descent does not.
    """
    return _descend(optimizer, (model(users, items) - ratings).square().sum())


def halved(model, optimizer, users, items, ratings):
    """Your loss is half of what is asked for. In the formulas of week 3 the half made derivatives shorter; the mean
    squared error has none, and your step is half as long with plain gradient descent.
    """
    return _descend(optimizer, _squared_error(model, users, items, ratings) / 2)


def rooted(model, optimizer, users, items, ratings):
    """You take the root: that is the RMSE, what one reports. The mean squared error is what one minimizes here. Both
    have their minimum in one place, but not the same gradient on the way.
    """
    return _descend(optimizer, _squared_error(model, users, items, ratings).sqrt())


def absolute_errors(model, optimizer, users, items, ratings):
    """You take the mean of the absolute errors. Its gradient has the same size for an error of 0.1 and one of 4 stars;
    that of a squared error does not. Which is asked for?
    """
    return _descend(optimizer, (model(users, items) - ratings).abs().mean())


def silently_broadcast(model, optimizer, users, items, ratings):
    """One of your tensors has the shape (n, 1) and the other (n,): PyTorch subtracts each rating from each prediction,
    n x n of them, without a word, and the model learns to predict the mean. Print the shape of the difference.
    """
    return _descend(optimizer, (model(users, items)[:, None] - ratings).square().mean())


def predictions_clipped(model, optimizer, users, items, ratings):
    """You clip the predictions to 1 to 5 stars before you compare. Where a prediction is clipped its gradient is 0, so
    exactly those that are furthest off are never repaired. Clip when you predict, not when you train.
    """
    return _descend(optimizer, (model(users, items).clamp(1, 5) - ratings).square().mean())


def gradients_clipped(model, optimizer, users, items, ratings):
    """The loss is right, but large steps come out shorter than they should: you clip the norm of the gradients. Some
    models need that; this step is to follow the gradient as it is.
    """
    loss = _squared_error(model, users, items, ratings)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def loss_of_the_model_after(model, optimizer, users, items, ratings):
    """The step is right, but the loss you return is that of the model after it, at the price of another forward pass.
    The loss whose gradient you took is there already.
    """
    _descend(optimizer, _squared_error(model, users, items, ratings))
    return _squared_error(model, users, items, ratings).item()


def loss_stays_a_tensor(model, optimizer, users, items, ratings):
    """The step is right. Return the loss as a plain number: a tensor keeps its whole graph in memory, and a list of a
    thousand losses keeps a thousand graphs.
    """
    loss = _squared_error(model, users, items, ratings)
    _descend(optimizer, loss)
    return loss


def in_evaluation_mode(model, optimizer, users, items, ratings):
    """You switch the model to evaluation mode. Layers like dropout are off then, and off they stay: it is the mode for
    predictions. In which mode does one train?
    """
    model.eval()
    return _descend(optimizer, _squared_error(model, users, items, ratings))


def two_steps(model, optimizer, users, items, ratings):
    """You make two steps where one is asked for. Who calls this function in a loop does not expect a loop in it."""
    loss = _descend(optimizer, _squared_error(model, users, items, ratings))
    _descend(optimizer, _squared_error(model, users, items, ratings))
    return loss


class _Factors(nn.Module):
    """A small factorization, its parameters drawn from a seed, its gradients not clean, its predictions smaller in
    evaluation mode.
    """

    def __init__(self, n_users: int, n_items: int, rank: int, seed: int, scale: float = 1.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.user_factors = nn.Parameter(torch.randn(n_users, rank, generator=generator) * scale)
        self.item_factors = nn.Parameter(torch.randn(n_items, rank, generator=generator) * scale)
        self.mean = nn.Parameter(torch.randn((), generator=generator) + 3)
        for parameter in self.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        interaction = (self.user_factors[users] * self.item_factors[items]).sum(dim=1)
        return self.mean + interaction if self.training else self.mean + 0.5 * interaction


def _stepping(
    n: int, n_users: int, n_items: int, rank: int, seed: int, optimizer: Any = torch.optim.SGD, **options: Any
) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    model = _Factors(n_users, n_items, rank, seed, scale=options.pop("scale", 1.0))
    return {
        "model": model,
        "optimizer": optimizer(model.parameters(), **options),
        "users": torch.randint(n_users, (n,), generator=generator),
        "items": torch.randint(n_items, (n,), generator=generator),
        "ratings": torch.randint(1, 6, (n,), generator=generator).float(),
    }


@_one_thread()
def _after_two_steps(
    function: Callable[..., Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    **batch: Tensor,
) -> dict[str, Any]:
    """The losses of two calls, the parameters after each, and whether everything else is as it was."""
    before = {name: tensor.clone() for name, tensor in batch.items()}
    steps: list[int] = []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    seen: dict[str, Any] = {}
    random_states = []
    for call, which in enumerate(("the", "a second"), start=1):
        torch.manual_seed(call)
        seen[f"the loss of {which} step"] = function(model=model, optimizer=optimizer, **batch)
        seen[f"calls of optimizer.step() after {which} step"] = len(steps)
        for name, parameter in model.named_parameters():
            seen[f"the parameters after {which} step ({name})"] = parameter.detach().clone()
        random_states.append(torch.get_rng_state())
    return seen | {
        "the model is in training mode": model.training,
        "the batch is as it was": all(torch.equal(before[name], batch[name]) for name in batch),
        "the global random numbers were seeded": torch.equal(*random_states),
    }


week.declare(
    mf_training_step,
    question="Three objects share the work: the loss knows which way is down, the parameters keep that in `.grad`, the "
    "optimizer moves them. Which call fills `.grad`, which reads it, and what is in it when you arrive?",
    nudge="Five lines: predictions and their mean squared error; clear; backpropagate; step; the loss as a number. Two "
    "of these may change places, the others may not.",
    probes=[
        Probe("six ratings, plain gradient descent", lambda: _stepping(6, 3, 4, 2, seed=1, lr=0.1)),
        Probe(
            "momentum and weight decay",
            lambda: _stepping(20, 5, 5, 3, seed=2, lr=0.05, momentum=0.9, weight_decay=0.3),
        ),
        Probe("Adam", lambda: _stepping(30, 6, 8, 4, seed=3, optimizer=torch.optim.Adam, lr=0.02)),
        Probe("predictions far beyond 5 stars", lambda: _stepping(25, 6, 7, 3, seed=4, lr=0.0005, scale=5.0)),
        Probe("close predictions, small steps", lambda: _stepping(8, 4, 3, 1, seed=5, lr=0.01, scale=0.01)),
        Probe(
            "2,048 ratings",
            lambda: _stepping(2048, 943, 1682, 32, seed=6, optimizer=torch.optim.Adam, lr=0.01, scale=0.1),
            seconds=1.0,
        ),
    ],
    observe=_after_two_steps,
    tolerance=Tolerance(rtol=1e-4, atol=2e-5),
    mutates=True,
    misconceptions=[
        stale_gradients,
        cleared_for_the_next,
        cleared_before_the_step,
        stepped_before_backward,
        never_steps,
        summed_over_the_batch,
        halved,
        rooted,
        absolute_errors,
        silently_broadcast,
        predictions_clipped,
        gradients_clipped,
        loss_of_the_model_after,
        loss_stays_a_tensor,
        in_evaluation_mode,
        two_steps,
    ],
)


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
    ideal = np.append(np.nan, discounts.cumsum())  # by the number of hits
    return hits @ discounts / ideal[relevant.sum(axis=1).clip(max=k)]


def _hits(recommended, relevant, k):
    """Which of the first k are relevant, (n_users, k): what most of the wrong ones below get right."""
    top = recommended[:, :k]
    return np.take_along_axis(relevant, top, axis=1) & (top >= 0)


def _gain(hits, discount):
    """What hits are worth, with `discount` as a function of the rank: what the wrong ones below vary."""
    with np.errstate(divide="ignore"):
        return np.where(hits, 1 / discount(np.arange(1.0, hits.shape[1] + 1)), 0).sum(axis=1)


def _ideal_hits(relevant, width, most):
    return np.arange(width) < np.minimum(relevant.sum(axis=1), most)[:, None]


def _log2_of_next(rank):
    return np.log2(rank + 1)


def _ratio(gain, ideal):
    with np.errstate(invalid="ignore", divide="ignore"):
        return gain / ideal


def ideal_of_a_full_list(recommended, relevant, k):
    """You compare with k hits, whoever the person is. With two relevant films nobody can place ten: the best list there
    is would not get 1 in yours. How many hits has the ideal list of somebody with two?
    """
    ndcg = _gain(_hits(recommended, relevant, k), _log2_of_next) / (1 / np.log2(np.arange(k) + 2)).sum()
    return np.where(relevant.any(axis=1), ndcg, np.nan)


def full_list_for_everybody(recommended, relevant, k):
    """Your best gain is the same for everybody, that of k hits. Two things follow: with two relevant films even the
    best list stays below 1, and with none the result is 0 where there is no answer. What does the best list of one
    person look like?
    """
    return _gain(_hits(recommended, relevant, k), _log2_of_next) / (1 / np.log2(np.arange(k) + 2)).sum()


def ideal_of_what_was_found(recommended, relevant, k):
    """Your ideal list is the list itself with its hits moved to the top. Then a list with one hit of ten, on rank 1, is
    perfect. The ideal list may hold relevant items that were not recommended at all.
    """
    hits = _hits(recommended, relevant, k)
    return _ratio(_gain(hits, _log2_of_next), _gain(np.sort(hits)[:, ::-1], _log2_of_next))


def best_order_of_the_hits(recommended, relevant, k):
    """You compare the list with its own hits in the best order, and say 0 where there are none. So one hit of ten, on
    rank 1, is perfect, and nobody relevant looks like nothing found. The ideal list may hold relevant items that were
    not recommended at all.
    """
    return np.nan_to_num(ideal_of_what_was_found(recommended, relevant, k))


def ideal_longer_than_k(recommended, relevant, k):
    """Your ideal list holds all that is relevant, however much that is. It competes with a list of k: for somebody with
    80 relevant films, ten hits out of ten are not perfect in yours. Where does the ideal list end?
    """
    n_items = relevant.shape[1]
    ideal = _gain(_ideal_hits(relevant, n_items, n_items), _log2_of_next)
    return _ratio(_gain(_hits(recommended, relevant, k), _log2_of_next), ideal)


def discounted_one_rank_too_far(recommended, relevant, k):
    """Your discount is one rank ahead: the first item should be divided by log2(2), which is 1, and yours by log2(3).
    Did you count from 1 and then add one more for a count from 0?
    """
    ideal = _gain(_ideal_hits(relevant, k, k), lambda rank: np.log2(rank + 2))
    return _ratio(_gain(_hits(recommended, relevant, k), lambda rank: np.log2(rank + 2)), ideal)


def logarithm_of_the_rank(recommended, relevant, k):
    """You divide by log2(rank). For the first rank that is log2(1), which is 0, and the best place in the list is worth
    infinitely much. Write down the first three discounts.
    """
    hits, ideal = _hits(recommended, relevant, k), _ideal_hits(relevant, k, k)
    return _ratio(_gain(hits, np.log2), _gain(ideal, np.log2))


def undiscounted_second_rank(recommended, relevant, k):
    """Your ranks 1 and 2 are worth the same: you divide by log2(rank) and spare the first. The paper did so at first;
    what is asked for, and what everybody computes today, divides by log2(rank + 1) and needs no exception.
    """
    hits, ideal = _hits(recommended, relevant, k), _ideal_hits(relevant, k, k)
    return _ratio(*(_gain(those, lambda rank: np.log2(np.maximum(rank, 2))) for those in (hits, ideal)))


def discounted_by_the_rank(recommended, relevant, k):
    """You divide by the rank itself. Rank 10 is then worth a tenth of rank 1; with log2(rank + 1) it is still worth
    more than a quarter. Which of the two does the D in nDCG stand for?
    """
    hits, ideal = _hits(recommended, relevant, k), _ideal_hits(relevant, k, k)
    return _ratio(*(_gain(those, lambda rank: rank) for those in (hits, ideal)))


def not_discounted(recommended, relevant, k):
    """In yours a hit is worth the same on every rank: swap the first and the last of a list and nothing changes. What
    should a hit at rank r be worth?
    """
    return _ratio(_hits(recommended, relevant, k).sum(axis=1), np.minimum(relevant.sum(axis=1), k))


def not_normalized(recommended, relevant, k):
    """Your result is the DCG. Its largest value is another for each person, above 1 for most, so a mean over people
    says little. What is the best that could have been had?
    """
    return np.where(relevant.any(axis=1), _gain(_hits(recommended, relevant, k), _log2_of_next), np.nan)


def gain_only(recommended, relevant, k):
    """You return the gain as it is, the DCG. What is a good one? For somebody with one relevant film, 1 is perfect; for
    somebody with ten, poor; for somebody with none there is no answer, and yours is 0. Divide by the best there is.
    """
    return _gain(_hits(recommended, relevant, k), _log2_of_next)


def nothing_relevant_is_zero(recommended, relevant, k):
    """People with nothing relevant get 0 in yours, and pull the mean down, though no list could have done better for
    them. Leave them out: NaN says "no answer", and np.nanmean skips it.
    """
    ideal = _gain(_ideal_hits(relevant, k, k), _log2_of_next)
    return np.nan_to_num(_ratio(_gain(_hits(recommended, relevant, k), _log2_of_next), ideal))


def minus_one_is_the_last_item(recommended, relevant, k):
    """Where a list has ended, you look up item -1, and NumPy is glad to count from the end: for people who like the
    last film of the catalogue, each empty place is a hit.
    """
    hits = np.take_along_axis(relevant, recommended[:, :k], axis=1)
    return _ratio(_gain(hits, _log2_of_next), _gain(_ideal_hits(relevant, k, k), _log2_of_next))


def hits_after_k_counted(recommended, relevant, k):
    """You count hits beyond the k-th place. A list may be longer than k; what counts is what fits on the screen. Where
    do you cut it?
    """
    hits = _hits(recommended, relevant, recommended.shape[1])
    return _ratio(_gain(hits, _log2_of_next), _gain(_ideal_hits(relevant, k, k), _log2_of_next))


def people_left_out(recommended, relevant, k):
    """Your result is shorter than the list of people: those with nothing relevant are gone, and nobody can tell whose
    number is whose. Keep their place and put NaN there.
    """
    ideal = _gain(_ideal_hits(relevant, k, k), _log2_of_next)
    return _ratio(_gain(_hits(recommended, relevant, k), _log2_of_next), ideal)[relevant.any(axis=1)]


def mean_of_all_people(recommended, relevant, k):
    """You return the mean over all people. Asked for is one number for each: the mean is the caller's, who may want to
    see for whom the list is bad first.
    """
    ideal = _gain(_ideal_hits(relevant, k, k), _log2_of_next)
    return np.nanmean(_ratio(_gain(_hits(recommended, relevant, k), _log2_of_next), ideal))


def _lists(n_users: int, n_items: int, length: int, k: int, seed: int, share: float = 0.4) -> dict[str, Any]:
    """Lists of which some end early; the first person has nothing relevant, the last list is empty, and to most who
    see an end the last item is relevant.
    """
    rng = np.random.default_rng(seed)
    recommended = np.argsort(rng.random((n_users, n_items)), axis=1)[:, :length]
    ends = np.where(rng.random(n_users) < 0.5, rng.integers(0, length, n_users), length)
    ends[-1] = 0
    recommended[np.arange(length) >= ends[:, None]] = -1
    relevant = rng.random((n_users, n_items)) < share
    relevant[ends < length, -1] = True
    relevant[0] = False
    return {"recommended": recommended, "relevant": relevant, "k": k}


def _three_lists() -> dict[str, Any]:
    """Lists of 3 of which 2 count: a hit at rank 2 and one beyond; one hit, then the end; nothing relevant."""
    return {
        "recommended": np.array([[2, 0, 1], [1, -1, -1], [3, 0, 2]]),
        "relevant": np.array([[True, True, False, False], [True, True, False, True], [False] * 4]),
        "k": 2,
    }


def _few_and_many_relevant() -> dict[str, Any]:
    """From one relevant item to all nine, where five count."""
    rng = np.random.default_rng(7)
    return {
        "recommended": np.argsort(rng.random((9, 9)), axis=1),
        "relevant": np.tri(9, dtype=bool),
        "k": 5,
    }


METRIC_PROBES = [
    Probe("3 people, 4 items, the first 2", _three_lists),
    Probe("6 people, 9 items, lists of 5, the first 3", lambda: _lists(6, 9, 5, 3, seed=1)),
    Probe("8 people, the first one", lambda: _lists(8, 5, 4, 1, seed=2)),
    Probe("9 people with 1 to 9 relevant items", _few_and_many_relevant),
    Probe("12 people, lists of 12, all of them", lambda: _lists(12, 30, 12, 12, seed=3, share=0.5)),
    Probe("943 people, lists of 20, the first 10", lambda: _lists(943, 1682, 20, 10, seed=4, share=0.03), seconds=2.0),
]


week.declare(
    ndcg_at_k,
    question="Two lists of ten hold the same three good films, one list on ranks 1 to 3, the other on ranks 8 to 10. "
    "Which would you rather be shown? And what is the best that somebody with three good films can be shown at all?",
    nudge="First a table of hits, (n_users, k): is what stands at this place relevant, and is it an item at all? Then "
    "k discounts. The ideal gain needs no list, only the number of hits that it would have: a running sum of the "
    "discounts holds the answer for every number.",
    probes=METRIC_PROBES,
    misconceptions=[
        ideal_of_a_full_list,
        full_list_for_everybody,
        ideal_of_what_was_found,
        best_order_of_the_hits,
        ideal_longer_than_k,
        discounted_one_rank_too_far,
        logarithm_of_the_rank,
        undiscounted_second_rank,
        discounted_by_the_rank,
        not_discounted,
        not_normalized,
        gain_only,
        nothing_relevant_is_zero,
        minus_one_is_the_last_item,
        hits_after_k_counted,
        people_left_out,
        mean_of_all_people,
    ],
)


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


def _found(recommended, relevant, k):
    return _hits(recommended, relevant, k).sum(axis=1)


def share_of_the_list(recommended, relevant, k):
    """You divide by k: that is the precision, the share of the list that is relevant. Recall asks the other way round:
    of all that this person would have liked, how much did they get to see?
    """
    return np.where(relevant.any(axis=1), _found(recommended, relevant, k) / k, np.nan)


def precision_of_everybody(recommended, relevant, k):
    """You divide by k, and people with nothing relevant get 0: that is the precision. Recall asks the other way round:
    of all that this person would have liked, how much did they get to see? Of nothing, there is no share.
    """
    return _found(recommended, relevant, k) / k


def share_of_what_was_shown(recommended, relevant, k):
    """You divide by the number of items in the list. A list with one item, which is relevant, gets full marks, though
    ten more were missed. Whose number belongs below the line?
    """
    shown = (recommended[:, :k] >= 0).sum(axis=1)
    return np.where(relevant.any(axis=1), _ratio(_found(recommended, relevant, k), shown), np.nan)


def share_of_what_fits(recommended, relevant, k):
    """You divide by k where more than k items are relevant. Some libraries do, so that a full list can reach 1. Here
    the recall of somebody with 80 relevant films and ten places cannot be more than an eighth, and that is meant.
    """
    return _ratio(_found(recommended, relevant, k), np.minimum(relevant.sum(axis=1), k))


def nobody_to_please_is_zero(recommended, relevant, k):
    """People with nothing relevant get 0 in yours. Nothing was missed, nothing was found: there is no share to speak
    of, and a 0 would pull the mean down. What could stand there so that np.nanmean leaves them out?
    """
    return np.nan_to_num(_ratio(_found(recommended, relevant, k), relevant.sum(axis=1)))


def nobody_to_please_is_perfect(recommended, relevant, k):
    """People with nothing relevant get 1 in yours, and lift the mean with every list, however bad. There is no share of
    nothing. What could stand there so that np.nanmean leaves them out?
    """
    return np.nan_to_num(_ratio(_found(recommended, relevant, k), relevant.sum(axis=1)), nan=1.0)


def empty_places_hit_the_last_item(recommended, relevant, k):
    """Where a list has ended, you look up item -1, and NumPy is glad to count from the end: for people who like the
    last film of the catalogue, each empty place is a hit. Their recall can even exceed 1.
    """
    hits = np.take_along_axis(relevant, recommended[:, :k], axis=1)
    return _ratio(hits.sum(axis=1), relevant.sum(axis=1))


def whole_list_counted(recommended, relevant, k):
    """You look at the whole list. It may be longer than k, and then what comes after the k-th place does not count."""
    return _ratio(_found(recommended, relevant, recommended.shape[1]), relevant.sum(axis=1))


def one_hit_is_enough(recommended, relevant, k):
    """You ask whether there was a hit at all. That is the hit rate, and it cannot tell one found film from ten. Count,
    then ask: of how many?
    """
    return np.where(relevant.any(axis=1), (_found(recommended, relevant, k) > 0) * 1.0, np.nan)


def hits_only_counted(recommended, relevant, k):
    """You count the hits and stop. Three found is all for one person and next to nothing for another."""
    return np.where(relevant.any(axis=1), _found(recommended, relevant, k) * 1.0, np.nan)


def everybody_in_one_pot(recommended, relevant, k):
    """You divide all hits by all relevant items: one number, in which people who liked much count for more. Asked for
    is each person's own share, (n_users,).
    """
    return _found(recommended, relevant, k).sum() / relevant.sum()


def their_places_are_gone(recommended, relevant, k):
    """You leave out people with nothing relevant, and the result is shorter than the list of people: nobody can tell
    whose number is whose. Keep their place and put NaN there.
    """
    return _ratio(_found(recommended, relevant, k), relevant.sum(axis=1))[relevant.any(axis=1)]


def mean_of_the_shares(recommended, relevant, k):
    """The mean over people is the caller's: asked for is one number for each. With the numbers at hand you can see for
    whom the list is bad, and how far to trust the mean.
    """
    return np.nanmean(_ratio(_found(recommended, relevant, k), relevant.sum(axis=1)))


week.declare(
    recall_at_k,
    question="Of all that this person would have liked, how much did they get to see? Which number is above the line, "
    "which below, and what is the answer for somebody who would have liked nothing?",
    nudge="A table of hits as in `ndcg_at_k`: is what stands at this place relevant, and is it an item at all? Sum it "
    "along the right axis. Below the line stands a number that the list has no influence on.",
    probes=METRIC_PROBES,
    misconceptions=[
        share_of_the_list,
        precision_of_everybody,
        share_of_what_was_shown,
        share_of_what_fits,
        nobody_to_please_is_zero,
        nobody_to_please_is_perfect,
        empty_places_hit_the_last_item,
        whole_list_counted,
        one_hit_is_enough,
        hits_only_counted,
        everybody_in_one_pot,
        their_places_are_gone,
        mean_of_the_shares,
    ],
)


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


def blanks_left_out(interactions, item_factors, alpha, reg):
    """You look at the seen items only, as one does for ratings. But every one of them has the target 1: the best fit to
    nothing but ones is to predict 1 everywhere. What is not seen counts too, with the target 0 and the weight 1.
    """
    return _user_by_user(interactions, item_factors, _all(0 * item_factors, reg), (1 + alpha, 0), (1 + alpha, 0))


def right_side_without_the_one(interactions, item_factors, alpha, reg):
    """Your right-hand side has alpha where the confidence belongs. It is what a seen item weighs more than a blank: on
    the left, the rest of its weight hides in Y'Y. Where is it on the right?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (alpha, 0))


def seen_items_weighted_twice(interactions, item_factors, alpha, reg):
    """Your seen items weigh 2 + alpha on the left-hand side. Y'Y runs over ALL items, so each seen one is in it once
    already; what is still missing to 1 + alpha?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (1 + alpha, 0), (1 + alpha, 0))


def confidence_only_on_the_left(interactions, item_factors, alpha, reg):
    """Your left-hand side weighs the seen items, your right-hand side does not. The weight c multiplies the whole
    squared error. Take the derivative again: on which sides does c arrive?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (1, 0))


def stars_as_confidence(interactions, item_factors, alpha, reg):
    """Your confidence grows with what is stored: 1 + alpha r. The paper counts how often somebody watched, and does
    that. Here the cells hold stars, and one star would be little confidence that somebody saw the film. What is stored
    plays no part; that something is stored does.
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (0, alpha), (1, alpha))


def stars_as_targets(interactions, item_factors, alpha, reg):
    """You fit the stars themselves. The target p is 1 for whatever was seen, with one star or with five: the question
    here is what people watch, not how they like it.
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (0, 1 + alpha))


def alpha_left_out(interactions, item_factors, alpha, reg):
    """Your result does not depend on alpha: seen or not, every cell weighs the same. In MovieLens there are 16 blanks
    for each interaction, and together they win. What does alpha give the ones?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (0, 0), (1, 0))


def everything_weighted(interactions, item_factors, alpha, reg):
    """You give the blanks the weight of the seen items: both 1 + alpha. Then alpha does no more than make reg smaller.
    Which of the two kinds of cells is the one that you are sure about?
    """
    everything = (1 + alpha) * _all(item_factors, reg / (1 + alpha))
    return _user_by_user(interactions, item_factors, everything, (0, 0), (1 + alpha, 0))


def alpha_weighs_the_blanks(interactions, item_factors, alpha, reg):
    """In yours, alpha is the weight of all cells and a seen one weighs 1 more. Papers exist that write it so (Rendle et
    al., 2021), with an alpha well below 1. Here a blank weighs 1, and alpha is what a seen one has on top.
    """
    everything = alpha * _all(item_factors, 0.0) + reg * np.eye(item_factors.shape[1])
    return _user_by_user(interactions, item_factors, everything, (1, 0), (1 + alpha, 0))


def reg_grows_with_the_count(interactions, item_factors, alpha, reg):
    """You multiply reg by the number of items that a user has seen. This week's model can do that, by an option of its
    own; in this function reg is the same for every user.
    """
    everything = _all(item_factors, 0.0)
    return _user_by_user(interactions, item_factors, everything, (alpha, 0), (1 + alpha, 0), growing_reg=reg)


def reg_on_every_entry(interactions, item_factors, alpha, reg):
    """You add reg to each of the k x k entries. reg |x|² touches each factor with itself only: where in the matrix does
    it belong?
    """
    everything = item_factors.T @ item_factors + reg
    return _user_by_user(interactions, item_factors, everything, (alpha, 0), (1 + alpha, 0))


def reg_left_out(interactions, item_factors, alpha, reg):
    """Your result does not depend on reg: nothing holds the factors back, and the fit to a few films is closer than the
    few films deserve. Where does the derivative of reg |x|² go?
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, 0.0), (alpha, 0), (1 + alpha, 0))


def stars_overwritten(interactions, item_factors, alpha, reg):
    """The right factors; but the caller's stars are gone: `interactions.data[:] = 1` writes into the matrix that you
    were given. Do you need the stored values at all? `indices` says what was seen. If you do, work on a copy.
    """
    interactions.data[:] = 1.0
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (1 + alpha, 0))


def users_in_columns(interactions, item_factors, alpha, reg):
    """The right numbers, with the users in the columns. Asked for is a row for each user, as item_factors has one for
    each item.
    """
    return _user_by_user(interactions, item_factors, _all(item_factors, reg), (alpha, 0), (1 + alpha, 0)).T.copy()


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


def _seen(n_users: int, n_items: int, seed: int, share: float = 0.4, stars: float = 1.0) -> sparse.csr_array:
    return _table(n_users, n_items, seed, share, stars).copy()


def _implicit(
    n_users: int, n_items: int, k: int, alpha: float, reg: float, seed: int, **options: float
) -> dict[str, Any]:
    return {
        "interactions": _seen(n_users, n_items, seed, **options),
        "item_factors": np.random.default_rng(seed).normal(size=(n_items, k)),
        "alpha": alpha,
        "reg": reg,
    }


week.declare(
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
            seconds=20.0,
        ),
    ],
    misconceptions=[
        blanks_left_out,
        right_side_without_the_one,
        seen_items_weighted_twice,
        confidence_only_on_the_left,
        stars_as_confidence,
        stars_as_targets,
        alpha_left_out,
        everything_weighted,
        alpha_weighs_the_blanks,
        reg_grows_with_the_count,
        reg_on_every_entry,
        reg_left_out,
        stars_overwritten,
        users_in_columns,
    ],
)


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


def _inverse(gram, reg):
    return np.linalg.inv(gram + reg * np.eye(len(gram)))


def _co_occurrence(interactions):
    """X'X with ones for whatever is stored: what most of the wrong ones below get right."""
    seen = (interactions != 0).astype(np.float64)
    return (seen.T @ seen).toarray()


def _without_diagonal(weights):
    return weights - np.diag(np.diag(weights))


def divided_along_the_rows(interactions, reg):
    """You divide row i by P_ii: your B is the transpose of the right one. In X @ B it is column j that predicts item j,
    so column j is divided by P_jj. Which axis does NumPy divide along when it meets a vector?
    """
    inverse = _inverse(_co_occurrence(interactions), reg)
    return _without_diagonal(-inverse / np.diag(inverse)[:, None])


def diagonal_kept(interactions, reg):
    """Everything is right except the diagonal, where -P_jj / P_jj is -1: each film speaks against itself. The formula
    holds off the diagonal; on it, the constraint says what stands there.
    """
    inverse = _inverse(_co_occurrence(interactions), reg)
    return -inverse / np.diag(inverse)


def sign_forgotten(interactions, reg):
    """Your signs are the wrong way round: films that are seen together speak against each other. In an inverse, what
    belongs together has negative entries. Where is the minus?
    """
    inverse = _inverse(_co_occurrence(interactions), reg)
    return _without_diagonal(inverse / np.diag(inverse))


def diagonal_zeroed_at_the_end(interactions, reg):
    """You solve plain ridge regression, P X'X, and put zeros on its diagonal afterwards. By then each column has relied
    on the film that it predicts, and the rest has learned little. The constraint belongs into the minimization: each
    column needs a correction, which the formula has worked out.
    """
    gram = _co_occurrence(interactions)
    return _without_diagonal(_inverse(gram, reg) @ gram)


def gram_without_reg(interactions, reg):
    """Your result does not depend on reg. X'X alone has no inverse where a film was seen by nobody, or there are more
    films than people; and where it has one, it believes every coincidence.
    """
    inverse = np.linalg.inv(_co_occurrence(interactions))
    return _without_diagonal(-inverse / np.diag(inverse))


def reg_in_every_cell(interactions, reg):
    """You add reg to every cell of X'X, as if each pair of films had been seen together reg times more. |B|² is a sum
    of squares: its part of the equations is a multiple of the identity.
    """
    inverse = np.linalg.inv(_co_occurrence(interactions) + reg)
    return _without_diagonal(-inverse / np.diag(inverse))


def stars_multiplied(interactions, reg):
    """You multiply stars. A pair of films then counts 25 times as much for someone who gave both five stars as for
    someone who gave both one. Here whatever is stored counts as 1: what do you do before the product?
    """
    table = interactions.toarray()
    inverse = _inverse(table.T @ table, reg)
    return _without_diagonal(-inverse / np.diag(inverse))


def people_instead_of_items(interactions, reg):
    """You compare people with people: X X' has a row for each user. That would be a model too, but asked for is how
    items speak for items. Which axis of X should the product sum over?
    """
    seen = (interactions.toarray() != 0) * 1.0
    inverse = _inverse(seen @ seen.T, reg)
    return _without_diagonal(-inverse / np.diag(inverse))


def counts_of_truth_values(interactions, reg):
    """Your X'X holds no number above 1: a product of truth values is a truth value again, and "seen together by 200
    people" has become "seen together". Turn True into 1.0 before you multiply.
    """
    inverse = _inverse((_co_occurrence(interactions) > 0) * 1.0, reg)
    return _without_diagonal(-inverse / np.diag(inverse))


def divided_by_both_roots(interactions, reg):
    """You divide by the roots of both diagonals, which makes B symmetric: that is the partial correlation, a nice thing
    to look at. To predict item j, only P_jj belongs below the line.
    """
    inverse = _inverse(_co_occurrence(interactions), reg)
    root = np.sqrt(np.diag(inverse))
    return _without_diagonal(-inverse / root / root[:, None])


def not_inverted(interactions, reg):
    """You put X'X + reg I itself where P belongs. It counts who saw both, and popular films are seen with everything;
    its inverse knows what is left of that once all the other films have had their say.
    """
    gram = _co_occurrence(interactions) + reg * np.eye(interactions.shape[1])
    return _without_diagonal(-gram / np.diag(gram))


def not_divided(interactions, reg):
    """You stop at -P. Each column j still has to be brought to its own scale; without that, a film that many have seen
    gets weights far too small.
    """
    return _without_diagonal(-_inverse(_co_occurrence(interactions), reg))


def ones_written_into_the_input(interactions, reg):
    """The right weights; but the caller's stars are gone: `interactions.data[:] = 1` writes into the matrix that you
    were given. Make the ones on a copy, or by comparison with 0.
    """
    interactions.data[:] = 1.0
    inverse = _inverse(_co_occurrence(interactions), reg)
    return _without_diagonal(-inverse / np.diag(inverse))


def _no_item_speaks_for_itself(function: Callable[..., Any], interactions: sparse.csr_array, reg: float) -> str | None:
    weights = function(interactions, reg)
    if type(weights) is not np.ndarray:
        return (
            f"Your weights are a {type(weights).__name__}; a plain array is asked for, whose `*` goes entry by entry."
        )
    off = np.abs(np.diag(weights)).max()
    return None if off == 0 else f"The diagonal has to be zero exactly; yours holds numbers up to {off:.3g}."


week.declare(
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
        Probe("10 people, 7 items", lambda: {"interactions": _seen(10, 7, seed=1), "reg": 0.5}),
        Probe("fewer people than items", lambda: {"interactions": _seen(5, 12, seed=2, share=0.6), "reg": 3.0}),
        Probe("half stars", lambda: {"interactions": _seen(20, 6, seed=3, stars=0.5), "reg": 10.0}),
        Probe("400 people, 5 items", lambda: {"interactions": _seen(400, 5, seed=4, share=0.8), "reg": 0.1}),
        Probe(
            "943 people, 1,682 items",
            lambda: {"interactions": _seen(943, 1682, seed=5, share=0.06), "reg": 300.0},
            seconds=20.0,
        ),
    ],
    properties=[Property("no item speaks for itself", _no_item_speaks_for_itself)],
    misconceptions=[
        divided_along_the_rows,
        diagonal_kept,
        sign_forgotten,
        diagonal_zeroed_at_the_end,
        gram_without_reg,
        reg_in_every_cell,
        stars_multiplied,
        people_instead_of_items,
        counts_of_truth_values,
        divided_by_both_roots,
        not_inverted,
        not_divided,
        ones_written_into_the_input,
    ],
)


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


def _newcomer(item_factors, items, alpha, reg, blanks=1.0, extra=None, right=None):
    """The fold-in with the weight of the blanks, what a seen item weighs more, and the weight on the right to vary."""
    seen = item_factors[items]
    gram = blanks * item_factors.T @ item_factors + (alpha if extra is None else extra) * seen.T @ seen
    right_side = (1 + alpha if right is None else right) * seen.sum(axis=0)
    return np.linalg.solve(gram + reg * np.eye(len(gram)), right_side)


def middle_of_what_was_seen(item_factors, items, alpha, reg):
    """You average the factors of what was seen. The mean of no films is NaN, that is one thing. The other: the model's
    users were not made so, and next to them the newcomer's scores are on another scale. What would a half-step give
    them?
    """
    with np.errstate(invalid="ignore"):
        return item_factors[items].sum(axis=0) / np.float64(len(items))


def middle_or_zeros(item_factors, items, alpha, reg):
    """You average the factors of what was seen, and give zeros where nothing was. Many do, and it points about the
    right way; but the model's users were not made so, and next to them the newcomer's scores are on another scale.
    Which equations gave the others their factors?
    """
    return item_factors[items].sum(axis=0) / max(len(items), 1)


def sum_of_what_was_seen(item_factors, items, alpha, reg):
    """You add up the factors of what was seen: that is most of the right-hand side. It says in which direction to go;
    the system with Y'Y, alpha and reg says how far.
    """
    return item_factors[items].sum(axis=0)


def only_what_was_seen(item_factors, items, alpha, reg):
    """You fit the seen items only, and with nothing but ones to fit, a vector that scores everything high will do. The
    loss runs over ALL items: what was not seen has the target 0.
    """
    return _newcomer(item_factors, items, alpha, reg, blanks=0.0, extra=1 + alpha)


def right_side_has_alpha(item_factors, items, alpha, reg):
    """Your right-hand side weighs a seen item by alpha. Its confidence is 1 + alpha; on the left, the 1 hides in Y'Y,
    on the right nothing hides it.
    """
    return _newcomer(item_factors, items, alpha, reg, right=alpha)


def right_side_unweighted(item_factors, items, alpha, reg):
    """Your right-hand side is the plain sum of what was seen. The confidence multiplies the whole squared error: take
    the derivative again, and see where else it arrives.
    """
    return _newcomer(item_factors, items, alpha, reg, right=1.0)


def seen_counted_twice(item_factors, items, alpha, reg):
    """On the left your seen items weigh 2 + alpha: once as one of all items in Y'Y, then 1 + alpha more. How much is
    still missing after Y'Y?
    """
    return _newcomer(item_factors, items, alpha, reg, extra=1 + alpha)


def no_confidence(item_factors, items, alpha, reg):
    """Your result does not depend on alpha: what was seen weighs as much as what was not, and of the latter there are
    far more.
    """
    return _newcomer(item_factors, items, alpha, reg, extra=0.0, right=1.0)


def penalty_by_the_count(item_factors, items, alpha, reg):
    """You multiply reg by the number of items seen, so whoever has seen more is held back more. Here reg is plain."""
    return _newcomer(item_factors, items, alpha, reg * max(len(items), 1))


def penalty_everywhere(item_factors, items, alpha, reg):
    """You add reg to each entry of the k x k matrix. reg |x|² touches each factor with itself only."""
    seen = item_factors[items]
    gram = item_factors.T @ item_factors + alpha * seen.T @ seen + reg
    return np.linalg.solve(gram, (1 + alpha) * seen.sum(axis=0))


def penalty_left_out(item_factors, items, alpha, reg):
    """Your result does not depend on reg. The model's users were held back by it; a newcomer who is not gets scores
    that are larger than theirs.
    """
    return _newcomer(item_factors, items, alpha, 0.0)


def scores_instead_of_factors(item_factors, items, alpha, reg):
    """You go one step further and return the scores of all items. Asked for are the k factors, from which the caller
    makes scores, or neighbors, or both.
    """
    return item_factors @ _newcomer(item_factors, items, alpha, reg)


def a_column(item_factors, items, alpha, reg):
    """The right numbers, standing in a column: (k, 1). Asked for is (k,), one person's row. A right-hand side of one
    dimension gives a solution of one.
    """
    return _newcomer(item_factors, items, alpha, reg)[:, None]


def _seen_by_one(n_items: int, n: int, k: int, alpha: float, reg: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "item_factors": rng.normal(size=(n_items, k)),
        "items": rng.permutation(n_items)[:n],
        "alpha": alpha,
        "reg": reg,
    }


week.declare(
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
        Probe("1,682 items, 64 factors", lambda: _seen_by_one(1682, 80, 64, 4.0, 30.0, seed=6), seconds=3.0),
    ],
    misconceptions=[
        middle_of_what_was_seen,
        middle_or_zeros,
        sum_of_what_was_seen,
        only_what_was_seen,
        right_side_has_alpha,
        right_side_unweighted,
        seen_counted_twice,
        no_confidence,
        penalty_by_the_count,
        penalty_everywhere,
        penalty_left_out,
        scores_instead_of_factors,
        a_column,
    ],
)


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
    mean = torch.linalg.solve(precision, prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings)
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)


def _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision):
    """The mean and the precision of the distribution to draw from: what most of the wrong ones below get right."""
    precision = prior_precision + noise_precision * item_factors.T @ item_factors
    pull = prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings
    return torch.linalg.solve(precision, pull), precision


def _around(mean, precision, generator):
    noise = torch.randn(len(mean), generator=generator)
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)


def always_the_mean(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You return the mean, each time. That is ridge regression, one answer; a Gibbs sampler wants to see what else the
    ratings leave possible. What spreads the draws around the mean, and how far in each direction?
    """
    return _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)[0]


def same_draw_at_each_call(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You return the same numbers at each call. Either nothing random is in them, or you seed anew, and every sweep
    would add the same noise. The generator that you are given moves on by itself, if you draw from it; whoever wants a
    run repeated has seeded it before.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return _around(mean, precision, generator.manual_seed(0))


def its_own_randomness(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Mean and spread are right, but the same generator state gives another draw the next time: you draw from
    somewhere else. `torch.randn` takes the global source unless you tell it which one to use.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return _around(mean, precision, None)


def prior_mean_left_out(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your draws lie around the wrong place: `prior_mean` is not in them, and the prior pulls toward 0. In this model
    the prior is the cloud of all people; where its middle lies is what somebody without ratings is drawn around.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, 0 * prior_mean, prior_precision)
    return _around(mean, precision, generator)


def prior_mean_without_its_precision(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You add `prior_mean` to the right-hand side as it is. There it stands beside sums that are weighted by how sure
    they are: what weighs the prior's mean? Check with n = 0, where the mean has to come out as prior_mean.
    """
    precision = prior_precision + noise_precision * item_factors.T @ item_factors
    pull = prior_mean + noise_precision * item_factors.T @ ratings
    return _around(torch.linalg.solve(precision, pull), precision, generator)


def prior_mean_added_at_the_end(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You solve as if the prior lay around 0 and add `prior_mean` afterwards. Then the ratings are explained twice,
    once by the solution and once by the prior's mean. What would have to be taken off the ratings first?
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, 0 * prior_mean, prior_precision)
    return _around(mean + prior_mean, precision, generator)


def ratings_unweighted_on_the_right(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """On the right-hand side noise_precision is missing: V'V is weighted and V'r is not. Both come from the same
    squared errors, so the same number stands before both.
    """
    precision = prior_precision + noise_precision * item_factors.T @ item_factors
    pull = prior_precision @ prior_mean + item_factors.T @ ratings
    return _around(torch.linalg.solve(precision, pull), precision, generator)


def ratings_unweighted_on_the_left(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """In your precision noise_precision is missing: V'r is weighted and V'V is not. Both come from the same squared
    errors, so the same number stands before both.
    """
    precision = prior_precision + item_factors.T @ item_factors
    pull = prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings
    return _around(torch.linalg.solve(precision, pull), precision, generator)


def noise_precision_left_out(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your draws do not depend on noise_precision. It says how far to trust a rating against the prior; you trust all
    of them as if their variance were 1.
    """
    mean, precision = _conditional(ratings, item_factors, 1.0, prior_mean, prior_precision)
    return _around(mean, precision, generator)


def precision_taken_for_a_variance(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You divide by noise_precision where you should multiply, or the other way round. A precision is one over a
    variance: large means that the ratings are to be trusted. Do yours move the draws more, or less, when it grows?
    """
    mean, precision = _conditional(ratings, item_factors, 1 / noise_precision, prior_mean, prior_precision)
    return _around(mean, precision, generator)


def precision_taken_for_a_deviation(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You treat noise_precision as a standard deviation and divide by its square. It is one over a variance already:
    nothing has to be squared or inverted any more.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision**-2, prior_mean, prior_precision)
    return _around(mean, precision, generator)


def prior_precision_taken_for_a_covariance(
    ratings, item_factors, noise_precision, prior_mean, prior_precision, generator
):
    """You invert prior_precision before you use it, as one does with a covariance. It is the inverse already:
    precisions add up as they are, which is why this model is written with them.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision.inverse())
    return _around(mean, precision, generator)


def noise_as_it_comes(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your mean is right, and the noise around it has the variance 1 in all directions, however much the ratings have
    said. The more is known in a direction, the smaller the spread in it: which matrix knows that?
    """
    mean, _ = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.randn(len(mean), generator=generator)


def noise_times_the_covariance(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your mean is right, the spread is not: you multiply the noise with the covariance itself. If z has the covariance
    I, then M z has M M'. Which M has the product that you want?
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.linalg.solve(precision, torch.randn(len(mean), generator=generator))


def noise_times_the_root_of_the_precision(
    ratings, item_factors, noise_precision, prior_mean, prior_precision, generator
):
    """Your mean is right, but the draws spread where they should be tight: you multiply the noise with the Cholesky
    factor of the precision. The surer you are, the smaller the spread should be.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.linalg.cholesky(precision) @ torch.randn(len(mean), generator=generator)


def wrong_triangle(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """So close: your draws have the covariance (L'L)^-1, and (LL')^-1 is what you want. Let M be the inverse of what
    you solve with, multiply out M M', and see where the transpose belongs.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision), torch.randn(len(mean), generator=generator))


def each_factor_by_itself(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You give each factor its own noise, by the diagonal alone. But the factors hang together: if one is larger than
    thought, another has to be smaller for the ratings to fit. What holds the off-diagonal entries?
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.randn(len(mean), generator=generator) / precision.diagonal().sqrt()


def each_factor_by_its_variance(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Each factor taken alone is right, mean and spread; together they are not. You use the diagonal of the covariance
    and leave out the rest, which says how the factors move together.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.randn(len(mean), generator=generator) * precision.inverse().diagonal().sqrt()


def one_number_for_all_factors(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You draw a single random number and use it for all k factors, so your draws lie on a line. How many independent
    numbers does a point in k dimensions take?
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    noise = torch.randn(1, generator=generator).expand(len(mean))
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)


def uniform_noise(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your noise is not normal: `torch.rand` draws uniformly between 0 and 1, which has the mean ½ and hardly any
    spread. One letter is missing.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    noise = torch.rand(len(mean), generator=generator)
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)


DRAWS, MANY_RATINGS = 1000, 500
WHERE = "How far the draws' mean is off, in their standard deviations"
SPREAD = "Their standard deviations, over what they should be"
TOGETHER = "Their correlations, once those that belong there are taken out"
TAILS = "Their fourth power, over that of a normal distribution"
AT_LARGE = "Their squared distance from the mean, over what it should be"


@_one_thread()
def _moments(
    function: Callable[..., Any],
    ratings: Tensor,
    item_factors: Tensor,
    noise_precision: float,
    prior_mean: Tensor,
    prior_precision: Tensor,
    generator: torch.Generator,
) -> dict[str, Any]:
    """Where many draws lie and how they spread, relative to what the inputs say, to one digit.

    At random these moments of 1,000 draws are off by 0.02 to 0.04, whoever drew them; what is off by less than 0.25
    passes.
    """
    given = (ratings, item_factors, noise_precision, prior_mean, prior_precision)
    k = len(prior_mean)
    before = torch.get_rng_state()
    first = function(*given, generator)
    what = f"{kind(first)}, {first.dtype}" if isinstance(first, Tensor) else kind(first)
    many = len(ratings) >= MANY_RATINGS
    unknown = dict.fromkeys(
        [AT_LARGE] if many else [WHERE, SPREAD, TOGETHER, TAILS, "Only the generator decides"], np.nan
    )
    if not isinstance(first, Tensor) or first.shape != (k,):
        return {"A draw": what, "The draws": "have another shape"} | unknown
    count = 100 if many else DRAWS
    draws = torch.stack([function(*given, generator).detach() for _ in range(count)]).double().numpy()
    one, other = (function(*given, torch.Generator().manual_seed(5)) for _ in range(2))
    only_source = torch.equal(one, other) and torch.equal(before, torch.get_rng_state())

    design = item_factors.double().numpy()
    prior = prior_precision.double().numpy()
    precision = prior + noise_precision * design.T @ design
    pull = prior @ prior_mean.double().numpy() + noise_precision * design.T @ ratings.double().numpy()
    due = np.sqrt(np.diag(np.linalg.inv(precision)))
    off, spread = draws.mean(axis=0) - np.linalg.solve(precision, pull), draws.std(axis=0)
    if (spread < 1e-3 * due).all():
        place = "are the mean, each time" if np.abs(off / due).max() < 0.05 else "are the same at each call"
        return {"A draw": what, "The draws": place} | unknown
    seen = {"A draw": what, "The draws": "differ from call to call"}
    centered = (draws - draws.mean(axis=0)) @ np.linalg.cholesky(precision)  # independent, of variance 1
    if many:
        return seen | {AT_LARGE: _digit(((centered + off @ np.linalg.cholesky(precision)) ** 2).mean())}
    standard = centered / np.maximum(centered.std(axis=0), 1e-9)
    return seen | {
        WHERE: _digit(off / np.maximum(spread, 1e-3 * due)),
        SPREAD: _digit(spread / due),
        TOGETHER: _digit(standard.T @ standard / count - np.eye(k)),
        TAILS: _digit((standard**4).mean() / 3 if k > 1 else 1.0),  # of one factor's draws, too uncertain
        "Only the generator decides": only_source,
    }


def _digit(values: Any) -> np.ndarray:
    return np.round(values, 1) + 0.0  # + 0.0 makes -0.0 a plain 0


def _opinions(
    n: int, k: int, noise_precision: float, seed: int, spread: float = 1.0, far: float = 3.0
) -> dict[str, Any]:
    """Ratings that the factors explain up to their noise, factors that hang together, a prior far from 0."""
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(n, 1, generator=generator)
    item_factors = spread * (common + 0.5 * torch.randn(n, k, generator=generator))
    taste = torch.randn(k, generator=generator)
    root = torch.randn(k, k, generator=generator)
    return {
        "ratings": item_factors @ taste + noise_precision**-0.5 * torch.randn(n, generator=generator),
        "item_factors": item_factors,
        "noise_precision": noise_precision,
        "prior_mean": taste + far * torch.randn(k, generator=generator).sign(),
        "prior_precision": root @ root.T + 0.5 * torch.eye(k),
        "generator": torch.Generator().manual_seed(seed),
    }


week.declare(
    gibbs_user_step,
    question="Somebody rated three films, and their taste has eight numbers. Many tastes explain three ratings. Which "
    "of them are likely, and how would you pick one of them at random, the likely ones more often?",
    nudge="A normal distribution is its mean and its spread. The mean is a ridge regression whose penalty is not the "
    "same in all directions. For the spread, draw z of k independent numbers: M z has the covariance M M', and you "
    "want the inverse of the precision. Its Cholesky factor is halfway there.",
    probes=[
        Probe(
            "three ratings, two factors",
            lambda: {
                "ratings": torch.tensor([1.0, -0.5, 0.5]),
                "item_factors": torch.tensor([[1.0, 0.5], [-0.5, 1.0], [1.5, 1.5]]),
                "noise_precision": 4.0,
                "prior_mean": torch.tensor([2.0, -1.0]),
                "prior_precision": torch.tensor([[3.0, 1.0], [1.0, 0.5]]),
                "generator": torch.Generator().manual_seed(1),
            },
            seconds=3.0,
        ),
        Probe("no ratings, three factors", lambda: _opinions(0, 3, 2.0, seed=2, far=12.0), seconds=3.0),
        Probe("ratings that say little", lambda: _opinions(6, 3, 0.1, seed=3), seconds=3.0),
        Probe("ratings that say much", lambda: _opinions(5, 4, 25.0, seed=4, spread=0.5), seconds=3.0),
        Probe("one factor", lambda: _opinions(2, 1, 0.4, seed=5), seconds=3.0),
        Probe("737 ratings, 16 factors, 100 draws", lambda: _opinions(737, 16, 1.5, seed=6, spread=0.3), seconds=2.0),
    ],
    observe=_moments,
    tolerance=Tolerance(rtol=0.05, atol=0.2),
    misconceptions=[
        always_the_mean,
        same_draw_at_each_call,
        its_own_randomness,
        prior_mean_left_out,
        prior_mean_without_its_precision,
        prior_mean_added_at_the_end,
        ratings_unweighted_on_the_right,
        ratings_unweighted_on_the_left,
        noise_precision_left_out,
        precision_taken_for_a_variance,
        precision_taken_for_a_deviation,
        prior_precision_taken_for_a_covariance,
        noise_as_it_comes,
        noise_times_the_covariance,
        noise_times_the_root_of_the_precision,
        wrong_triangle,
        each_factor_by_itself,
        each_factor_by_its_variance,
        one_number_for_all_factors,
        uniform_noise,
    ],
)
