"""A release answers: who is shown what, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ultralearn.recsys.service.schemas import Description, Film, GoldenQuery

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Source = Literal["als", "fold_in", "popular"]

REASONS = 3  # more than three reasons is none
GOLDEN_K = 10


@dataclass(frozen=True)
class Recommendation:
    """One item, counted from 0, its score, and which of the given items speak for it most: (item, their part)."""

    item: int
    score: float
    because: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Recommendations:
    """The best first, and where they come from."""

    items: tuple[Recommendation, ...]
    source: Source


@dataclass(frozen=True)
class Release:
    """A model with its films, all read-only. Users and items count from 0; scores near 1 fit, near 0 do not."""

    version: str
    description: Description
    catalog: tuple[Film, ...]
    golden: tuple[GoldenQuery, ...]
    user_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    seen_starts: Ints
    seen_items: Ints

    def __post_init__(self) -> None:
        """Computes beforehand what else the first to ask would wait for."""
        for name in ("popularity", "_item_factors64", "_gram", "_directions"):
            getattr(self, name)

    @property
    def n_users(self) -> int:
        """How many people the model was trained on."""
        return len(self.user_factors)

    @property
    def n_items(self) -> int:
        """How many films there are."""
        return len(self.item_factors)

    @cached_property
    def popularity(self) -> Floats:
        """The share of all people who chose each item, (n_items,)."""
        return np.bincount(self.seen_items, minlength=self.n_items) / self.n_users

    @cached_property
    def _item_factors64(self) -> Floats:
        return self.item_factors.astype(np.float64)

    @cached_property
    def _gram(self) -> Floats:
        """Y'Y, (rank, rank): what all people share."""
        return self._item_factors64.T @ self._item_factors64

    @cached_property
    def _directions(self) -> NDArray[np.float32]:
        """The item factors at length 1, 0 for items that nobody chose, (n_items, rank)."""
        lengths = np.linalg.norm(self.item_factors, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        return np.asarray(self.item_factors / lengths, dtype=np.float32)

    def seen(self, user: int) -> Ints:
        """What this person chose, ascending."""
        return self.seen_items[self.seen_starts[user] : self.seen_starts[user + 1]]

    def recommend(self, user: int, k: int = 10, exclude_seen: bool = True) -> Recommendations:
        """The k best items for this person, fewer where fewer are left, with what they chose as reasons.

        Of equal scores the lower id comes first. Somebody unknown gets what is popular.
        """
        if not 0 <= user < self.n_users:
            return self.popular(k)
        scores = (self.item_factors @ self.user_factors[user]).astype(np.float64)
        seen = self.seen(user)
        if exclude_seen:
            scores[seen] = -np.inf
        return Recommendations(self._explained(scores, k, seen, np.ones(len(seen))), "als")

    def fold_in(
        self, items: Sequence[int], ratings: Sequence[float] | None = None, k: int = 10, exclude_seen: bool = True
    ) -> Recommendations:
        """The k best items for somebody who came after training, from what they chose and the stars they gave.

        items: counted from 0, each once; ratings: 0.5 to 5 stars each, all 5 where left out. Nobody's choices are
        popular's business. Hu, Koren and Volinsky (2008), eq. 4, with preferences p between 0 and 1:

            (Y'Y + alpha Y_u'Y_u + reg_u I) x = (1 + alpha) Y_u'p

        Raises ValueError for items that are not in the catalog.
        """
        chosen = np.asarray(items, dtype=np.int64)
        if len(chosen) == 0:
            return self.popular(k)
        if chosen.min() < 0 or chosen.max() >= self.n_items:
            raise ValueError(f"items from {chosen.min()} to {chosen.max()}; expected 0 to {self.n_items - 1}")
        liking = np.ones(len(chosen)) if ratings is None else preference(np.asarray(ratings, dtype=np.float64))
        own = self._item_factors64[chosen]
        alpha = self.description.hyper_parameters.alpha
        factors = np.linalg.solve(self._system(chosen), (1 + alpha) * own.T @ liking)
        scores = self._item_factors64 @ factors
        if exclude_seen:
            scores[chosen] = -np.inf
        return Recommendations(self._explained(scores, k, chosen, liking), "fold_in")

    def similar(self, item: int, k: int = 10) -> Recommendations:
        """The k items whose factors point most nearly the same way; where nobody chose the item, what is popular.

        Raises ValueError for an item that is not in the catalog.
        """
        if not 0 <= item < self.n_items:
            raise ValueError(f"item {item}; expected 0 to {self.n_items - 1}")
        if not self._directions[item].any():
            return self.popular(k)
        scores = (self._directions @ self._directions[item]).astype(np.float64)
        scores[item] = -np.inf
        return Recommendations(tuple(Recommendation(best, scores[best]) for best in top(scores, k)), "als")

    def popular(self, k: int = 10) -> Recommendations:
        """What most people chose; the score is their share."""
        best = top(self.popularity, k)
        return Recommendations(tuple(Recommendation(item, self.popularity[item]) for item in best), "popular")

    def broken_promises(self) -> list[str]:
        """What the golden queries ask for and the release does not give, a sentence each."""
        broken = []
        for query in self.golden:
            answer = self.fold_in([item - 1 for item in query.items], k=GOLDEN_K)
            found = {recommendation.item + 1 for recommendation in answer.items} & set(query.expected)
            if len(found) < query.at_least:
                titles = ", ".join(self.catalog[item - 1].title for item in query.items)
                broken.append(
                    f"to somebody who liked {titles} it shows {len(found)} of the {len(query.expected)} expected films"
                    f" among the first {GOLDEN_K}; {query.at_least} were promised"
                )
        return broken

    def _system(self, chosen: Ints) -> Floats:
        """Y'Y + alpha Y_u'Y_u + reg_u I, (rank, rank), for somebody who chose these."""
        parameters = self.description.hyper_parameters
        own = self._item_factors64[chosen]
        relative = max(len(chosen), 1) / (len(self.seen_items) / self.n_users)
        reg = parameters.reg * relative**parameters.popularity_power
        return np.asarray(self._gram + parameters.alpha * own.T @ own + reg * np.eye(parameters.rank))

    def _explained(self, scores: Floats, k: int, chosen: Ints, liking: Floats) -> tuple[Recommendation, ...]:
        """The k best with reasons: a folded-in score is a sum over the chosen items (Hu et al., section 5).

        score_i = sum_j (1 + alpha) p_j y_i' A^-1 y_j: one part for each chosen j.
        """
        best = top(scores, k)
        alpha = self.description.hyper_parameters.alpha
        reached = np.linalg.solve(self._system(chosen), self._item_factors64[best].T)
        parts = (1 + alpha) * liking[:, None] * (self._item_factors64[chosen] @ reached)  # (n_chosen, n_best)
        liked = np.flatnonzero(liking >= 1)  # four stars and more
        explained = []
        for place, item in enumerate(best):
            order = liked[np.argsort(-parts[liked, place], kind="stable")[: REASONS + 1]]
            reasons = [
                (int(chosen[j]), float(parts[j, place])) for j in order if parts[j, place] > 0 and chosen[j] != item
            ]
            explained.append(Recommendation(item, float(scores[item]), tuple(reasons[:REASONS])))
        return tuple(explained)


def preference(stars: Floats) -> Floats:
    """How much somebody wants what they gave so many stars, between 0 and 1.

    A quarter a star, up to four: to have watched a film at all says more about somebody than to have disliked it.
    """
    return np.minimum(stars / 4, 1)


def top(scores: Floats, k: int) -> list[int]:
    """The k items with the largest finite scores, (n_items,), largest first; of equal ones the lower id first."""
    if k < len(scores):
        bound = np.partition(scores, -k)[-k]
        candidates = np.flatnonzero(scores >= bound)
    else:
        candidates = np.arange(len(scores))
    candidates = candidates[np.isfinite(scores[candidates])]
    order = np.argsort(-scores[candidates], kind="stable")[:k]
    return [int(item) for item in candidates[order]]
