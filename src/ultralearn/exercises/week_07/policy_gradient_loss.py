"""Week 7: `policy_gradient_loss`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ultralearn.practice import Declaration, Probe, Property, Tolerance, gradient_reaches, no_gradient_reaches


def policy_gradient_loss(log_probs: Tensor, returns: Tensor) -> Tensor:
    """Loss whose gradient is minus the REINFORCE estimate of the policy
    gradient.

    log_probs: (steps,), of the actions taken; gradients flow into them.
    returns: (steps,); treated as constants, also if they carry a graph.
    Returns a scalar tensor: minus the mean over steps of log-probability
    times return. Williams (1992); Sutton and Barto (2018), section 13.3.
    """
    weights = returns.detach()
    gain = (log_probs * weights).sum()
    steps = len(log_probs)
    loss = -gain / steps
    return loss


def _log_probs(steps: int, seed: int, with_graph: bool = False) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    log_probs = -torch.rand(steps, generator=generator) * 2 - 0.01
    returns = torch.randn(steps, generator=generator) * 20 + 10
    return {"log_probs": log_probs.requires_grad_(), "returns": returns.requires_grad_(with_graph)}


def _gradient_is_that_of_the_loss(function: Callable[..., Any], log_probs: Tensor, returns: Tensor) -> str | None:
    source = log_probs.detach().clone().requires_grad_()
    result = function(log_probs=source, returns=returns)
    if getattr(result, "requires_grad", False):
        result.sum().backward()
    if source.grad is None:
        return None  # said already: no gradient reaches log_probs
    expected = -returns.detach() / len(returns)
    if torch.allclose(source.grad, expected, rtol=1e-4, atol=1e-6):
        return None
    worst = int((source.grad - expected).abs().argmax())
    return (
        f"The loss has the right value, its gradient has not: with respect to `log_probs[{worst}]` it is "
        f"{float(source.grad[worst]):.4g}, expected {float(expected[worst]):.4g}."
    )


declaration = Declaration(
    policy_gradient_loss,
    question="Autograd gives you the gradient of whatever you write down. What must you write down so that its "
    "gradient is the one that you computed by hand, and what must it take for a given?",
    nudge="An optimizer goes downhill, you want to go up. And the returns say how much each step counts: they are "
    "measured, and no knob of the policy moves them.",
    probes=[
        Probe(
            "two steps",
            lambda: {
                "log_probs": torch.tensor([-0.5, -2.0], requires_grad=True),
                "returns": torch.tensor([1.0, 3.0]),
            },
        ),
        Probe(
            "returns with a graph of their own",
            lambda: {
                "log_probs": torch.tensor([-0.1, -1.0, -0.7], requires_grad=True),
                "returns": torch.tensor([2.0, -1.0, 0.5], requires_grad=True),
            },
        ),
        Probe("50 steps, seed 1", lambda: _log_probs(50, 1)),
        Probe("80 steps, seed 2", lambda: _log_probs(80, 2, with_graph=True)),
        Probe("8,000 steps", lambda: _log_probs(8000, 3), times=30),
    ],
    properties=[
        gradient_reaches("log_probs"),
        no_gradient_reaches("returns"),
        Property("the gradient is that of the loss", _gradient_is_that_of_the_loss),
    ],
    tolerance=Tolerance(rtol=1e-4, atol=1e-5),
)


@declaration.misconception
def climbs_the_wrong_way(log_probs, returns):
    """The sign: an optimizer makes a loss smaller, and you want good actions to become more likely."""
    return (log_probs * returns.detach()).mean()


@declaration.misconception
def summed_over_steps(log_probs, returns):
    """You sum where the mean is asked for. The better the agent, the longer the batch, and the larger your step:
    with plain gradient descent the learning rate that was right for 20 steps is 200 times too large for 4,000.
    """
    return -(log_probs * returns.detach()).sum()


@declaration.misconception
def returns_not_detached(log_probs, returns):
    """The value is right, but a gradient flows into the returns. If they come from a network, as a baseline does,
    this loss will teach that network to make the loss small, not to predict.
    """
    return -(log_probs * returns).mean()


@declaration.misconception
def nothing_flows(log_probs, returns):
    """The value is right, but no gradient reaches the log-probabilities, so the policy cannot learn. Only the
    returns are constants here.
    """
    return -(log_probs.detach() * returns.detach()).mean()


@declaration.misconception
def probabilities_instead(log_probs, returns):
    """You weight the probabilities, not their logarithms. The logarithm is what makes up for how often an action is
    drawn; without it, what is frequent is favored for being frequent.
    """
    return -(log_probs.exp() * returns.detach()).mean()


@declaration.misconception
def means_multiplied(log_probs, returns):
    """You take the mean of each and multiply. Then no step is tied to its own return: which action was good gets
    lost. Multiply first.
    """
    return -log_probs.mean() * returns.detach().mean()


@declaration.misconception
def one_loss_a_step(log_probs, returns):
    """You return one number a step. `backward` needs a single number; how does one get it here so that the size of
    the batch does not matter?
    """
    return -(log_probs * returns.detach())


@declaration.misconception
def no_longer_a_tensor(log_probs, returns):
    """You return a plain number. It has forgotten how it was computed, and nothing can be backpropagated from it:
    return the tensor, and take the number out when you print it.
    """
    return -(log_probs * returns.detach()).mean().item()
