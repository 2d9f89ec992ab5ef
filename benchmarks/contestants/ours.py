"""The models of this course."""

from typing import Any, ClassVar

import numpy as np
import torch

from benchmarks.contestants import Columns, Ids, Stars
from ultralearn.recsys.als import ALS
from ultralearn.recsys.baselines import ItemMean, Popularity
from ultralearn.recsys.bayesian_mf import BayesianMF
from ultralearn.recsys.biased_mf import BiasedMF
from ultralearn.recsys.data import Ratings
from ultralearn.recsys.ease import EASE
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.recommender import Recommender

torch.set_num_threads(1)
SEEDLESS = (EASE, ItemMean, Popularity)


class Ours:
    """Any model of `ultralearn.recsys`."""

    data_format: ClassVar[str] = "Ratings: columns of user, item and stars"
    kind: ClassVar[type[Recommender]]
    model: Recommender

    def prepare(self, train: Columns) -> None:
        """Columns are what our models take."""
        nothing = tuple("" for _ in range(train.n_items))
        self.train = Ratings(
            users=train.users,
            items=train.items,
            ratings=train.ratings,
            timestamps=train.timestamps,
            titles=nothing,
            genres=tuple(() for _ in nothing),
            years=np.zeros(train.n_items, dtype=np.int64),
            n_users=train.n_users,
        )
        self.users = np.arange(train.n_users)

    def fit(self, seed: int, **params: Any) -> None:
        """Fit a new model."""
        seeds = {} if self.kind in SEEDLESS else {"seed": seed}
        self.model = self.kind(**params, **seeds).fit(self.train)

    def predict(self, users: Ids, items: Ids) -> Stars:
        """Ask the model."""
        return self.model.predict(users, items)

    def recommend(self, k: int) -> Ids:
        """Ask the model."""
        return self.model.recommend(self.users, k, exclude_seen=True)

    def lists(self, recommended: Ids, k: int) -> Ids:
        """They are ids already."""
        return recommended

    def quick_lists(self, k: int) -> Ids:
        """The same."""
        return self.recommend(k)


class OurItemMean(Ours):
    """Baseline for ratings."""

    kind = ItemMean


class OurPopularity(Ours):
    """Baseline for rankings."""

    kind = Popularity


class OurBiasedMF(Ours):
    """Mini-batch Adam."""

    kind = BiasedMF


class OurALS(Ours):
    """Alternating least squares for ratings."""

    kind = ALS


class OurBayesianMF(Ours):
    """Gibbs sampling."""

    kind = BayesianMF


class OurIALS(Ours):
    """Alternating least squares for rankings."""

    kind = IALS


class OurEASE(Ours):
    """Closed form."""

    kind = EASE
