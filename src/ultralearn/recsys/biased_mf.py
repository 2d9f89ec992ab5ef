"""Biased matrix factorization as one writes it first: four embeddings, automatic gradients, Adam."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ultralearn.recsys.data import Floats, Ints, Ratings
from ultralearn.recsys.recommender import Recommender


class Factorization(nn.Module):
    """A rating is mean + b_u + b_i + p_u . q_i: a number and a vector for each person and each item."""

    def __init__(self, mean: float, n_users: int, n_items: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.mean = mean
        self.user_biases = nn.Embedding.from_pretrained(torch.zeros(n_users, 1), freeze=False)
        self.item_biases = nn.Embedding.from_pretrained(torch.zeros(n_items, 1), freeze=False)
        user_factors = 0.1 * torch.randn(n_users, rank, generator=generator)
        item_factors = 0.1 * torch.randn(n_items, rank, generator=generator)
        self.user_factors = nn.Embedding.from_pretrained(user_factors, freeze=False)
        self.item_factors = nn.Embedding.from_pretrained(item_factors, freeze=False)

    def forward(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Stars of users[j] for items[j], (n,), and the squared length of all parameters that said so, (n,)."""
        parts = self.user_biases(users), self.item_biases(items), self.user_factors(users), self.item_factors(items)
        b_u, b_i, p, q = parts
        stars = self.mean + (b_u + b_i).squeeze(1) + (p * q).sum(1)
        return stars, torch.stack([part.square().sum(1) for part in parts]).sum(0)


@dataclass
class BiasedMF(Recommender):
    """Biased matrix factorization (Koren, Bell and Volinsky 2009, eq. 5) by mini-batches and Adam.

    Minimizes, over the ratings r given, the mean of

        (r - mean - b_u - b_i - p_u . q_i)^2 + reg (b_u^2 + b_i^2 + |p_u|^2 + |q_i|^2)

    so whoever rated n times pays n times: reg is for a single rating here, unlike that of ALS. It stops early, after so
    many epochs: more fit the training part better and others worse.
    """

    rank: int = 32
    learning_rate: float = 0.005
    reg: float = 0.12
    epochs: int = 10
    batch_size: int = 1024
    seed: int = 0
    predicts: ClassVar = "stars"
    state: ClassVar[tuple[str, ...]] = ("mean", "user_biases", "item_biases", "user_factors", "item_factors")

    def fit(self, interactions: Ratings) -> Self:
        """Goes through the ratings `epochs` times, each time in another order."""
        self._expect_positive("rank", "learning_rate", "epochs", "batch_size")
        self._remember(interactions)
        generator = torch.Generator().manual_seed(self.seed)
        mean = float(interactions.ratings.mean())
        model = Factorization(mean, interactions.n_users, interactions.n_items, self.rank, generator)
        optimizer = torch.optim.Adam(model.parameters(), self.learning_rate)
        users, items = torch.from_numpy(interactions.users), torch.from_numpy(interactions.items)
        ratings = torch.from_numpy(interactions.ratings).float()
        for _ in range(self.epochs):
            for batch in torch.randperm(len(ratings), generator=generator).split(self.batch_size):
                predictions, squares = model(users[batch], items[batch])
                loss = ((ratings[batch] - predictions).square() + self.reg * squares).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        self.mean = np.array(mean)
        for name in ("user_biases", "item_biases", "user_factors", "item_factors"):
            table = getattr(model, name).weight.detach().numpy()
            setattr(self, name, table[:, 0] if name.endswith("biases") else table)
        return self

    def scores(self, users: Ints) -> Floats:
        """Stars, (n, n_items), not cut to the range that can be given: the order is what matters here."""
        tastes = self.user_factors[users] @ self.item_factors.T
        return np.asarray(self.mean + self.user_biases[users, None] + self.item_biases + tastes)

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Stars of every item, (n_items,), for somebody with these ratings: their best offset and factors at once.

        With the items as they are, the loss above is a ridge regression on q_i and a 1.
        """
        items, ratings = self._rated(items, ratings)
        features = np.column_stack([self.item_factors, np.ones(len(self.item_factors))])
        rated = features[items]
        system = rated.T @ rated + self.reg * max(len(items), 1) * np.eye(self.rank + 1)
        person = np.linalg.solve(system, rated.T @ (ratings - self.mean - self.item_biases[items]))
        return np.asarray(self.mean + self.item_biases + features @ person)
