"""Biased matrix factorization by mini-batch gradient descent."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.recommender import Recommender


class Factors(nn.Module):
    """mean + b_u + b_i + p_u . q_i."""

    def __init__(self, mean: float, n_users: int, n_items: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.mean = mean
        self.user_biases = nn.Parameter(torch.zeros(n_users))
        self.item_biases = nn.Parameter(torch.zeros(n_items))
        self.user_factors = nn.Parameter(0.1 * torch.randn(n_users, rank, generator=generator))
        self.item_factors = nn.Parameter(0.1 * torch.randn(n_items, rank, generator=generator))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Stars (n,) of users[j] for items[j]."""
        taste = (self.user_factors[users] * self.item_factors[items]).sum(1)
        return self.mean + self.user_biases[users] + self.item_biases[items] + taste


@dataclass
class BiasedMF(Recommender):
    """The model of week 4 as one would write it first: embeddings and Adam."""

    rank: int = 32
    learning_rate: float = 0.01
    reg: float = 0.05
    epochs: int = 12
    batch_size: int = 1024
    seed: int = 0
    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("mean", "user_biases", "item_biases", "user_factors", "item_factors")

    def fit(self, interactions: Ratings) -> Self:
        """Adam on the squared error plus reg times the squares of the parameters used."""
        self._remember(interactions)
        generator = torch.Generator().manual_seed(self.seed)
        mean = float(interactions.ratings.mean())
        model = Factors(mean, interactions.n_users, interactions.n_items, self.rank, generator)
        optimizer = torch.optim.Adam(model.parameters(), self.learning_rate)
        users, items = torch.from_numpy(interactions.users), torch.from_numpy(interactions.items)
        ratings = torch.from_numpy(interactions.ratings).float()
        for _ in range(self.epochs):
            for batch in torch.randperm(len(ratings), generator=generator).split(self.batch_size):
                u, i = users[batch], items[batch]
                errors = ratings[batch] - model(u, i)
                squares = model.user_factors[u].square().sum(1) + model.item_factors[i].square().sum(1)
                squares = squares + model.user_biases[u].square() + model.item_biases[i].square()
                loss = (errors.square() + self.reg * squares).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        self.mean = np.array(mean)
        for name, parameter in model.named_parameters():
            setattr(self, name, parameter.detach().numpy())
        return self

    def scores(self, users: Ints) -> Floats:
        """Stars."""
        tastes = self.user_factors[users] @ self.item_factors.T
        return np.asarray(self.mean + self.user_biases[users, None] + self.item_biases + tastes)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars of every item for somebody new: ridge regression on the items' factors and a one."""
        items, ratings = self._rated(items, ratings)
        features = np.column_stack([self.item_factors, np.ones(len(self.item_factors))]).astype(np.float64)
        rated = features[items]
        gram = rated.T @ rated + self.reg * len(items) * np.eye(self.rank + 1)
        person = np.linalg.solve(gram, rated.T @ (ratings - self.mean - self.item_biases[items]))
        return np.asarray(self.mean + self.item_biases + features @ person)
