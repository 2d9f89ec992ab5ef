"""Week 7: `advantages_with_baseline`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ultralearn.practice import Declaration, Probe, Property, Tolerance


def advantages_with_baseline(returns: Tensor, values: Tensor) -> Tensor:
    """How much better each step went than the baseline predicted, in
    standard deviations.

    returns: (steps,). values: (steps,), the baseline's predictions, treated
    as constants. Returns (steps,): returns minus values, shifted to mean 0,
    then divided by their population standard deviation plus 1e-8. Where
    there is no spread, all advantages are 0.
    """
    advantages = returns - values.detach()
    centered = advantages - advantages.mean()
    return centered / (advantages.std(correction=0) + 1e-8)


def _advantages(steps: int, seed: int, spread: float = 20.0, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    returns = torch.randn(steps, generator=generator, dtype=torch.float64) * spread + 60
    values = torch.randn(steps, generator=generator, dtype=torch.float64) * spread / 2 + 40
    return {"returns": returns.to(dtype), "values": values.to(dtype).requires_grad_()}


def _values_are_constants(function: Callable[..., Any], returns: Tensor, values: Tensor) -> str | None:
    if float((returns - values).detach().std()) == 0:
        return None  # the slope of a spread of 0 is 0 or NaN, as one writes it
    source = values.detach().clone().requires_grad_()
    result = function(returns=returns, values=source)
    if result.requires_grad:
        weights = torch.arange(1, len(result) + 1, dtype=result.dtype)  # the plain sum is 0 whatever the values are
        (result * weights).sum().backward()
    if source.grad is None or not source.grad.any():
        return None
    return "A gradient flows from your result into `values`. It is to be treated as a constant there."


def _check_scale(function: Callable[..., Any], returns: Tensor, values: Tensor) -> str | None:
    result = function(returns=returns, values=values).detach()
    if not torch.isfinite(result).all():
        return "There are NaNs or infinities among your advantages."
    if abs(float(result.mean())) > 1e-3:
        return f"The mean of your advantages is {float(result.mean()):.3g}, expected 0."
    return None


declaration = Declaration(
    advantages_with_baseline,
    question="All returns of CartPole are positive. If every action is praised, some more and some less, what do you "
    "learn from a batch, and what would you rather compare each return with?",
    nudge="Subtract the prediction, as a constant. Then make what is left independent of the environment's scale: "
    "mean 0, standard deviation 1; and think of the batch in which everything is equal.",
    probes=[
        Probe(
            "three steps",
            lambda: {
                "returns": torch.tensor([1.0, 2.0, 6.0]),
                "values": torch.tensor([0.0, 2.0, 2.0], requires_grad=True),
            },
        ),
        Probe(
            "no spread",
            lambda: {"returns": torch.full((4,), 3.0), "values": torch.full((4,), 1.0, requires_grad=True)},
        ),
        Probe(
            "equal returns",
            lambda: {
                "returns": torch.full((4,), 8.0),
                "values": torch.tensor([1.0, 2.0, 4.0, 5.0], requires_grad=True),
            },
        ),
        Probe("40 steps, seed 1", lambda: _advantages(40, 1)),
        Probe("hardly any spread, float64", lambda: _advantages(30, 2, spread=1e-7, dtype=torch.float64)),
        Probe("60 steps, seed 3", lambda: _advantages(60, 3, spread=3.0)),
        Probe("8,000 steps", lambda: _advantages(8000, 4), times=30),
    ],
    properties=[
        Property("no gradient reaches values", _values_are_constants),
        Property("their mean is 0 and none is NaN", _check_scale),
    ],
    tolerance=Tolerance(rtol=1e-4, atol=1e-4),
)


@declaration.misconception
def values_not_detached(returns, values):
    """The numbers are right, but a gradient flows into `values`. The policy's loss would then move the baseline,
    which is to predict returns and nothing else.
    """
    advantages = returns - values
    return (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)


@declaration.misconception
def sample_deviation(returns, values):
    """Nearly: you divide by the sample standard deviation, the one with n - 1. PyTorch's `std` does that by default;
    here the population's is asked for.
    """
    advantages = returns - values.detach()
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


@declaration.misconception
def not_shifted(returns, values):
    """You divide without shifting to mean 0 first. If the baseline is off by a constant, as it is in the first
    updates, all your advantages have the same sign and every action is praised, or every one blamed.
    """
    advantages = returns - values.detach()
    return advantages / (advantages.std(correction=0) + 1e-8)


@declaration.misconception
def zero_over_zero(returns, values):
    """Where all advantages are equal the spread is 0 and you divide by it: NaN, which spreads to every weight.
    The 1e-8 is there for that batch.
    """
    advantages = returns - values.detach()
    return (advantages - advantages.mean()) / advantages.std(correction=0)


@declaration.misconception
def divided_by_the_variance(returns, values):
    """You divide by the variance. It is in squared units; the standard deviation is its root."""
    advantages = returns - values.detach()
    return (advantages - advantages.mean()) / (advantages.var(correction=0) + 1e-8)


@declaration.misconception
def better_is_negative(returns, values):
    """The sign: a step that went better than predicted must have a positive advantage."""
    advantages = values.detach() - returns
    return (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)


@declaration.misconception
def baseline_left_out(returns, values):
    """You normalize the returns; `values` plays no part. Taking off the mean is a baseline too, but one that does
    not know the state: whoever starts with a tilted pole is blamed for it.
    """
    return (returns - returns.mean()) / (returns.std(correction=0) + 1e-8)


@declaration.misconception
def normalized_before_subtracting(returns, values):
    """You normalize the returns first and subtract the values then. The two are in different units by that time.
    First the difference, then its scale.
    """
    normalized = (returns - returns.mean()) / (returns.std(correction=0) + 1e-8)
    return normalized - values.detach()


@declaration.misconception
def only_shifted(returns, values):
    """Mean 0 is right, but the scale is missing: a return of CartPole is up to 100, one of Acrobot down to -100,
    and the learning rate would have to know.
    """
    advantages = returns - values.detach()
    return advantages - advantages.mean()
