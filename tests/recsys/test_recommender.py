"""What all models have in common: the best k, what has been seen, and what is said about mistakes."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ultralearn.recsys.als import ALS
from ultralearn.recsys.baselines import ItemMean, Offsets, Popularity
from ultralearn.recsys.bayesian_mf import BayesianMF
from ultralearn.recsys.biased_mf import BiasedMF
from ultralearn.recsys.data import simulate
from ultralearn.recsys.ease import EASE
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.recommender import NotFittedError, Recommender, top_k

SIMULATED = simulate(50, 40, 600, seed=5).ratings
MODELS = [
    ALS(rank=4),
    BayesianMF(rank=2, sweeps=30, burn_in=10),
    BiasedMF(rank=2, learning_rate=0.03, reg=0.05, epochs=40, batch_size=256),
    EASE(reg=5.0),
    IALS(rank=4),
    ItemMean(),
    Offsets(),
    Popularity(),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def fresh(model: Recommender) -> Recommender:
    return replace(model)


# --- top_k


def by_sorting(scores: np.ndarray, k: int) -> np.ndarray:
    best = np.full((len(scores), k), -1)
    order = np.argsort(-scores, axis=1, kind="stable")
    kept = np.take_along_axis(scores, order, axis=1) > -np.inf
    best[:, : scores.shape[1]] = np.where(kept, order, -1)[:, :k]
    return best


few_values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, -np.inf, np.inf])
shapes = st.tuples(st.integers(0, 4), st.integers(1, 90))


@settings(max_examples=300, deadline=None)
@given(hnp.arrays(st.sampled_from([np.float32, np.float64]), shapes, elements=few_values), st.integers(1, 100))
def test_top_k_sorts_stably_whatever_the_ties(scores, k):
    assert np.array_equal(top_k(scores, k), by_sorting(scores, k))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(1, 700))
def test_top_k_of_many_scores(seed, k, n_items):
    scores = np.random.default_rng(seed).normal(size=(3, n_items)).astype(np.float32)
    assert np.array_equal(top_k(scores, k), by_sorting(scores, k))


def test_top_k_refuses_what_has_no_order():
    with pytest.raises(ValueError, match="k=0; expected at least 1"):
        top_k(np.zeros((2, 3)), 0)
    for n_items in range(1, 40):  # wherever it hides among halves, quarters and leftovers
        for place in range(n_items):
            scores = np.zeros((2, n_items))
            scores[1, place] = np.nan
            with pytest.raises(ValueError, match="hold NaN"):
                top_k(scores, 1)


# --- every model


@each_model
def test_recommendations_are_the_best_of_what_was_not_seen(model):
    model = fresh(model).fit(SIMULATED)
    people = np.array([3, 0, 3, 49])
    scores = np.array(model.scores(people))
    assert np.array_equal(model.recommend(people, 7, exclude_seen=False), by_sorting(scores, 7))
    seen = SIMULATED.matrix().toarray()[people] != 0
    scores[seen] = -np.inf
    best = model.recommend(people, 40)
    assert np.array_equal(best, by_sorting(scores, 40))
    assert best.dtype == np.int64
    assert ((best >= 0).sum(axis=1) == 40 - seen.sum(axis=1)).all()
    assert (best[0] == best[2]).all()


@each_model
def test_predictions_are_the_scores_of_the_pairs(model):
    model = fresh(model).fit(SIMULATED)
    users, items = np.array([7, 0, 7, 49]), np.array([0, 39, 5, 0])
    expected = np.array(model.scores(users))[np.arange(4), items]
    if model.predicts == "stars":
        expected = np.clip(expected, SIMULATED.ratings.min(), SIMULATED.ratings.max())
    predictions = model.predict(users, items)
    np.testing.assert_allclose(predictions, expected, rtol=1e-5)
    assert predictions.dtype == np.float64
    assert model.predict(users[:0], items[:0]).shape == (0,)
    assert model.recommend(users[:0], 3).shape == (0, 3)


@each_model
def test_the_same_seed_gives_the_same_model(model):
    first, again = fresh(model).fit(SIMULATED), fresh(model).fit(SIMULATED)
    again.fit(SIMULATED)  # and so does fitting anew
    for name in model.state:
        assert np.array_equal(getattr(first, name), getattr(again, name))


@each_model
def test_fitting_leaves_the_ratings_alone(model):
    before = SIMULATED.users.copy(), SIMULATED.items.copy(), SIMULATED.ratings.copy()
    fresh(model).fit(SIMULATED)
    assert all(map(np.array_equal, before, (SIMULATED.users, SIMULATED.items, SIMULATED.ratings)))


@each_model
def test_somebody_new_with_the_ratings_of_somebody_old_is_served_alike(model):
    """The person's ratings decide, so the scores go together; where the model has a best answer, they are the same."""
    model = fresh(model).fit(SIMULATED)
    mine = SIMULATED.users == 2
    folded = model.fold_in(SIMULATED.items[mine], SIMULATED.ratings[mine])
    assert folded.shape == (40,)
    assert folded.dtype == np.float64
    own = model.scores(np.array([2]))[0]
    assert np.corrcoef(folded, own)[0, 1] > 0.95
    if isinstance(model, EASE | ItemMean | Offsets | Popularity):
        np.testing.assert_allclose(folded, own, rtol=1e-5, atol=1e-6)


@each_model
def test_a_newcomer_without_a_history_gets_finite_scores(model):
    scores = fresh(model).fit(SIMULATED).fold_in(np.array([], dtype=np.int64), np.array([]))
    assert np.isfinite(scores).all()


