"""Tuning: what is proposed, kept and refused. The models are stand-ins; their score is known."""

from dataclasses import dataclass

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from ultralearn.experiments.tuning import tune


@dataclass
class Setting:
    reg: float
    rank: int = 8


SPACE = {"reg": FloatDistribution(0.01, 100, log=True), "rank": IntDistribution(4, 16)}


def bowl(model: Setting) -> float:
    return (model.reg - 1) ** 2 + (model.rank - 8) ** 2


def test_the_best_of_all_trials_is_returned():
    tuned = tune(Setting, SPACE, bowl, trials=25, maximize=False)
    assert tuned.trials.height == 25
    assert tuned.score == tuned.trials["score"].min() < 2
    assert bowl(Setting(**tuned.params)) == tuned.score


def test_upward_as_well():
    tuned = tune(Setting, SPACE, lambda model: -bowl(model), trials=10)
    assert tuned.score == tuned.trials["score"].max()


def test_the_same_seed_proposes_the_same():
    first, again, other = (tune(Setting, SPACE, bowl, trials=5, seed=seed).trials for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_the_defaults_can_be_tried_first():
    tuned = tune(Setting, SPACE, bowl, trials=3, maximize=False, first={"reg": 1.0, "rank": 8})
    assert tuned.trials.row(0, named=True) == {"reg": 1.0, "rank": 8, "score": 0.0}
    assert tuned.params == {"reg": 1.0, "rank": 8}


@pytest.mark.parametrize(("space", "trials"), [(SPACE, 0), ({}, 5)])
def test_nothing_to_try_is_refused(space, trials):
    with pytest.raises(ValueError, match="expected at least 1 of each"):
        tune(Setting, space, bowl, trials=trials)


def test_optuna_talks_again_afterwards_even_if_a_trial_fails():
    level = optuna.logging.get_verbosity()

    def fails(model: Setting) -> float:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        tune(Setting, SPACE, fails, trials=2)
    assert optuna.logging.get_verbosity() == level
