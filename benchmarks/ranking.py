"""Ranking: which films, on the published 75/25 split; CPU seconds to fit, and users a CPU second to serve."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from optuna.distributions import FloatDistribution

from benchmarks.harness import Contender, Entry, Measure, Suite
from benchmarks.processes import OURS, ContestantFailed
from benchmarks.rating import columns, log
from ultralearn.recsys.data import Ratings, load_movielens
from ultralearn.recsys.evaluation import ndcg_at_k, ranking_split

JUDGED, SERVED = 10, 20  # how many films of a list count, and how many are asked for
CLOCK = 0.5  # CPU seconds for which the same call is repeated

# The same ranges for everybody's iALS.
ALPHA, REG = log(1, 10), log(10, 100)
OUR_IALS = {"alpha": ALPHA, "reg": REG, "popularity_power": FloatDistribution(0, 1)}
IMPLICIT = {"alpha": ALPHA, "regularization": REG}
LENSKIT_IALS = {"weight": ALPHA, "regularization": REG}
EASE = log(10, 3000)


def _ials(k: int) -> list[Entry]:
    """Our iALS of k factors, and implicit's, in both precisions."""
    peers = [
        Entry(
            f"implicit ALS k {k} {precision} (tuned)",
            "implicit",
            "benchmarks.contestants.implicit_models:ImplicitALS",
            params={"factors": k, "dtype": precision},
            space=IMPLICIT,
            effort=("iterations", (2, 3, 5, 8, 15)),
            like=f"iALS k {k}",
            label=f"implicit k {k}{mark}",
            series="implicit k",
        )
        for precision, mark in (("float32", ""), ("float64", " f64"))
    ]
    ours = Entry(
        f"iALS k {k}",
        OURS,
        "benchmarks.contestants.ours:OurIALS",
        params={"rank": k},
        space=OUR_IALS,
        effort=("sweeps", (2, 3, 4, 6, 8)),
        like=f"iALS k {k}",
        series="iALS k",
    )
    return [ours, *peers]


class RankingSuite(Suite):
    """MovieLens 100K, every rating a positive, a quarter of each film's ratings held out."""

    name: ClassVar[str] = "ranking"
    title: ClassVar[str] = "Which films?"
    quality: ClassVar[str] = "ndcg"
    cost: ClassVar[str] = "fit"
    measures: ClassVar[Sequence[Measure]] = (
        Measure("ndcg", "nDCG@10", "", more_is_better=True, digits=3, tie=0.005),
        Measure("fit", "Fit", "CPU s", more_is_better=False, digits=3),
        Measure("serve", "Lists of 20", "users per CPU s", more_is_better=True, digits=0),
    )
    rounds: ClassVar[int] = 5
    trials: ClassVar[int] = 50  # what is good lies on a ridge of alpha and regularization, which 30 often miss
    split_seed: ClassVar[int] = 42
    entries: ClassVar[Sequence[Entry]] = (
        Entry("Popularity", OURS, "benchmarks.contestants.ours:OurPopularity", baseline=True),
        *_ials(32),
        *_ials(64),
        *_ials(128),
        Entry("EASE", OURS, "benchmarks.contestants.ours:OurEASE", space={"reg": EASE}, like="EASE"),
        Entry(
            "implicit ALS (its defaults)",
            "implicit",
            "benchmarks.contestants.implicit_models:ImplicitALS",
            label="implicit, defaults",
        ),
        Entry(
            "LensKit EASE (tuned)",
            "lenskit",
            "benchmarks.contestants.lenskit_models:LensKitEASE",
            space={"regularization": EASE},
            like="EASE",
            label="LensKit EASE",
        ),
        Entry(
            "LensKit iALS k 32 (tuned)",
            "lenskit",
            "benchmarks.contestants.lenskit_models:LensKitImplicitMF",
            params={"embedding_size": 32},
            effort=("epochs", (2, 3, 5, 7, 10)),
            space=LENSKIT_IALS,
            like="iALS k 32",
            label="LensKit iALS k 32",
        ),
        Entry(
            "RecTools EASE (tuned)",
            "rectools",
            "benchmarks.contestants.rectools_models:RecToolsEASE",
            space={"regularization": EASE},
            like="EASE",
            label="RecTools EASE",
        ),
        Entry(
            "RecTools iALS k 32 (tuned)",
            "rectools",
            "benchmarks.contestants.rectools_models:RecToolsALS",
            params={"factors": 32, "dtype": "float32"},
            space=IMPLICIT,
            effort=("iterations", (2, 3, 5, 8, 15)),
            like="iALS k 32",
            label="RecTools iALS k 32",
        ),
    )

    def open(self, folder: Path) -> dict[str, str]:
        """The split, and the training part split once more to tune on."""
        self.folder = folder
        train, test = ranking_split(load_movielens(), 0.25, self.split_seed)
        # A tenth, not a quarter: what regularization is right hangs on how many ratings there are to fit.
        fit, validation = ranking_split(train, 0.1, self.split_seed)
        self.relevant = {"test": _relevant(test), "tune_validation": _relevant(validation)}
        parts = {"train": train, "test": test, "tune_fit": fit, "tune_validation": validation}
        return {name: columns(part).write(self._path(name)) for name, part in parts.items()}

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def _fit(self, process: Contender, train: str, seed: int, params: dict[str, Any]) -> float:
        return float(process.tell("fit", train=str(self._path(train)), seed=seed, params=params)["cpu"])

    def _lists(self, process: Contender, do: str, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        answer = self.folder / "lists.npy"
        answer.unlink(missing_ok=True)
        said = process.tell(do, to=str(answer), **arguments)
        return np.load(answer), said

    def warm_up(self, process: Contender, params: dict[str, Any]) -> None:
        """One fit and one set of lists, by both ways: they must agree."""
        self._fit(process, "tune_fit", 0, params)
        quick, _ = self._lists(process, "quick_lists", k=JUDGED)
        own, _ = self._lists(process, "recommend", k=JUDGED, seconds=0)
        qualities = [_ndcg(lists, self.relevant["tune_validation"]) for lists in (quick, own)]
        if abs(qualities[0] - qualities[1]) > 0.001:
            raise ContestantFailed(f"{process.name}: two ways to the same lists have nDCG {qualities}.")

    def score(self, process: Contender, params: dict[str, Any]) -> float:
        """The nDCG on the validation part."""
        self._fit(process, "tune_fit", 0, params)
        lists, _ = self._lists(process, "quick_lists", k=JUDGED)
        return _ndcg(lists, self.relevant["tune_validation"])

    def measure(self, process: Contender, params: dict[str, Any], turn: int, once: bool) -> dict[str, list[float]]:
        """One fit with the round's number as seed, then lists for everybody."""
        seconds = self._fit(process, "train", turn, params)
        lists, taken = self._lists(process, "recommend", k=SERVED, seconds=CLOCK)
        served = taken["calls"] * taken["users"] / taken["cpu"]
        return {"ndcg": [_ndcg(lists, self.relevant["test"])], "fit": [seconds], "serve": [served]}


def _relevant(test: Ratings) -> Any:
    relevant = np.zeros((test.n_users, test.n_items), dtype=bool)
    relevant[test.users, test.items] = True
    return relevant


def _ndcg(lists: Any, relevant: Any) -> float:
    return float(np.nanmean(ndcg_at_k(lists, relevant, JUDGED)))
