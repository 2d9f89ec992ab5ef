"""EASE: equal to the exercise and to LensKit's, through either inverse."""

import numpy as np
import pandas as pd
import pytest
import torch
from lenskit.data import from_interactions_df
from lenskit.knn import EASEScorer

from ultralearn.exercises.week_04.ease_weights import ease_weights
from ultralearn.recsys.data import Ratings, simulate
from ultralearn.recsys.ease import EASE

MORE_PEOPLE, MORE_ITEMS = simulate(80, 50, 900, seed=1).ratings, simulate(50, 80, 900, seed=1).ratings
both_ways = pytest.mark.parametrize("ratings", [MORE_PEOPLE, MORE_ITEMS], ids=["more people", "more items"])


@both_ways
@pytest.mark.parametrize("reg", [0.5, 10.0, 500.0])
def test_weights_are_those_of_the_exercise(ratings: Ratings, reg):
    model = EASE(reg).fit(ratings)
    np.testing.assert_allclose(model.weights, ease_weights(ratings.matrix(), reg), rtol=1e-4, atol=2e-5)
    assert not np.diag(model.weights).any()


@both_ways
def test_weights_and_scores_are_lenskits(ratings: Ratings):
    model = EASE(20.0).fit(ratings)
    peer = EASEScorer(regularization=20.0)
    threads = torch.get_num_threads()
    peer.train(from_interactions_df(pd.DataFrame({"user_id": ratings.users, "item_id": ratings.items})))
    torch.set_num_threads(threads)  # LensKit sets its own
    known = peer.items.ids().astype(int)  # items that nobody rated are not there
    np.testing.assert_allclose(model.weights[np.ix_(known, known)], peer.weights, rtol=1e-4, atol=1e-5)
    theirs = (ratings.matrix().toarray()[:, known] != 0) @ peer.weights
    np.testing.assert_allclose(model.scores(np.arange(ratings.n_users))[:, known], theirs, rtol=1e-4, atol=1e-5)


@both_ways
def test_scores_are_sums_of_weights(ratings: Ratings):
    model = EASE(20.0).fit(ratings)
    people = np.array([4, 0, 33])
    seen = ratings.matrix().toarray()[people] != 0
    np.testing.assert_allclose(model.scores(people), seen @ model.weights, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.fold_in(np.array([7, 1, 7])), model.weights[7] + model.weights[1], rtol=1e-6)


def test_weights_are_the_best_that_leave_the_diagonal_out():
    """The gradient of |X - XB|^2 + reg |B|^2 is zero wherever B may differ from zero."""
    model = EASE(5.0).fit(MORE_PEOPLE)
    x = (MORE_PEOPLE.matrix().toarray() != 0).astype(float)
    weights = model.weights.astype(float)
    gradient = x.T @ (x @ weights - x) + 5.0 * weights
    np.fill_diagonal(gradient, 0)
    assert np.abs(gradient).max() < 1e-3
