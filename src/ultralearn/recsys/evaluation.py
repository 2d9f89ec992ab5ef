"""How good a recommender is: splits that keep the future hidden, errors in stars, and how good a list of k films is.

The metrics are functions of arrays and know no model. Those of lists give one number a person, NaN for a person to whom
nothing is relevant: leave them out of means with np.nanmean.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ultralearn.recsys.baselines import ItemMean, Popularity
from ultralearn.recsys.data import Floats, Ints, Ratings, folds
from ultralearn.recsys.recommender import Recommender

Bools = NDArray[np.bool_]

# --- splits: each gives (train, test). A validation part is cut from the training part by the same function.


def rating_folds(ratings: Ratings, k: int = 5, seed: int = 0) -> list[tuple[Ratings, Ratings]]:
    """The protocol of the published RMSE tables: k folds at random, each rating tested exactly once."""
    return [(ratings.take(train), ratings.take(test)) for train, test in folds(len(ratings), k, seed)]


def ranking_split(ratings: Ratings, test_share: float = 0.25, seed: int = 42) -> tuple[Ratings, Ratings]:
    """The protocol of the published ranking tables: of each item's ratings a share at random is the test part.

    Of an item's n ratings, round(n - n * test_share) stay in training, so an item with one or two ratings stays whole,
    as in Microsoft's "recommenders" (its stratified split with filter_by="item").
    Raises ValueError unless 0 < test_share < 1.
    """
    _check_share(test_share)
    shuffled = np.random.default_rng(seed).permutation(len(ratings))
    by_item = shuffled[np.argsort(ratings.items[shuffled], kind="stable")]
    counts = np.bincount(ratings.items, minlength=ratings.n_items)
    place = np.arange(len(ratings)) - np.repeat(np.cumsum(counts) - counts, counts)  # within the item's ratings
    is_train = place < np.repeat(np.round(counts * (1 - test_share)), counts)
    return ratings.take(np.sort(by_item[is_train])), ratings.take(np.sort(by_item[~is_train]))


def time_split(ratings: Ratings, test_share: float = 0.2) -> tuple[Ratings, Ratings]:
    """One cut in time, as in production: train on what came before, test on what came after.

    The test part holds about test_share of the ratings: ratings of the very second of the cut are all in it.
    Raises ValueError unless 0 < test_share < 1.
    """
    _check_share(test_share)
    cut = np.sort(ratings.timestamps)[int(len(ratings) * (1 - test_share))]
    later = ratings.timestamps >= cut
    return ratings.take(np.flatnonzero(~later)), ratings.take(np.flatnonzero(later))


def _check_share(test_share: float) -> None:
    if not 0 < test_share < 1:
        raise ValueError(f"test_share={test_share:g}; expected a share between 0 and 1, such as 0.25")


# --- errors in stars


def rmse(predicted: Floats, actual: Floats) -> float:
    """Root of the mean squared error, in stars. predicted, actual: (n,)."""
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))


def mae(predicted: Floats, actual: Floats) -> float:
    """Mean absolute error, in stars. predicted, actual: (n,)."""
    return float(np.mean(np.abs(predicted - actual)))


# --- how good a list is. recommended: (n, at least k) item ids, best first, -1 where a list is shorter.
#     relevant: (n, n_items), what these people would have liked.


def _hits(recommended: Ints, relevant: Bools, k: int) -> Bools:
    """Whether each of the first k of a list is relevant, (n, k)."""
    if not 1 <= k <= recommended.shape[1]:
        raise ValueError(f"k={k}, but the lists hold {recommended.shape[1]} items; expected 1 <= k <= that")
    if recommended.shape[0] != relevant.shape[0]:
        raise ValueError(f"{recommended.shape[0]} lists for {relevant.shape[0]} people; expected a list for each")
    shown = recommended[:, :k]
    return np.take_along_axis(relevant, np.maximum(shown, 0), axis=1) & (shown >= 0)


def _per_relevant(gains: Floats, most: Floats) -> Floats:
    """The share of what could be had, (n,); NaN where nothing could."""
    share: Floats = np.divide(gains, most, out=np.full(len(gains), np.nan), where=most > 0)
    return share


def ndcg_at_k(recommended: Ints, relevant: Bools, k: int) -> Floats:
    """Normalized discounted cumulative gain, (n,): hits count 1 / log2(rank + 1), relative to the best list there is.

    Binary gains; the best list has min(k, number relevant) hits on top. Jarvelin and Kekalainen (2002).
    """
    discount: Floats = 1 / np.log2(np.arange(2, k + 2))
    best = np.concatenate([[0.0], np.cumsum(discount)])  # by number of hits
    return _per_relevant(
        _hits(recommended, relevant, k).astype(float) @ discount, best[np.minimum(relevant.sum(axis=1), k)]
    )


def recall_at_k(recommended: Ints, relevant: Bools, k: int) -> Floats:
    """The share of the relevant items that is among the first k, (n,)."""
    return _per_relevant(_hits(recommended, relevant, k).sum(axis=1), relevant.sum(axis=1).astype(float))


def precision_at_k(recommended: Ints, relevant: Bools, k: int) -> Floats:
    """The share of the first k that is relevant, (n,); a list that is too short counts as filled with misses."""
    found = _hits(recommended, relevant, k).sum(axis=1) / k
    return np.where(relevant.any(axis=1), found, np.nan)


def average_precision_at_k(recommended: Ints, relevant: Bools, k: int) -> Floats:
    """The mean of the precision at each hit, (n,), a miss for each of the min(k, number relevant) not found.

    Its mean over people is MAP@k.
    """
    hits = _hits(recommended, relevant, k)
    precision = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    return _per_relevant((precision * hits).sum(axis=1), np.minimum(relevant.sum(axis=1), k).astype(float))


def coverage(recommended: Ints, n_items: int) -> float:
    """The share of the catalog that is in at least one list."""
    return len(np.unique(recommended[recommended >= 0])) / n_items


def mean_popularity(recommended: Ints, interactions: Ratings) -> float:
    """How popular what is recommended is: the share of people who have it in `interactions`, mean over all places.

    The average recommendation popularity of Abdollahpouri et al. (2019), as a share.
    """
    share = np.bincount(interactions.items, minlength=interactions.n_items) / interactions.n_users
    return float(share[recommended[recommended >= 0]].mean())


# --- models


def rating_quality(model: Recommender, test: Ratings) -> dict[str, float]:
    """The errors, in stars, of a fitted model on a test part."""
    predicted = model.predict(test.users, test.items)
    return {"rmse": rmse(predicted, test.ratings), "mae": mae(predicted, test.ratings)}


def ranking_quality(model: Recommender, train: Ratings, test: Ratings, k: int = 10) -> dict[str, float]:
    """How good a fitted model's lists of k are for the people of the test part, their films of `train` left out.

    Whatever a person rated in the test part is relevant, with however many stars: the published protocol.
    """
    people = np.unique(test.users)
    recommended = model.recommend(people, k, exclude_seen=True)
    relevant = np.zeros((test.n_users, test.n_items), dtype=bool)
    relevant[test.users, test.items] = True
    judged = recommended, relevant[people], k
    return {
        "ndcg": float(np.nanmean(ndcg_at_k(*judged))),
        "recall": float(np.nanmean(recall_at_k(*judged))),
        "precision": float(np.nanmean(precision_at_k(*judged))),
        "map": float(np.nanmean(average_precision_at_k(*judged))),
        "coverage": coverage(recommended, train.n_items),
        "popularity": mean_popularity(recommended, train),
    }


def leaderboard(models: Mapping[str, Recommender], train: Ratings, test: Ratings, k: int = 10) -> pl.DataFrame:
    """One row a model, best nDCG first; the two baselines, fitted here, are always in it.

    models: by name, fitted on `train`. RMSE and MAE are empty for a model whose predictions are not stars.
    """
    baselines: dict[str, Recommender] = {"popularity": Popularity().fit(train), "item mean": ItemMean().fit(train)}
    rows = []
    for name, model in (baselines | dict(models)).items():
        errors = rating_quality(model, test) if model.predicts == "stars" else {"rmse": None, "mae": None}
        rows.append({"model": name} | ranking_quality(model, train, test, k) | errors)
    return pl.DataFrame(rows).sort("ndcg", descending=True)
