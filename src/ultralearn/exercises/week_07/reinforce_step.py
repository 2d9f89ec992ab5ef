"""Week 7: `reinforce_step`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ultralearn.exercises.week_07.advantages_with_baseline import (
    advantages_with_baseline,
    baseline_left_out,
    values_not_detached,
)
from ultralearn.exercises.week_07.episode_lengths import random_lengths
from ultralearn.exercises.week_07.reward_to_go import (
    cut_one_step_late,
    ends_are_ignored,
    flat_batch,
    own_reward_is_missing,
    reward_to_go,
)
from ultralearn.practice import Declaration, Probe, Tolerance
from ultralearn.rl import Batch


def reinforce_step(policy: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch, discount: float) -> float:
    """One update of REINFORCE with a learned baseline. Changes the
    policy's parameters; returns the loss.

    policy: `policy(batch.obs)` gives (logits, values), of the shapes
    (steps, actions) and (steps,). optimizer: over all of its parameters;
    gradients left from earlier are thrown away, one step is made. batch:
    obs, actions (tensors), rewards, episode_ends (arrays), one entry a
    step. discount: in [0, 1].
    The loss is minus the mean over steps of log-probability times
    advantage, plus half the mean squared error of the values against the
    discounted rewards to go. Advantages: as in `advantages_with_baseline`.
    Williams (1992); Sutton and Barto (2018), section 13.4.
    """
    returns = np.empty(len(batch))
    following = 0.0
    for t in reversed(range(len(batch))):
        following = batch.rewards[t] + discount * following * (not batch.episode_ends[t])
        returns[t] = following
    targets = torch.from_numpy(returns).float()
    logits, values = policy(batch.obs)
    log_probs = torch.log_softmax(logits, dim=1)[torch.arange(len(batch)), batch.actions]
    advantages = targets - values.detach()
    advantages = (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)
    loss = -(log_probs * advantages).mean() + (values - targets).square().mean() / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _parts(policy, batch, discount, returns=reward_to_go):
    """What all the wrong steps below get right: log-probabilities, values, targets and advantages."""
    targets = torch.from_numpy(returns(batch.rewards, batch.episode_ends, discount)).float()
    logits, values = policy(batch.obs)
    log_probs = torch.log_softmax(logits, dim=1)[torch.arange(len(batch)), batch.actions]
    return log_probs, values, targets, advantages_with_baseline(targets, values)


def _descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _misfit(values, targets):
    return (values - targets).square().mean() / 2


class _TwoHeads(nn.Module):
    """A small policy with a baseline, its parameters drawn from a seed, its gradients not clean."""

    def __init__(self, obs_dim: int, actions: int, seed: int, shared: bool = False) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        if shared:
            self.trunk = nn.Parameter(torch.randn(obs_dim, obs_dim, generator=generator))
        self.shared = shared
        self.policy = nn.Parameter(torch.randn(obs_dim, actions, generator=generator))
        self.value = nn.Parameter(torch.randn(obs_dim, generator=generator))
        for parameter in self.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        features = torch.tanh(obs @ self.trunk) if self.shared else obs
        return features @ self.policy, features @ self.value


def _stepping(
    lengths: list[int], discount: float, seed: int, obs_dim: int = 3, actions: int = 3, unfinished: int = 0
) -> dict[str, Any]:
    flat = flat_batch(lengths, discount, seed, unfinished)
    generator = torch.Generator().manual_seed(seed)
    steps = len(flat["rewards"])
    policy = _TwoHeads(obs_dim, actions, seed)
    return {
        "policy": policy,
        "optimizer": torch.optim.SGD(policy.parameters(), lr=0.1 * seed),
        "batch": Batch(
            obs=torch.randn(steps, obs_dim, generator=generator),
            actions=torch.randint(actions, (steps,), generator=generator),
            rewards=flat["rewards"],
            episode_ends=flat["episode_ends"],
        ),
        "discount": discount,
    }


def _equal_returns() -> dict[str, Any]:
    inputs = _stepping([1, 1, 1, 1], 0.5, seed=3)
    inputs["batch"] = replace(inputs["batch"], rewards=np.full(4, 2.0))
    return inputs


def _shared_trunk() -> dict[str, Any]:
    """Both heads read one trunk, and the optimizer does more than plain descent."""
    inputs = _stepping([3, 2, 4], 0.7, seed=6)
    policy = _TwoHeads(3, 3, seed=6, shared=True)
    optimizer = torch.optim.SGD(policy.parameters(), lr=0.5, momentum=0.9, weight_decay=0.3)
    return {**inputs, "policy": policy, "optimizer": optimizer}


def _large_logits() -> dict[str, Any]:
    """Logits in the hundreds, and returns that make for a large gradient."""
    inputs = _stepping([3, 5], 0.6, seed=7)
    with torch.no_grad():
        inputs["policy"].policy.mul_(300)
    inputs["batch"] = replace(inputs["batch"], rewards=inputs["batch"].rewards * 100)
    return inputs


def _tiny_spread() -> dict[str, Any]:
    """Advantages whose standard deviation is 1e-8, as large as what is added to it."""
    inputs = _stepping([1, 1, 1, 1], 0.5, seed=8)
    with torch.no_grad():
        inputs["policy"].value.zero_()
    inputs["batch"] = replace(inputs["batch"], rewards=np.array([1e-8, -1e-8, -1e-8, 1e-8]))
    return inputs


def _after_the_step(
    function: Callable[..., Any],
    policy: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    discount: float,
) -> dict[str, Any]:
    """The loss, the parameters after the step, and whether the batch is as it was."""
    arrays = batch.obs.numpy(), batch.actions.numpy(), batch.rewards, batch.episode_ends
    before = [array.copy() for array in arrays]
    loss = function(policy=policy, optimizer=optimizer, batch=batch, discount=discount)
    after = {f"the parameters after it ({name})": p.detach().clone() for name, p in policy.named_parameters()}
    untouched = all(np.array_equal(old, new) for old, new in zip(before, arrays, strict=True))
    return {"the loss": loss, **after, "the batch is as it was": untouched}


declaration = Declaration(
    reinforce_step,
    question="Say it aloud before you type: from rewards to returns, from returns to advantages, from advantages to a "
    "loss, from the loss to a step. Which of these needs the network, and which must not send a gradient into it?",
    nudge="Six moves: rewards to go; logits and values from the policy; log-probabilities of the actions taken; "
    "advantages, with the values as constants; the loss with its two parts; clear, backpropagate, step.",
    probes=[
        Probe("two episodes", lambda: _stepping([2, 3], 0.5, seed=1)),
        Probe("the last episode unfinished", lambda: _stepping([3, 4], 0.9, seed=2, obs_dim=4, unfinished=2)),
        Probe("equal returns", _equal_returns),
        Probe("two actions", lambda: _stepping([4, 1, 6], 1.0, seed=4, obs_dim=2, actions=2)),
        Probe("a trunk that both heads share", _shared_trunk),
        Probe("large logits", _large_logits),
        Probe("hardly any spread", _tiny_spread),
        Probe("twelve episodes", lambda: _stepping(random_lengths(12, 20, 5), 0.95, seed=5, actions=4)),
        Probe("8,000 steps", lambda: _stepping([500] * 16, 0.99, seed=1, obs_dim=4, actions=2), times=30),
    ],
    observe=_after_the_step,
    tolerance=Tolerance(rtol=1e-4, atol=1e-5),
    mutates=True,
)


@declaration.misconception
def stale_gradients(policy, optimizer, batch, discount):
    """The loss is right, the step is not: gradients of an earlier batch are still in it. PyTorch adds to what is
    there until you clear it.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    loss = -(log_probs * advantages).mean() + _misfit(values, targets)
    loss.backward()
    optimizer.step()
    return loss.item()


