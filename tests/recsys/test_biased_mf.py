"""Matrix factorization by Adam: ratings found that it has not seen, and a loss that is the one it states."""

import numpy as np
import torch

from ultralearn.recsys.baselines import Offsets
from ultralearn.recsys.biased_mf import BiasedMF, Factorization
from ultralearn.recsys.data import folds, simulate
from ultralearn.recsys.evaluation import rmse

RATINGS = simulate(80, 60, 2500, rank=2, noise=0.1, seed=2).ratings


def test_the_model_predicts_what_it_has_not_seen():
    train_rows, test_rows = folds(2500, 5)[0]
    train, test = RATINGS.take(train_rows), RATINGS.take(test_rows)
    model = BiasedMF(rank=2, learning_rate=0.03, reg=0.002, epochs=60, batch_size=256).fit(train)
    assert rmse(model.predict(test.users, test.items), test.ratings) < 0.25
    assert rmse(Offsets().fit(train).predict(test.users, test.items), test.ratings) > 0.5


def test_a_prediction_is_mean_offsets_and_product():
    model = Factorization(3.0, 4, 5, rank=2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.user_biases.weight[1], model.item_biases.weight[2] = 0.5, -0.25
        model.user_factors.weight[1] = torch.tensor([1.0, 2.0])
        model.item_factors.weight[2] = torch.tensor([3.0, -1.0])
    stars, squares = model(torch.tensor([1]), torch.tensor([2]))
    assert stars.tolist() == [3.0 + 0.5 - 0.25 + 3.0 - 2.0]
    assert squares.tolist() == [0.25 + 0.0625 + 5.0 + 10.0]


def test_without_enough_rent_it_knows_the_training_part_by_heart():
    free, charged = (BiasedMF(rank=8, learning_rate=0.03, reg=reg, epochs=40).fit(RATINGS) for reg in (0.0, 0.5))
    errors = [rmse(model.predict(RATINGS.users, RATINGS.items), RATINGS.ratings) for model in (free, charged)]
    assert errors[0] < 0.1
    assert errors[1] > 0.3
    assert np.square(charged.user_factors).sum() < 0.4 * np.square(free.user_factors).sum()


def test_fold_in_is_where_the_loss_of_one_person_is_lowest():
    model = BiasedMF(rank=1, reg=0.1, epochs=3).fit(RATINGS)
    items, stars = np.array([3, 0, 7]), np.array([4.0, 2.0, 5.0])
    folded = model.fold_in(items, stars)
    # Scores are linear in the person: recover their offset and factors from the scores.
    features = np.column_stack([np.ones(60), model.item_factors])
    person = np.linalg.lstsq(features, folded - model.mean - model.item_biases, rcond=None)[0]

    def loss(person):
        errors = stars - (model.mean + model.item_biases + features @ person)[items]
        return np.mean(errors**2) + 0.1 * np.sum(person**2)

    for change in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]):
        assert loss(person + change) > loss(person)


def test_other_seeds_give_other_factors():
    first, other = (BiasedMF(rank=2, epochs=1, seed=seed).fit(RATINGS).item_factors for seed in (0, 1))
    assert not np.array_equal(first, other)
