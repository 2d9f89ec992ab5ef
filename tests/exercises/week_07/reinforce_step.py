import torch
import torch.nn.functional as F
from torch.distributions import Categorical

from tests.exercises.week_07.common import advantages_by_hand, graph_through_values, returns_episode_by_episode


def step_with_distributions(policy, optimizer, batch, discount):
    optimizer.zero_grad()
    goals = torch.tensor(returns_episode_by_episode(batch.rewards, batch.episode_ends, discount), dtype=torch.float32)
    logits, predicted = policy(batch.obs)
    credit = advantages_by_hand(goals, predicted)
    actor_loss = (Categorical(logits=logits).log_prob(batch.actions) * credit).sum() / -len(credit)
    total = actor_loss + 0.5 * F.mse_loss(predicted, goals)
    total.backward()
    optimizer.step()
    return total.detach().item()


def _everything(policy, batch, discount):
    goals = torch.tensor(returns_episode_by_episode(batch.rewards, batch.episode_ends, discount), dtype=torch.float32)
    logits, predicted = policy(batch.obs)
    taken = F.log_softmax(logits, dim=-1).gather(1, batch.actions.unsqueeze(1))
    return goals, predicted, taken


def accumulates(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = advantages_by_hand(goals, predicted)
    loss = -(taken.squeeze(1) * credit).mean() + 0.5 * F.mse_loss(predicted, goals)
    loss.backward()
    optimizer.step()
    return loss.item()


def forgot_to_squeeze(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = advantages_by_hand(goals, predicted)
    loss = -(taken * credit).mean() + 0.5 * F.mse_loss(predicted, goals)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def values_in_the_graph(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = graph_through_values(goals, predicted)
    loss = -(taken.squeeze(1) * credit).mean() + 0.5 * F.mse_loss(predicted, goals)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def forgets_the_values(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = advantages_by_hand(goals, predicted)
    loss = (-taken.squeeze(1) * credit).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def sums_everything(policy, optimizer, batch, discount):
    goals, predicted, taken = _everything(policy, batch, discount)
    credit = advantages_by_hand(goals, predicted)
    loss = -(taken[:, 0] * credit).sum() + 0.5 * F.mse_loss(predicted, goals, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


SECOND = step_with_distributions
VARIANTS = {
    "stale_gradients": accumulates,
    "silently_broadcast": forgot_to_squeeze,
    "baseline_not_detached": values_in_the_graph,
    "baseline_never_learns": forgets_the_values,
    "summed_loss": sums_everything,
}
EQUIVALENT: dict[str, str] = {}
