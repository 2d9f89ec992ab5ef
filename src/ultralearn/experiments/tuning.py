"""Hyper-parameters by trial: Optuna proposes, a validation part judges. The test part is not an argument."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import optuna
import polars as pl
from optuna.distributions import BaseDistribution
from tqdm import tqdm

Model = TypeVar("Model")


@dataclass(frozen=True)
class Tuned:
    """The best hyper-parameters found, what they scored on the validation part, and every trial as a row."""

    params: dict[str, Any]
    score: float
    trials: pl.DataFrame


def tune(
    make: Callable[..., Model],
    space: Mapping[str, BaseDistribution],
    score: Callable[[Model], float],
    trials: int,
    seed: int = 0,
    *,
    maximize: bool = True,
    first: Mapping[str, Any] | None = None,
) -> Tuned:
    """Tries `trials` settings of the space, proposed by a tree-structured Parzen estimator, and returns the best.

    make(**params) gives an unfitted model; score(model) fits it and judges it on a validation part. `first` is tried
    first, for example the defaults. The same seed proposes the same settings. Bergstra et al. (2011).
    Raises ValueError where trials is less than 1 or the space is empty.
    """
    if trials < 1 or not space:
        raise ValueError(f"{trials} trials in a space of {len(space)} hyper-parameters; expected at least 1 of each")
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the bar says enough
    try:
        study = optuna.create_study(
            direction="maximize" if maximize else "minimize", sampler=optuna.samplers.TPESampler(seed=seed)
        )
        if first is not None:
            study.enqueue_trial(dict(first))
        rows = []
        for _ in (bar := tqdm(range(trials), unit="trial")):
            trial = study.ask(dict(space))
            value = score(make(**trial.params))
            study.tell(trial, value)
            rows.append(trial.params | {"score": value})
            bar.set_postfix(best=f"{study.best_value:.4f}")
    finally:
        optuna.logging.set_verbosity(level)
    return Tuned(study.best_params, study.best_value, pl.DataFrame(rows))
