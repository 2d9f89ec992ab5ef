"""What is served: a folder with a model, its films and its golden queries, loaded whole or not at all."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Source = Literal["als", "fold_in", "popular"]

FILES = ("model.safetensors", "model.json", "catalog.json", "golden.json")
TENSORS = {
    "user_factors": (np.float32, 2),
    "item_factors": (np.float32, 2),
    "seen_starts": (np.integer, 1),
    "seen_items": (np.integer, 1),
}
REASONS = 3  # more than three reasons is none
GOLDEN_K = 10


class BadRelease(ValueError):
    """A folder does not hold a release that can be served. The message says what was found and what to do."""


class Film(BaseModel):
    """One line of the catalog."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    year: int | None
    genres: tuple[str, ...]


class GoldenQuery(BaseModel):
    """Somebody who liked these films must be shown so many of the expected ones among the first ten.

    Films are named by MovieLens's own ids, from 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: tuple[int, ...] = Field(min_length=1)
    expected: tuple[int, ...] = Field(min_length=1)
    at_least: int = Field(ge=1)


class Catalog(BaseModel):
    """catalog.json: the films, in the order of the model's items."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    films: tuple[Film, ...]


class Golden(BaseModel):
    """golden.json: what the release promises about itself. Without a single promise it promises nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queries: tuple[GoldenQuery, ...] = Field(min_length=1)


class HyperParameters(BaseModel):
    """Those of IALS that folding in needs; training's own stay in the file."""

    model_config = ConfigDict(extra="allow", frozen=True)

    rank: int = Field(ge=1)
    alpha: float = Field(ge=0)
    reg: float = Field(gt=0)
    popularity_power: float


class Description(BaseModel):
    """model.json, as ultralearn.recsys.storage writes it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    format: Literal[1]
    model: Literal["IALS"]
    hyper_parameters: HyperParameters
    n_users: int = Field(ge=1)
    n_items: int = Field(ge=1)
    sha256: str


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


def load_release(folder: str | Path) -> Release:
    """The release in this folder, checked through and through, its golden queries answered. Raises BadRelease."""
    folder = Path(folder)
    contents = _read(folder)
    try:
        description = Description.model_validate_json(contents["model.json"])
        catalog = Catalog.model_validate_json(contents["catalog.json"])
        golden = Golden.model_validate_json(contents["golden.json"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadRelease(
            f"{folder}: {error.title} cannot be read: {where}: {first['msg']}. Make the release anew with"
            " `python -m ultralearn.recsys.release FOLDER`"
        ) from error
    found = sha256(contents["model.safetensors"]).hexdigest()
    if found != description.sha256:
        raise BadRelease(
            f"{folder}: model.safetensors has SHA-256 {found[:12]}..., model.json says {description.sha256[:12]}...:"
            " they were not written together, or one is damaged"
        )
    try:
        tensors = tensors_from(contents["model.safetensors"])
    except (SafetensorError, ValueError) as error:
        raise BadRelease(f"{folder}: model.safetensors cannot be read: {error}") from error
    _check_tensors(folder, tensors, description, catalog)
    _check_golden(folder, golden, description.n_items)
    release = Release(
        version=version_of(contents),
        description=description,
        catalog=catalog.films,
        golden=golden.queries,
        user_factors=tensors["user_factors"],
        item_factors=tensors["item_factors"],
        seen_starts=tensors["seen_starts"].astype(np.int64),
        seen_items=tensors["seen_items"].astype(np.int64),
    )
    if broken := release.broken_promises():
        raise BadRelease(f"{folder}: version {release.version} fails its golden queries: {'; '.join(broken)}")
    return release


def version_of(contents: Mapping[str, bytes]) -> str:
    """12 hex digits that change with any byte of any file."""
    digest = sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()[:12]


def _read(folder: Path) -> dict[str, bytes]:
    """The files, all from one folder, even while another is being moved into its place."""
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise BadRelease(
            f"{folder} is no folder that can be read ({error.strerror}). Make a release with"
            " `python -m ultralearn.recsys.release FOLDER`, and name its folder"
        ) from error
    try:
        contents = {}
        for name in FILES:
            with open(name, "rb", opener=lambda path, flags: os.open(path, flags, dir_fd=directory)) as file:
                contents[name] = file.read()
        return contents
    except OSError as error:
        raise BadRelease(
            f"{folder} holds no whole release: {error.filename} cannot be read ({error.strerror}); expected"
            f" {', '.join(FILES)}"
        ) from error
    finally:
        os.close(directory)


def _check_tensors(folder: Path, tensors: Mapping[str, Any], description: Description, catalog: Catalog) -> None:
    """Raises BadRelease unless the tensors fit each other, the description and the catalog."""

    def require(holds: bool, complaint: str) -> None:
        if not holds:
            raise BadRelease(f"{folder}: {complaint}")

    for name, (kind, dimensions) in TENSORS.items():
        require(name in tensors, f"model.safetensors holds no {name}")
        tensor = tensors[name]
        require(
            np.issubdtype(tensor.dtype, kind) and tensor.ndim == dimensions,
            f"{name} is {tensor.dtype} of shape {tensor.shape}; expected {kind.__name__}, {dimensions} dimension(s)",
        )
    rank = description.hyper_parameters.rank
    users, items = tensors["user_factors"], tensors["item_factors"]
    starts, seen = tensors["seen_starts"], tensors["seen_items"]
    for name, factors, rows in (("user", users, description.n_users), ("item", items, description.n_items)):
        require(
            factors.shape == (rows, rank),
            f"{name}_factors have shape {factors.shape}; model.json says {(rows, rank)}",
        )
        require(bool(np.isfinite(factors).all()), f"{name}_factors hold NaN or infinity")
    require(bool(items.any()) and len(np.unique(users, axis=0)) > 1, "the factors say the same of everybody")
    require(
        len(starts) == description.n_users + 1
        and len(seen) > 0
        and starts[0] == 0
        and starts[-1] == len(seen)
        and bool((np.diff(starts) >= 0).all()),
        f"seen_starts do not cut {len(seen)} seen items into those of {description.n_users} people",
    )
    require(bool(seen.min() >= 0 and seen.max() < description.n_items), "seen_items are not items of the model")
    require(
        len(catalog.films) == description.n_items,
        f"catalog.json has {len(catalog.films)} films, the model {description.n_items} items",
    )


def _check_golden(folder: Path, golden: Golden, n_items: int) -> None:
    """Raises BadRelease where a golden query names what is not there."""
    for query in golden.queries:
        unknown = [item for item in (*query.items, *query.expected) if not 1 <= item <= n_items]
        if unknown or len(set(query.items)) < len(query.items) or query.at_least > len(set(query.expected)):
            raise BadRelease(
                f"{folder}: golden.json asks for {query.at_least} of {list(query.expected)} after"
                f" {list(query.items)}; expected films from 1 to {n_items}, each once, and no more than are named"
            )
