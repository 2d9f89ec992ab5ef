"""The baselines, against numbers worked out by hand."""

from dataclasses import replace

import numpy as np

from ultralearn.exercises.week_03.shrunken_offsets import shrunken_offsets
from ultralearn.recsys.baselines import ItemMean, Offsets, Popularity
from ultralearn.recsys.data import simulate

# Three people, four films: film 0 has 5 and 4, film 1 has 1, film 2 has 2, film 3 has none.
FOUR = replace(
    simulate(3, 4, 4).ratings,
    users=np.array([0, 1, 1, 2]),
    items=np.array([0, 0, 1, 2]),
    ratings=np.array([5.0, 4.0, 1.0, 2.0]),
)
PEOPLE = np.arange(3)


def test_item_means_are_means_and_the_mean_of_all_where_there_are_none():
    model = ItemMean().fit(FOUR)
    assert model.scores(PEOPLE).tolist() == [[4.5, 1.0, 2.0, 3.0]] * 3
    assert model.fold_in(np.array([1])).tolist() == [4.5, 1.0, 2.0, 3.0]
    assert model.predict(np.array([2, 0]), np.array([0, 3])).tolist() == [4.5, 3.0]
    assert model.recommend(PEOPLE, 2).tolist() == [[3, 2], [3, 2], [0, 3]]


def test_popularity_counts():
    model = Popularity().fit(FOUR)
    assert model.scores(PEOPLE).tolist() == [[2.0, 1.0, 1.0, 0.0]] * 3
    assert model.recommend(PEOPLE, 4).tolist() == [[1, 2, 3, -1], [2, 3, -1, -1], [0, 1, 3, -1]]


def test_what_is_handed_out_can_be_changed_without_harm():
    for model in (ItemMean().fit(FOUR), Popularity().fit(FOUR), Offsets().fit(FOUR)):
        model.scores(PEOPLE)[:] = 0
        model.fold_in(np.array([1]), np.array([1.0]))[:] = 0
        assert model.scores(PEOPLE)[0, 0] != 0


def test_offsets_after_one_sweep():
    """The mean is 3. Film 0 is 2 + 1 above it, over 2 + 1 ratings: 1. Person 1 is then 0 and -2 + 0.5 away."""
    model = Offsets(user_reg=1.0, item_reg=1.0, sweeps=1).fit(FOUR)
    assert model.item_biases.tolist() == [1.0, -1.0, -0.5, 0.0]
    assert model.user_biases.tolist() == [0.5, -1 / 3, -0.25]
    np.testing.assert_allclose(model.scores(PEOPLE)[0], [4.5, 2.5, 3.0, 3.5])


def test_offsets_are_those_of_week_3():
    ratings = simulate(30, 20, 300, seed=7).ratings
    model = Offsets().fit(ratings)
    user_biases = np.zeros(30)
    for _ in range(3):
        rest = ratings.ratings - ratings.ratings.mean() - user_biases[ratings.users]
        item_biases = shrunken_offsets(rest, ratings.items, 20, 3.0)
        rest = ratings.ratings - ratings.ratings.mean() - item_biases[ratings.items]
        user_biases = shrunken_offsets(rest, ratings.users, 30, 5.0)
    np.testing.assert_allclose(model.user_biases, user_biases)
    np.testing.assert_allclose(model.item_biases, item_biases)
    predictions = ratings.ratings - model.residuals(ratings)
    np.testing.assert_allclose(predictions, model.scores(ratings.users)[np.arange(300), ratings.items])
