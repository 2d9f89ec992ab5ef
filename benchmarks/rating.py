"""Rating: how many stars, on held-out ratings, in five folds; and the CPU seconds that fitting takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution

from benchmarks.contestants import Columns
from benchmarks.harness import Contender, Entry, Measure, Suite
from benchmarks.processes import OURS
from ultralearn.recsys.data import Ratings, load_movielens
from ultralearn.recsys.evaluation import rating_folds, rmse

FOLDS = 5


def columns(part: Ratings) -> Columns:
    """The columns that all contestants read."""
    return Columns(part.users, part.items, part.ratings, part.timestamps, part.n_users, part.n_items)


def log(low: float, high: float) -> FloatDistribution:
    """Between these, on a log scale."""
    return FloatDistribution(low, high, log=True)


class RatingSuite(Suite):
    """Five folds of MovieLens 100K."""

    name: ClassVar[str] = "rating"
    title: ClassVar[str] = "How many stars?"
    quality: ClassVar[str] = "rmse"
    cost: ClassVar[str] = "fit"
    measures: ClassVar[Sequence[Measure]] = (
        Measure("rmse", "RMSE", "stars", more_is_better=False, digits=4, tie=0.002),
        Measure("fit", "Fit", "CPU s", more_is_better=False, digits=3),
    )
    rounds: ClassVar[int] = 3
    trials: ClassVar[int] = 30
    split_seed: ClassVar[int] = 0
    entries: ClassVar[Sequence[Entry]] = (
        Entry("Item mean", OURS, "benchmarks.contestants.ours:OurItemMean", baseline=True),
        Entry(
            "MF by Adam k 32",
            OURS,
            "benchmarks.contestants.ours:OurBiasedMF",
            params={"rank": 32, "batch_size": 1024},
            space={"learning_rate": log(0.002, 0.05), "reg": log(0.01, 0.3), "epochs": IntDistribution(5, 20)},
            first={"learning_rate": 0.01, "reg": 0.05, "epochs": 12},
            like="MF by gradient descent",
            label="MF by Adam",
        ),
        Entry(
            "ALS k 16",
            OURS,
            "benchmarks.contestants.ours:OurALS",
            params={"rank": 16},
            space={"reg": log(1, 40)},
            effort=("sweeps", (2, 3, 4, 6, 8)),
            like="ALS k 16",
        ),
        Entry(
            "Bayesian MF k 8",
            OURS,
            "benchmarks.contestants.ours:OurBayesianMF",
            params={"rank": 8, "sweeps": 80, "burn_in": 10},
            space={"noise_precision": log(0.7, 2.5)},
            series="Bayesian MF k",
        ),
        Entry(
            "Bayesian MF k 32",
            OURS,
            "benchmarks.contestants.ours:OurBayesianMF",
            params={"rank": 32, "sweeps": 110, "burn_in": 20},
            series="Bayesian MF k",
            once=True,
        ),
        Entry(
            "Surprise SVD",
            "surprise",
            "benchmarks.contestants.surprise_models:SurpriseSVD",
            like="MF by gradient descent",
        ),
        Entry(
            "Surprise SVD (tuned)",
            "surprise",
            "benchmarks.contestants.surprise_models:SurpriseSVD",
            space={
                "n_epochs": IntDistribution(10, 40),
                "n_factors": IntDistribution(20, 140),
                "lr_all": log(0.002, 0.02),
                "reg_all": log(0.01, 0.3),
            },
            like="MF by gradient descent",
            first={"n_epochs": 20, "n_factors": 100, "lr_all": 0.005, "reg_all": 0.02},
        ),
        Entry(
            "Surprise SVD++",
            "surprise",
            "benchmarks.contestants.surprise_models:SurpriseSVDpp",
            label="SVD++",
            once=True,
        ),
        Entry(
            "LensKit ALS k 16 (tuned)",
            "lenskit",
            "benchmarks.contestants.lenskit_models:LensKitBiasedMF",
            params={"embedding_size": 16},
            effort=("epochs", (2, 3, 5, 7, 10)),
            space={"regularization": log(0.01, 1), "damping": log(0.5, 20)},
            first={"regularization": 0.1, "damping": 5.0},
            like="ALS k 16",
            label="LensKit ALS k 16",
            series="LensKit ALS k",
        ),
        Entry(
            "LensKit ALS k 50 (tuned)",
            "lenskit",
            "benchmarks.contestants.lenskit_models:LensKitBiasedMF",
            params={"embedding_size": 50},
            effort=("epochs", (2, 3, 5, 7, 10)),
            space={"regularization": log(0.01, 1), "damping": log(0.5, 20)},
            first={"regularization": 0.1, "damping": 5.0},
            label="LensKit ALS k 50",
            series="LensKit ALS k",
        ),
    )

    def open(self, folder: Path) -> dict[str, str]:
        """Five folds, and of the first one's training part another tenth to tune on."""
        self.folder = folder
        folds = rating_folds(load_movielens(), FOLDS, self.split_seed)
        self.tests = [test.ratings for _, test in folds]
        fit, validation = rating_folds(folds[0][0], 10, self.split_seed)[0]
        self.validation = validation.ratings
        parts = {"tune_fit": fit, "tune_validation": validation}
        for number, (train, test) in enumerate(folds):
            parts |= {f"fold_{number}_train": train, f"fold_{number}_test": test}
        return {name: columns(part).write(self._path(name)) for name, part in parts.items()}

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def _error(self, process: Contender, pairs: str, actual: Any) -> float:
        answer = self.folder / "predictions.npy"
        answer.unlink(missing_ok=True)
        process.tell("predict", pairs=str(self._path(pairs)), to=str(answer))
        # Clipped for everybody: no star is below 1 or above 5, and some libraries leave that to the user.
        return rmse(np.clip(np.load(answer), 1, 5), actual)

    def warm_up(self, process: Contender, params: dict[str, Any]) -> None:
        """One fit."""
        process.tell("fit", train=str(self._path("tune_fit")), seed=0, params=params)

    def score(self, process: Contender, params: dict[str, Any]) -> float:
        """The RMSE on the validation part."""
        process.tell("fit", train=str(self._path("tune_fit")), seed=0, params=params)
        return self._error(process, "tune_validation", self.validation)

    def measure(self, process: Contender, params: dict[str, Any], turn: int, once: bool) -> dict[str, list[float]]:
        """Every fold once, with the round's number as seed."""
        found: dict[str, list[float]] = {"rmse": [], "fit": []}
        for number, actual in enumerate(self.tests):
            taken = process.tell("fit", train=str(self._path(f"fold_{number}_train")), seed=turn, params=params)
            found["fit"].append(taken["cpu"])
            found["rmse"].append(self._error(process, f"fold_{number}_test", actual))
        # One value a round: the published figure is the mean over the folds.
        found["rmse"] = [float(np.mean(found["rmse"]))]
        return found
