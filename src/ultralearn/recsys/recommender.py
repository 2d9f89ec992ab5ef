"""What every recommender of this package can do, and how the k best of many scores are found."""

from typing import ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ultralearn import UltralearnError
from ultralearn.recsys.data import Floats, Ints, Ratings

Scores = NDArray[np.float32] | NDArray[np.float64]


class NotFittedError(UltralearnError, AttributeError):
    """A model was asked for something that only fit gives it."""


class Recommender(Protocol):
    """Learns from interactions, predicts, recommends, and serves people who came after it was fitted.

    A model inherits from this, names in `state` the arrays that its fit learns (they are what is saved), and writes
    fit, scores and fold_in. Ids count from 0, as in Ratings.

    predicts: "stars", or "scores" of which only the order means something.
    seen: (n_users, n_items), True where a person rated an item. star_range: (2,), the fewest and most stars given.
    """

    predicts: ClassVar[Literal["stars", "scores"]]
    state: ClassVar[tuple[str, ...]]
    seen: sparse.csr_array
    star_range: Floats

    def fit(self, interactions: Ratings) -> Self:
        """Learns from these interactions alone, anew, and returns itself.

        Raises ValueError where there are none, or ids are out of range.
        """
        ...

    def scores(self, users: Ints) -> Scores:
        """What each of users, (n,), is expected to make of each item, (n, n_items), a new array: more is better."""
        ...

    def fold_in(self, items: Ints, ratings: Floats | None = None) -> Floats:
        """Scores of every item, (n_items,), for somebody who was not there at fit; nothing is learned anew.

        items: (n,), what they chose; ratings: (n,), their stars, which models that predict stars need, others ignore.
        Raises ValueError for items that were not there at fit, or missing stars.
        """
        ...

    def predict(self, users: Ints, items: Ints) -> Floats:
        """What users[j] is expected to make of items[j], (n,): scores, or stars, within the range of those given.

        Raises ValueError for ids that were not there at fit.
        """
        users, items = self._pairs(users, items)
        people, places = np.unique(users, return_inverse=True)
        predictions = self.scores(people)[places, items].astype(np.float64)
        # A factor model says 5.4 stars where it is sure of a 5: nobody can give them, and cutting them off is closer.
        return np.clip(predictions, *self.star_range) if self.predicts == "stars" else predictions

    def recommend(self, users: Ints, k: int = 10, exclude_seen: bool = True) -> Ints:
        """The k items with the best scores for each of users, (n, k), best first, -1 where fewer are left.

        Of equal scores the lower id comes first. Raises ValueError for users that were not there at fit, and for k < 1.
        """
        users = self._known("user", users)
        seen, n_items = self.seen[users], self.seen.shape[1]
        # So few scores at a time stay in the processor's cache, and in memory that is kept from one batch to the next.
        batch = max(1, 2**17 // n_items)
        best = []
        for start in range(0, max(1, len(users)), batch):
            scores = self.scores(users[start : start + batch])
            if exclude_seen:
                starts = seen.indptr[start : start + len(scores) + 1]
                rows = np.repeat(np.arange(len(scores)), np.diff(starts))
                scores[rows, seen.indices[starts[0] : starts[-1]]] = -np.inf
            best.append(top_k(scores, k))
        return np.concatenate(best)

    def __getattr__(self, name: str) -> Floats:
        if name in ("seen", "star_range", *type(self).state):
            raise NotFittedError(f"{type(self).__name__} is not fitted yet: call fit(interactions) first")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _remember(self, interactions: Ratings) -> None:
        """Checks the interactions, and keeps who has seen what."""
        if len(interactions) == 0:
            raise ValueError(f"{type(self).__name__} was given no interactions; expected at least one")
        for name, ids, count in (
            ("user", interactions.users, interactions.n_users),
            ("item", interactions.items, interactions.n_items),
        ):
            _check_ids(name, ids, count)
        self.seen = interactions.matrix().astype(bool)
        if self.predicts == "stars" and self.seen.nnz < len(interactions):
            repeated = len(interactions) - self.seen.nnz
            raise ValueError(
                f"{repeated} ratings are of a pair of user and item rated before; expected one of each pair"
            )
        if not np.isfinite(interactions.ratings).all():
            raise ValueError("ratings hold NaN or infinity; expected stars")
        self.seen.data[:] = True  # a rating of 0 is one, too
        self.star_range = np.array([interactions.ratings.min(), interactions.ratings.max()])

    def _expect_positive(self, *names: str) -> None:
        """Refuses hyper-parameters of these names that are 0 or less."""
        for name in names:
            if not getattr(self, name) > 0:
                raise ValueError(f"{type(self).__name__}({name}={getattr(self, name)}); expected more than 0")

    def _known(self, name: Literal["user", "item"], ids: Ints) -> Ints:
        """The ids, if all of them were there at fit."""
        ids = np.asarray(ids, dtype=np.int64)
        if ids.ndim != 1:
            raise ValueError(f"{name} ids of shape {ids.shape}; expected one dimension, such as [3, 7]")
        _check_ids(name, ids, self.seen.shape[name == "item"])
        return ids

    def _pairs(self, users: Ints, items: Ints) -> tuple[Ints, Ints]:
        """The ids of users[j] and items[j], if all of them were there at fit."""
        users, items = self._known("user", users), self._known("item", items)
        if len(users) != len(items):
            raise ValueError(f"{len(users)} users and {len(items)} items; expected as many of one as of the other")
        return users, items

    def _rated(self, items: Ints, ratings: Floats | None) -> tuple[Ints, Floats]:
        """The items and stars of a fold-in, if they are a pair each."""
        if ratings is None:
            raise ValueError(f"{type(self).__name__} learns from stars; expected fold_in(items, ratings)")
        items, ratings = self._known("item", items), np.asarray(ratings, dtype=np.float64)
        if items.shape != ratings.shape:
            raise ValueError(
                f"{len(items)} items and ratings of shape {ratings.shape}; expected a rating for each item"
            )
        return items, ratings


def _check_ids(name: str, ids: Ints, count: int) -> None:
    if len(ids) and (ids.min() < 0 or ids.max() >= count):
        raise ValueError(f"{name} ids from {ids.min()} to {ids.max()}; expected 0 to {count - 1}")


def top_k(scores: Scores, k: int) -> Ints:
    """The columns of the k largest scores in each row, (n, k), largest first, -1 where fewer are above -inf.

    scores: (n, n_items). Of equal scores the lower column comes first. Raises ValueError for k < 1, and for NaN.

    Halve a row by keeping the larger of two columns, until a few times k are left. The k-th best of these maxima is a
    score that k items reach, so whatever lies below it is out; what is not (little more than k) is sorted.
    """
    if k < 1:
        raise ValueError(f"k={k}; expected at least 1")
    n, n_items = scores.shape
    maxima = scores
    while maxima.shape[1] >= 8 * k:
        half, odd = divmod(maxima.shape[1], 2)
        larger = np.maximum(maxima[:, :half], maxima[:, half : 2 * half])
        if odd:
            np.maximum(larger[:, 0], maxima[:, -1], out=larger[:, 0])
        maxima = larger
    if np.isnan(maxima).any():  # the maximum of anything and NaN is NaN
        raise ValueError("scores hold NaN, which is neither better nor worse than anything; expected numbers")
    at_most = min(k, maxima.shape[1])
    bound = np.partition(maxima, -at_most, axis=1)[:, -at_most]
    left = np.flatnonzero(scores >= np.maximum(bound, np.finfo(scores.dtype).min)[:, None])

    # What is left, side by side in a narrow table, columns still ascending: a stable sort keeps equal scores that way.
    rows, columns = np.divmod(left, n_items)
    counts = np.bincount(rows, minlength=n)
    places = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    negated = np.full((n, max(k, counts.max(initial=0))), np.inf, dtype=scores.dtype)
    negated[rows, places] = -scores.ravel()[left]
    ids = np.full(negated.shape, -1)
    ids[rows, places] = columns
    return np.take_along_axis(ids, np.argsort(negated, axis=1, kind="stable")[:, :k], axis=1)