@each_model
def test_people_and_items_without_interactions_get_finite_scores(model):
    """Nobody 50 to 52 rated anything, and items 40 to 44 were rated by nobody."""
    more_titles = SIMULATED.titles + ("New",) * 5
    wider = replace(SIMULATED, titles=more_titles, n_users=53)
    model = fresh(model).fit(wider)
    assert np.isfinite(model.scores(np.arange(53))).all()
    assert model.recommend(np.array([52]), 45).min() >= 0


@each_model
def test_what_is_asked_too_early_is_said(model):
    model = fresh(model)
    for action in (
        lambda: model.predict(np.array([0]), np.array([0])),
        lambda: model.recommend(np.array([0]), 3),
        lambda: model.scores(np.array([0])),
        lambda: model.fold_in(np.array([0]), np.array([3.0])),
    ):
        with pytest.raises(NotFittedError, match=rf"{type(model).__name__} is not fitted yet: call fit"):
            action()
    assert not hasattr(model, "seen")
    with pytest.raises(AttributeError, match=f"'{type(model).__name__}' object has no attribute 'colour'"):
        _ = model.colour


@each_model
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"users": np.array([0, -1])}, "user ids from -1 to 0; expected 0 to 4"),
        ({"users": np.array([0, 5])}, "user ids from 0 to 5; expected 0 to 4"),
        ({"items": np.array([40, 0])}, "item ids from 0 to 40; expected 0 to 39"),
    ],
)
def test_impossible_interactions_are_refused(model, changes, message):
    two = replace(SIMULATED, n_users=5).take(np.array([0, 1]))
    with pytest.raises(ValueError, match=message):
        fresh(model).fit(replace(two, **changes))


@each_model
def test_no_interactions_are_refused(model):
    with pytest.raises(ValueError, match=f"{type(model).__name__} was given no interactions; expected at least one"):
        fresh(model).fit(SIMULATED.take(np.array([], dtype=np.int64)))


@each_model
@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda model: model.recommend(np.array([50]), 3), "user ids from 50 to 50; expected 0 to 49"),
        (lambda model: model.recommend(np.array([-1]), 3), "user ids from -1 to -1"),
        (lambda model: model.recommend(np.array([0]), 0), "k=0; expected at least 1"),
        (lambda model: model.recommend(np.array([[0]]), 3), r"user ids of shape \(1, 1\); expected one dimension"),
        (lambda model: model.predict(np.array([0]), np.array([40])), "item ids from 40 to 40; expected 0 to 39"),
        (lambda model: model.predict(np.array([0, 1]), np.array([4])), "2 users and 1 items; expected as many"),
        (lambda model: model.fold_in(np.array([-2]), np.array([3.0])), "item ids from -2 to -2; expected 0 to 39"),
    ],
)
def test_impossible_questions_are_refused(model, action, message):
    model = fresh(model).fit(SIMULATED)
    with pytest.raises(ValueError, match=message):
        action(model)


@pytest.mark.parametrize("model", [ALS(rank=2), BayesianMF(rank=2, sweeps=2, burn_in=0), BiasedMF(epochs=1), Offsets()])
def test_models_of_stars_want_stars(model):
    model = fresh(model).fit(SIMULATED)
    with pytest.raises(
        ValueError, match=rf"{type(model).__name__} learns from stars; expected fold_in\(items, ratings"
    ):
        model.fold_in(np.array([0]))
    with pytest.raises(ValueError, match=r"2 items and ratings of shape \(1,\); expected a rating for each item"):
        model.fold_in(np.array([0, 1]), np.array([3.0]))
    twice = SIMULATED.take(np.array([0, 1, 2, 0]))
    with pytest.raises(ValueError, match="1 ratings are of a pair of user and item rated before"):
        fresh(model).fit(twice)
    with pytest.raises(ValueError, match="NaN or infinity; expected stars"):
        fresh(model).fit(replace(SIMULATED, ratings=SIMULATED.ratings * np.nan))


@pytest.mark.parametrize("model", [EASE(reg=5.0), IALS(rank=4)])
def test_models_of_interactions_count_a_repeated_one_once_and_take_no_notice_of_stars(model):
    repeated = SIMULATED.take(np.concatenate([np.arange(600), np.arange(100)]))
    starless = replace(repeated, ratings=np.zeros(700))
    people = np.arange(50)
    assert np.array_equal(fresh(model).fit(starless).scores(people), fresh(model).fit(SIMULATED).scores(people))
    chosen = np.array([3, 8, 3])
    fitted = fresh(model).fit(SIMULATED)
    assert np.array_equal(fitted.fold_in(chosen), fitted.fold_in(chosen[:2], np.zeros(2)))


@pytest.mark.parametrize(
    "model",
    [
        ALS(rank=0),
        ALS(reg=0),
        BayesianMF(noise_precision=-1),
        BiasedMF(learning_rate=0),
        EASE(reg=0),
        IALS(alpha=-0.5),
        IALS(steps=0),
        Offsets(item_reg=0),
    ],
    ids=repr,
)
def test_impossible_hyper_parameters_are_refused(model):
    with pytest.raises(ValueError, match=rf"{type(model).__name__}\(\w+=-?\d.*\); expected more than 0"):
        model.fit(SIMULATED)


def test_large_catalogs_are_scored_a_few_people_at_a_time():
    @dataclass
    class Counting(Popularity):
        most: ClassVar[int] = 0

        def scores(self, users):
            Counting.most = max(Counting.most, len(users))
            return super().scores(users)

    ratings = simulate(100, 2000, 900, seed=1).ratings
    wide = replace(ratings, titles=ratings.titles + ("x",) * 60_000)
    model = Counting().fit(wide)
    best = model.recommend(np.arange(100), 5)
    assert Counting.most * 62_000 <= 2**19
    assert np.array_equal(best[63], Popularity().fit(wide).recommend(np.array([63]), 5)[0])