@declaration.misconception
def learns_to_fail(policy, optimizer, batch, discount):
    """The sign of the policy's part: your agent makes bad actions likelier, and gets worse with each batch."""
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    return _descend(optimizer, (log_probs * advantages).mean() + _misfit(values, targets))


@declaration.misconception
def summed_loss(policy, optimizer, batch, discount):
    """You sum over the steps where the mean is asked for: your steps grow with the batch. Adam hides it, because it
    divides the scale away; plain gradient descent does not.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    return _descend(optimizer, -(log_probs * advantages).sum() + (values - targets).square().sum() / 2)


@declaration.misconception
def baseline_not_detached(policy, optimizer, batch, discount):
    """The loss has the right value, the gradient has not: through the advantages, the policy's loss moves the
    baseline as well. The baseline is to learn from its own error only.
    """
    log_probs, values, targets, _ = _parts(policy, batch, discount)
    advantages = values_not_detached(targets, values)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


@declaration.misconception
def returns_run_across_episodes(policy, optimizer, batch, discount):
    """Your returns run on over the ends of episodes. The last action before a fall is paid for all of the next
    episode, which others played.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount, ends_are_ignored)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


@declaration.misconception
def returns_start_one_late(policy, optimizer, batch, discount):
    """Off by one in the rewards to go: each starts with the next step's reward instead of its own."""
    log_probs, values, targets, advantages = _parts(policy, batch, discount, own_reward_is_missing)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


