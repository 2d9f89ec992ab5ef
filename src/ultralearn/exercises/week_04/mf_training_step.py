"""Week 4: `mf_training_step`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ultralearn.exercises.week_04.common import one_thread
from ultralearn.practice import Declaration, Probe, Tolerance


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


@one_thread()
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


declaration = Declaration(
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
            times=100,
        ),
    ],
    observe=_after_two_steps,
    tolerance=Tolerance(rtol=1e-4, atol=2e-5),
    mutates=True,
)


@declaration.misconception
def stale_gradients(model, optimizer, users, items, ratings):
    """The loss is right, the step is not: the gradients of earlier batches are still in it. PyTorch adds to what is
    there until you clear it.
    """
    loss = _squared_error(model, users, items, ratings)
    loss.backward()
    optimizer.step()
    return loss.item()


@declaration.misconception
def cleared_for_the_next(model, optimizer, users, items, ratings):
    """You clear the gradients after the step, for the next one. In a loop of your own that works; but this function
    does not know who came before, and what they left behind is in your step. When do you have to clear, at the latest?
    """
    loss = _squared_error(model, users, items, ratings)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


@declaration.misconception
def cleared_before_the_step(model, optimizer, users, items, ratings):
    """Your step finds no gradients: they are cleared between `backward()` and `step()`, or not computed yet. The
    parameters stay where they were. Put the calls in the order in which they need each other.
    """
    loss = _squared_error(model, users, items, ratings)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


@declaration.misconception
def stepped_before_backward(model, optimizer, users, items, ratings):
    """You step before the gradients of this batch are there, so each step follows the batch before it. What does
    `backward()` leave behind, and who reads it?
    """
    loss = _squared_error(model, users, items, ratings)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


@declaration.misconception
def never_steps(model, optimizer, users, items, ratings):
    """The loss is right and its gradients are there, but the parameters are what they were. Who moves them?"""
    loss = _squared_error(model, users, items, ratings)
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


@declaration.misconception
def summed_over_the_batch(model, optimizer, users, items, ratings):
    """You sum over the batch where the mean is asked for: your steps grow with the batch size. Adam hides it, because
    it divides the scale away; plain gradient descent does not.
    """
    return _descend(optimizer, (model(users, items) - ratings).square().sum())


@declaration.misconception
def halved(model, optimizer, users, items, ratings):
    """Your loss is half of what is asked for. In the formulas of week 3 the half made derivatives shorter; the mean
    squared error has none, and your step is half as long with plain gradient descent.
    """
    return _descend(optimizer, _squared_error(model, users, items, ratings) / 2)


@declaration.misconception
def rooted(model, optimizer, users, items, ratings):
    """You take the root: that is the RMSE, what one reports. The mean squared error is what one minimizes here. Both
    have their minimum in one place, but not the same gradient on the way.
    """
    return _descend(optimizer, _squared_error(model, users, items, ratings).sqrt())


@declaration.misconception
def absolute_errors(model, optimizer, users, items, ratings):
    """You take the mean of the absolute errors. Its gradient has the same size for an error of 0.1 and one of 4 stars;
    that of a squared error does not. Which is asked for?
    """
    return _descend(optimizer, (model(users, items) - ratings).abs().mean())


@declaration.misconception
def silently_broadcast(model, optimizer, users, items, ratings):
    """One of your tensors has the shape (n, 1) and the other (n,): PyTorch subtracts each rating from each prediction,
    n x n of them, without a word, and the model learns to predict the mean. Print the shape of the difference.
    """
    return _descend(optimizer, (model(users, items)[:, None] - ratings).square().mean())


@declaration.misconception
def predictions_clipped(model, optimizer, users, items, ratings):
    """You clip the predictions to 1 to 5 stars before you compare. Where a prediction is clipped its gradient is 0, so
    exactly those that are furthest off are never repaired. Clip when you predict, not when you train.
    """
    return _descend(optimizer, (model(users, items).clamp(1, 5) - ratings).square().mean())


@declaration.misconception
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


@declaration.misconception
def loss_of_the_model_after(model, optimizer, users, items, ratings):
    """The step is right, but the loss you return is that of the model after it, at the price of another forward pass.
    The loss whose gradient you took is there already.
    """
    _descend(optimizer, _squared_error(model, users, items, ratings))
    return _squared_error(model, users, items, ratings).item()


@declaration.misconception
def loss_stays_a_tensor(model, optimizer, users, items, ratings):
    """The step is right. Return the loss as a plain number: a tensor keeps its whole graph in memory, and a list of a
    thousand losses keeps a thousand graphs.
    """
    loss = _squared_error(model, users, items, ratings)
    _descend(optimizer, loss)
    return loss


@declaration.misconception
def in_evaluation_mode(model, optimizer, users, items, ratings):
    """You switch the model to evaluation mode. Layers like dropout are off then, and off they stay: it is the mode for
    predictions. In which mode does one train?
    """
    model.eval()
    return _descend(optimizer, _squared_error(model, users, items, ratings))


@declaration.misconception
def two_steps(model, optimizer, users, items, ratings):
    """You make two steps where one is asked for. Who calls this function in a loop does not expect a loop in it."""
    loss = _descend(optimizer, _squared_error(model, users, items, ratings))
    _descend(optimizer, _squared_error(model, users, items, ratings))
    return loss
