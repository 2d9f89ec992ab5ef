"""RecTools: EASE, and its wrapper of implicit's ALS, for rankings."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from implicit.cpu.als import AlternatingLeastSquares
from rectools import Columns as Names
from rectools.dataset import Dataset
from rectools.models import EASEModel, ImplicitALSWrapperModel

from benchmarks.contestants import Columns, Ids


class RecToolsEASE:
    """Closed form."""

    data_format: ClassVar[str] = "RecTools' Dataset"

    def prepare(self, train: Columns) -> None:
        """Build the Dataset."""
        columns = {Names.User: train.users, Names.Item: train.items, Names.Weight: 1.0}
        frame = pd.DataFrame(columns).assign(**{Names.Datetime: pd.to_datetime(train.timestamps, unit="s")})
        self.data = Dataset.construct(frame)
        self.users = np.arange(train.n_users)

    def fit(self, seed: int, **params: Any) -> None:
        """Fit a new model."""
        self.model = self._make(seed, **params).fit(self.data)

    def _make(self, seed: int, **params: Any) -> Any:
        return EASEModel(recommend_n_threads=1, recommend_use_gpu_ranking=False, **params)

    def recommend(self, k: int) -> pd.DataFrame:
        """All users in one call."""
        return self.model.recommend(users=self.users, dataset=self.data, k=k, filter_viewed=True)

    def lists(self, recommended: pd.DataFrame, k: int) -> Ids:
        """Their ids."""
        found = np.full((len(self.users), k), -1)
        found[recommended[Names.User], recommended[Names.Rank] - 1] = recommended[Names.Item]
        return found

    def quick_lists(self, k: int) -> Ids:
        """The same."""
        return self.lists(self.recommend(k), k)


class RecToolsALS(RecToolsEASE):
    """The wrapper."""

    def _make(self, seed: int, **params: Any) -> Any:
        inner = AlternatingLeastSquares(num_threads=1, random_state=seed, **params)
        return ImplicitALSWrapperModel(inner, recommend_n_threads=1, recommend_use_gpu_ranking=False)
