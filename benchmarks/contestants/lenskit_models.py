"""LensKit: biased matrix factorization for ratings, iALS and EASE for rankings."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from lenskit.als import BiasedMFScorer, ImplicitMFScorer
from lenskit.batch import recommend
from lenskit.data import ItemListCollection, from_interactions_df
from lenskit.knn.ease import EASEScorer
from lenskit.parallel.config import initialize as initialize_parallel
from lenskit.pipeline import topn_pipeline
from lenskit.training import TrainingOptions

from benchmarks.contestants import Columns, Ids, Stars

torch.set_num_threads(1)
initialize_parallel(processes=1, threads=1, backend_threads=1)


class LensKit:
    """Any scorer of LensKit."""

    data_format: ClassVar[str] = "LensKit's Dataset"
    kind: ClassVar[type]

    def prepare(self, train: Columns) -> None:
        """Build the Dataset."""
        columns = {"user_id": train.users, "item_id": train.items, "rating": train.ratings}
        self.data = from_interactions_df(pd.DataFrame(columns))
        self.train = train

    def fit(self, seed: int, **params: Any) -> None:
        """Fit a new scorer."""
        self.scorer = self.kind(**params)
        self.scorer.train(self.data, TrainingOptions(rng=seed, device="cpu"))
        self.pipeline = None

    def recommend(self, k: int) -> ItemListCollection:
        """All users in one batch, in this process."""
        return recommend(self._pipeline(), list(range(self.train.n_users)), n=k, n_jobs=1)

    def lists(self, recommended: ItemListCollection, k: int) -> Ids:
        """Their ids."""
        found = np.full((self.train.n_users, k), -1)
        for key, items in recommended:
            ids = np.asarray(items.ids())
            found[int(key.user_id), : len(ids)] = ids
        return found

    def quick_lists(self, k: int) -> Ids:
        """From one table of scores, which takes a tenth of the time of the batch runner."""
        scores = np.full((self.train.n_users, self.train.n_items), -np.inf)
        scores[:, self.scorer.items.ids()] = self._scores()
        scores[self.train.users, self.train.items] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.where(np.take_along_axis(scores, best, axis=1) > -np.inf, best, -1)

    def _scores(self) -> Any:
        raise NotImplementedError

    def _pipeline(self) -> Any:
        # Wrapping a fitted scorer for use is no part of fit, and done once, as in a service.
        if self.pipeline is None:
            self.pipeline = topn_pipeline(self.scorer)
            self.pipeline.train(self.data, TrainingOptions(retrain=False))
        return self.pipeline


class LensKitBiasedMF(LensKit):
    """Alternating least squares on what the offsets leave."""

    kind = BiasedMFScorer

    def predict(self, users: Ids, items: Ids) -> Stars:
        """Offsets and factors; the offsets alone for an item that was not there, as LensKit's own fallback does."""
        bias, scorer = self.scorer.bias, self.scorer
        known = np.full(self.train.n_items, -1)
        known[scorer.items.ids()] = np.arange(len(scorer.items))
        people = np.full(self.train.n_users, -1)
        people[scorer.users.ids()] = np.arange(len(scorer.users))
        u, i = people[users], known[items]
        stars = np.full(len(users), float(bias.global_bias))
        stars += np.where(u >= 0, np.asarray(bias.user_biases)[u], 0)
        stars += np.where(i >= 0, np.asarray(bias.item_biases)[i], 0)
        tastes = np.sum(np.asarray(scorer.user_embeddings)[u] * np.asarray(scorer.item_embeddings)[i], axis=1)
        return stars + np.where((u >= 0) & (i >= 0), tastes, 0)


class LensKitImplicitMF(LensKit):
    """iALS, every system solved exactly. The factors from training are used, which is LensKit's faster way."""

    kind = ImplicitMFScorer

    def fit(self, seed: int, **params: Any) -> None:
        """Fit a new scorer."""
        super().fit(seed, user_embeddings="prefer", **params)

    def _scores(self) -> Any:
        scores = np.full((self.train.n_users, len(self.scorer.items)), -np.inf)
        scores[self.scorer.users.ids()] = self.scorer.user_embeddings @ self.scorer.item_embeddings.T
        return scores


class LensKitEASE(LensKit):
    """Closed form, by PyTorch's Cholesky inverse."""

    kind = EASEScorer

    def _scores(self) -> Any:
        known = np.full(self.train.n_items, -1)
        known[self.scorer.items.ids()] = np.arange(len(self.scorer.items))
        seen = np.zeros((self.train.n_users, len(self.scorer.items)), dtype=np.float32)
        seen[self.train.users, known[self.train.items]] = 1
        return seen @ self.scorer.weights
