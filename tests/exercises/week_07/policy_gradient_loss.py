import torch


def loss_by_dot_product(log_probs, returns):
    constants = torch.tensor(returns.tolist(), dtype=log_probs.dtype)
    return torch.dot(log_probs, constants).neg() / constants.numel()


def uphill_loss(log_probs, returns):
    return torch.mean(returns.detach() * log_probs)


def total_loss(log_probs, returns):
    return -torch.sum(log_probs * returns.detach())


def graph_through_returns(log_probs, returns):
    return torch.mean(-log_probs * returns)


def without_graph(log_probs, returns):
    with torch.no_grad():
        return -(log_probs * returns).mean()


def elementwise(log_probs, returns):
    return -log_probs * returns.detach()


SECOND = loss_by_dot_product
VARIANTS = {
    "climbs_the_wrong_way": uphill_loss,
    "summed_over_steps": total_loss,
    "returns_not_detached": graph_through_returns,
    "nothing_flows": without_graph,
    "one_loss_a_step": elementwise,
}
EQUIVALENT: dict[str, str] = {}
