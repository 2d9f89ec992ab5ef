"""Splits and metrics: against cases worked out by hand, and against LensKit's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenskit.data import ItemList
from lenskit.metrics import MAE, NDCG, RMSE, Precision, Recall
from lenskit.metrics.ranking import AveragePrecision, LogRankWeight

from ultralearn.recsys import evaluation
from ultralearn.recsys.data import Ratings, simulate
from ultralearn.recsys.recommender import Recommender

RATINGS = simulate(60, 40, 900, seed=3).ratings


def rows(ratings: Ratings) -> set[tuple[int, int, int]]:
    return set(zip(ratings.users.tolist(), ratings.items.tolist(), ratings.timestamps.tolist(), strict=True))


# --- splits


def test_folds_test_each_rating_once():
    tested = [rows(test) for _, test in evaluation.rating_folds(RATINGS, 5, seed=1)]
    assert sum(map(len, tested)) == len(RATINGS)
    assert set.union(*tested) == rows(RATINGS)
    for train, test in evaluation.rating_folds(RATINGS, 5, seed=1):
        assert rows(train) | rows(test) == rows(RATINGS)
        assert len(test) == 180


def test_ranking_split_takes_a_quarter_of_each_item():
    train, test = evaluation.ranking_split(RATINGS, seed=1)
    assert rows(train) | rows(test) == rows(RATINGS)
    assert not rows(train) & rows(test)
    counts = np.bincount(RATINGS.items, minlength=40)
    left = np.bincount(train.items, minlength=40)
    assert (left == np.round(0.75 * counts)).all()
    assert len({*left.tolist()}) > 5


def test_ranking_split_keeps_an_item_with_two_ratings_whole():
    few = RATINGS.take(np.concatenate([np.flatnonzero(RATINGS.items == 0)[:2], np.flatnonzero(RATINGS.items == 1)[:4]]))
    train, test = evaluation.ranking_split(few)
    assert np.bincount(train.items).tolist() == [2, 3]
    assert test.items.tolist() == [1]


def test_ranking_split_depends_on_its_seed_alone():
    first, again, other = (rows(evaluation.ranking_split(RATINGS, seed=seed)[1]) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_nothing_in_training_is_as_late_as_the_test_part():
    train, test = evaluation.time_split(RATINGS, 0.2)
    assert train.timestamps.max() < test.timestamps.min()
    assert len(test) == 180
    assert rows(train) | rows(test) == rows(RATINGS)


@pytest.mark.parametrize("split", [evaluation.ranking_split, evaluation.time_split])
@pytest.mark.parametrize("share", [0.0, 1.0, 25])
def test_a_share_that_is_none_is_refused(split, share):
    with pytest.raises(ValueError, match=f"test_share={share:g}"):
        split(RATINGS, share)


# --- metrics by hand

RECOMMENDED = np.array([[0, 1, 2], [3, 1, 0], [0, 1, 2], [4, -1, -1]])
RELEVANT = np.zeros((4, 5), dtype=bool)
RELEVANT[0, [0, 2]] = True  # hits at rank 1 and 3
RELEVANT[1, [0, 1, 2, 4]] = True  # hits at rank 2 and 3; two of four relevant films are not in the list
RELEVANT[3, 4] = True  # the only one, found by a list of one; nothing is relevant to person 2


def test_ndcg_by_hand():
    third, second = 1 / 2, 1 / np.log2(3)
    by_hand = [(1 + third) / (1 + second), (second + third) / (1 + second + third), np.nan, 1.0]
    np.testing.assert_allclose(evaluation.ndcg_at_k(RECOMMENDED, RELEVANT, 3), by_hand)
    np.testing.assert_allclose(evaluation.ndcg_at_k(RECOMMENDED, RELEVANT, 1), [1, 0, np.nan, 1])


def test_recall_precision_and_average_precision_by_hand():
    np.testing.assert_allclose(evaluation.recall_at_k(RECOMMENDED, RELEVANT, 3), [1, 1 / 2, np.nan, 1])
    np.testing.assert_allclose(evaluation.precision_at_k(RECOMMENDED, RELEVANT, 3), [2 / 3, 2 / 3, np.nan, 1 / 3])
    by_hand = [(1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 3, np.nan, 1]
    np.testing.assert_allclose(evaluation.average_precision_at_k(RECOMMENDED, RELEVANT, 3), by_hand)


def test_coverage_and_popularity_by_hand():
    assert evaluation.coverage(RECOMMENDED, 5) == 1.0
    assert evaluation.coverage(RECOMMENDED[:, :1], 5) == 3 / 5
    four = simulate(2, 2, 4).ratings.take(np.array([0, 1, 2]))  # person 0 has both films, person 1 the first
    assert evaluation.mean_popularity(np.array([[0, 1], [0, -1]]), four) == pytest.approx((1 + 1 / 2 + 1) / 3)


def test_errors_by_hand():
    predicted, actual = np.array([1.0, 2.0, 5.0]), np.array([1.0, 4.0, 4.0])
    assert evaluation.rmse(predicted, actual) == pytest.approx(np.sqrt(5 / 3))
    assert evaluation.mae(predicted, actual) == 1.0


@pytest.mark.parametrize("k", [0, 4])
def test_a_list_shorter_than_k_is_refused(k):
    with pytest.raises(ValueError, match=f"k={k}, but the lists hold 3 items"):
        evaluation.ndcg_at_k(RECOMMENDED, RELEVANT, k)


def test_lists_for_other_people_are_refused():
    with pytest.raises(ValueError, match="3 lists for 4 people"):
        evaluation.recall_at_k(RECOMMENDED[:3], RELEVANT, 2)


# --- metrics against LensKit's


@given(seed=st.integers(0, 10_000), k=st.integers(1, 12), n_relevant=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_lists_score_as_in_lenskit(seed, k, n_relevant):
    rng = np.random.default_rng(seed)
    shown, liked = rng.permutation(25)[:12], rng.permutation(25)[:n_relevant]
    relevant = np.zeros((1, 25), dtype=bool)
    relevant[0, liked] = True
    theirs = ItemList(item_ids=shown, ordered=True), ItemList(item_ids=liked)
    cases = [
        (evaluation.ndcg_at_k, NDCG(n=k, weight=LogRankWeight(offset=1)), 1.0),
        (evaluation.recall_at_k, Recall(n=k), min(k, n_relevant) / n_relevant),  # theirs divides by k at most
        (evaluation.precision_at_k, Precision(n=k), 1.0),
        (evaluation.average_precision_at_k, AveragePrecision(n=k), 1.0),
    ]
    for ours, metric, factor in cases:
        expected = factor * metric.measure_list(*theirs)
        assert ours(shown[None], relevant, k)[0] == pytest.approx(expected), metric.label


def test_errors_are_those_of_lenskit():
    rng = np.random.default_rng(0)
    predicted, actual = rng.normal(3.5, 1, 50), rng.integers(1, 6, 50).astype(float)
    theirs = ItemList(item_ids=np.arange(50), scores=predicted), ItemList(item_ids=np.arange(50), rating=actual)
    assert evaluation.rmse(predicted, actual) == pytest.approx(RMSE().measure_list(*theirs))
    assert evaluation.mae(predicted, actual) == pytest.approx(MAE().measure_list(*theirs))


# --- models


class Fixed:
    """Recommends films by number, to everybody; predicts 3 stars."""

    predicts = "stars"

    def __init__(self, seen: Ratings) -> None:
        self.seen = seen

    def fit(self, interactions):
        return self

    def predict(self, users, items):
        return np.full(len(users), 3.0)

    def recommend(self, users, k, exclude_seen=True):
        assert exclude_seen
        lists = np.full((len(users), k), -1)
        for row, user in enumerate(users):
            new = np.setdiff1d(np.arange(self.seen.n_items), self.seen.items[self.seen.users == user])[:k]
            lists[row, : len(new)] = new
        return lists


def test_a_model_is_judged_on_what_it_has_not_seen():
    train, test = evaluation.ranking_split(RATINGS, seed=1)
    model: Recommender = Fixed(train)
    found = evaluation.ranking_quality(model, train, test, 5)
    scores = []
    for user in np.unique(test.users):
        liked = set(test.items[test.users == user].tolist())
        gains = [item in liked for item in model.recommend(np.array([user]), 5)[0].tolist()]
        best = sum(1 / np.log2(rank + 2) for rank in range(min(5, len(liked))))
        scores.append(sum(hit / np.log2(rank + 2) for rank, hit in enumerate(gains)) / best)
    assert found["ndcg"] == pytest.approx(np.mean(scores))
    assert 0 < found["coverage"] < 1
    assert evaluation.rating_quality(model, test)["rmse"] == pytest.approx(np.sqrt(np.mean((test.ratings - 3) ** 2)))


def test_the_baselines_are_always_on_the_leaderboard():
    train, test = evaluation.ranking_split(RATINGS, seed=1)
    table = evaluation.leaderboard({"by number": Fixed(train)}, train, test, k=5)
    assert set(table["model"]) == {"popularity", "item mean", "by number"}
    assert table["ndcg"].to_list() == sorted(table["ndcg"], reverse=True)
    stars = dict(zip(table["model"], table["rmse"], strict=True))
    assert stars["popularity"] is None
    assert stars["item mean"] < stars["by number"]
