import torch
from torch import nn


def step_as_in_the_manual(model, optimizer, users, items, ratings):
    model.train()
    model.zero_grad()
    predictions = model(users, items)
    loss = nn.functional.mse_loss(predictions, ratings)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def accumulating(model, optimizer, users, items, ratings):
    loss = nn.functional.mse_loss(model(users, items), ratings)
    torch.autograd.backward(loss)
    optimizer.step()
    return float(loss)


def sum_of_squares(model, optimizer, users, items, ratings):
    loss = nn.MSELoss(reduction="sum")(model(users, items), ratings)
    model.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def backward_comes_last(model, optimizer, users, items, ratings):
    loss = nn.functional.mse_loss(model(users, items), ratings)
    optimizer.zero_grad(set_to_none=True)
    optimizer.step()
    loss.backward()
    return loss.item()


def detached_but_a_tensor(model, optimizer, users, items, ratings):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(users, items), ratings)
    loss.backward()
    optimizer.step()
    return loss.detach()


SECOND = step_as_in_the_manual
VARIANTS = {
    "stale_gradients": accumulating,
    "summed_over_the_batch": sum_of_squares,
    "cleared_before_the_step": backward_comes_last,
    "loss_stays_a_tensor": detached_but_a_tensor,
}
EQUIVALENT: dict[str, str] = {}