@declaration.misconception
def cuts_one_step_late(policy, optimizer, batch, discount):
    """Off by one at the ends of episodes: the ending step still gets the next episode's return, and the step before
    it loses its own.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount, cut_one_step_late)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


@declaration.misconception
def discount_hard_coded(policy, optimizer, batch, discount):
    """Your discount is 0.99 whatever `discount` says."""
    return reinforce_step(policy, optimizer, batch, 0.99)


@declaration.misconception
def silently_broadcast(policy, optimizer, batch, discount):
    """One of your tensors has the shape (steps, 1) and the other (steps,): PyTorch multiplies each log-probability
    with each advantage, steps × steps of them, without a word. The mean of that table is the product of two means,
    and the advantages' mean is 0. Print the shapes before you multiply.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    loss = -(log_probs[:, None] * advantages).mean() + _misfit(values, targets)
    return _descend(optimizer, loss)


@declaration.misconception
def no_logarithm(policy, optimizer, batch, discount):
    """You weight the probabilities of the actions taken instead of their logarithms."""
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    return _descend(optimizer, -(log_probs.exp() * advantages).mean() + _misfit(values, targets))


@declaration.misconception
def baseline_never_learns(policy, optimizer, batch, discount):
    """The policy's part is right. But nothing in your loss makes the values predict the returns, so the baseline
    stays as it was born.
    """
    log_probs, _, _, advantages = _parts(policy, batch, discount)
    return _descend(optimizer, -(log_probs * advantages).mean())


@declaration.misconception
def advantages_not_normalized(policy, optimizer, batch, discount):
    """You subtract the baseline and stop there: mean 0 and standard deviation 1 are missing."""
    log_probs, values, targets, _ = _parts(policy, batch, discount)
    loss = -(log_probs * (targets - values.detach())).mean() + _misfit(values, targets)
    return _descend(optimizer, loss)


@declaration.misconception
def returns_without_baseline(policy, optimizer, batch, discount):
    """You normalize the returns, and the baseline learns, but nobody asks it: the advantages do not depend on the
    values.
    """
    log_probs, values, targets, _ = _parts(policy, batch, discount)
    advantages = baseline_left_out(targets, values)
    return _descend(optimizer, -(log_probs * advantages).mean() + _misfit(values, targets))


@declaration.misconception
def loss_stays_a_tensor(policy, optimizer, batch, discount):
    """The step is right. Return the loss as a plain number: a tensor keeps its whole graph in memory, and a list of
    a thousand losses keeps a thousand graphs.
    """
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    loss = -(log_probs * advantages).mean() + _misfit(values, targets)
    _descend(optimizer, loss)
    return loss


@declaration.misconception
def never_steps(policy, optimizer, batch, discount):
    """The loss is right and its gradients are there, but the parameters are what they were. Who moves them?"""
    log_probs, values, targets, advantages = _parts(policy, batch, discount)
    loss = -(log_probs * advantages).mean() + _misfit(values, targets)
    optimizer.zero_grad()
    loss.backward()
    return loss.item()
