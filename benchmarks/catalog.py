"""Catalog: ten of many items, a query at a time, at three sizes; milliseconds, and how many of the ten are right."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.contestants.search import ExactPruning
from benchmarks.harness import Contender, Entry, Measure, Suite
from benchmarks.processes import OURS, Process
from benchmarks.rating import columns
from ultralearn.recsys.data import load_movielens
from ultralearn.recsys.ials import IALS

Vectors = NDArray[np.float32]
K = 10
REAL = 1_682
SIZES = {"1.7k": REAL, "60k": 60_000, "1M": 1_000_000}
QUERIES, TUNED_ON = 300, 300  # people, others for each
NOISE = 0.45  # share of a made item's direction that is noise: then the nearest neighbors are as near as real ones
EFFORTS = (10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
SEARCH, FAISS = "benchmarks.contestants.search", "benchmarks.contestants.faiss_models"
MARGIN = 0.005  # above what is wanted, on the people that it is tuned on; others are measured


def made(factors: Vectors, n: int, seed: int) -> Vectors:
    """So many items that nobody rated, (n, rank), like the real ones in what a search depends on.

    A smoothed bootstrap: draw a real item, keep its length, and turn its direction by noise of the same mean and
    covariance as all real directions (variance-corrected, Silverman and Young 1987).
    """
    rng = np.random.default_rng(seed)
    lengths = np.linalg.norm(factors, axis=1)
    directions = factors[lengths > 0] / lengths[lengths > 0, None]
    mean = directions.mean(axis=0)
    spread = np.linalg.cholesky(np.cov(directions.T) + 1e-9 * np.eye(factors.shape[1])).astype(np.float32)
    models = rng.integers(len(directions), size=n)
    noise = rng.standard_normal((n, factors.shape[1]), dtype=np.float32) @ spread.T
    found = mean + np.sqrt(1 - NOISE**2) * (directions[models] - mean) + NOISE * noise
    found *= (lengths[lengths > 0][models] / np.linalg.norm(found, axis=1))[:, None]
    return np.asarray(found, dtype=np.float32)


def _entries() -> list[Entry]:
    entries = []
    for label, size in SIZES.items():
        given = {"items": size}
        entries += [
            Entry(f"Brute force, {label}", OURS, f"{SEARCH}:BruteForce", given, series="brute force", like=label),
            Entry(f"Exact pruning, {label}", OURS, f"{SEARCH}:ExactPruning", given, series="exact pruning", like=label),
            Entry(f"faiss flat, {label}", "faiss", f"{FAISS}:Flat", given, series="faiss flat", like=label),
        ]
        entries += [
            Entry(
                f"faiss HNSW, recall {wanted}, {label}",
                "faiss",
                f"{FAISS}:HNSW",
                {**given, "recall": wanted},
                series=f"HNSW {wanted}",
                like=label,
            )
            for wanted in (0.95, 0.99)
        ]
    return entries


class CatalogSuite(Suite):
    """Ten of 1,682, of 60,000 and of a million."""

    name: ClassVar[str] = "catalog"
    title: ClassVar[str] = "How many films?"
    quality: ClassVar[str] = "recall"
    cost: ClassVar[str] = "p50"
    measures: ClassVar[Sequence[Measure]] = (
        Measure("recall", "Recall@10", "", more_is_better=True, digits=3, tie=0.01),
        Measure("p50", "Half within", "ms", more_is_better=False, digits=3),
        Measure("p99", "99 % within", "ms", more_is_better=False, digits=3),
        Measure("build", "Build", "CPU s", more_is_better=False, digits=3),
        Measure("memory", "Memory", "MB", more_is_better=False, digits=1),
    )
    rounds: ClassVar[int] = 5
    trials: ClassVar[int] = 0
    split_seed: ClassVar[int] = 0
    packages: ClassVar[Mapping[str, Sequence[str]]] = {OURS: ["numpy", "torch"], "faiss": ["faiss-cpu", "numpy"]}
    entries: ClassVar[Sequence[Entry]] = tuple(_entries())

    def open(self, folder: Path) -> dict[str, str]:
        """The ratings that the factors come from."""
        self.folder = folder
        self._built: dict[tuple[str, int], tuple[Process, dict[str, float]]] = {}
        self._truth: dict[int, NDArray[np.float64]] = {}
        return {"ratings": columns(load_movielens()).write(folder / "ratings.npz")}

    def _factors(self) -> None:
        """The real model's factors; the first people are measured, the next ones tuned on."""
        model = IALS(seed=0).fit(load_movielens())
        self.items = np.asarray(model.item_factors, dtype=np.float32)
        users = np.asarray(model.user_factors, dtype=np.float32)
        chosen = np.random.default_rng(0).permutation(len(users))
        self.queries = {
            "measured": users[chosen[:QUERIES]],
            "tuned_on": users[chosen[QUERIES : QUERIES + TUNED_ON]],
        }
        for name, queries in self.queries.items():
            np.save(self.folder / f"{name}.npy", queries)

    def _catalog(self, size: int) -> Path:
        """The items of this size, in a file, made where there are not so many."""
        if not self._truth:
            self._factors()
        path = self.folder / f"items_{size}.npy"
        if size not in self._truth:
            items = self.items if size == REAL else made(self.items, size, seed=size)
            np.save(path, items)
            self._truth[size] = np.concatenate([_tenth(items, queries) for queries in self.queries.values()])
        return path

    def start(self, entry: Entry) -> Contender:
        """One process for an index, whatever it is set to. Building it is on the clock, once."""
        key = (entry.contestant, entry.params["items"])
        if key in self._built:
            return _Index(*self._built[key], owner=False)
        path = self._catalog(entry.params["items"])
        process = Process(entry.environment, entry.contestant, f"{self.name}: {entry.name}")
        try:
            built = process.tell("build", items=str(path))
        except BaseException:
            process.__exit__()
            raise
        self._built[key] = process, built
        return _Index(process, built, owner=True)

    def settle(self, entry: Entry, process: Contender) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The least effort whose recall, for people who are not measured, is as wanted."""
        params = dict(entry.params)
        if "recall" not in params:
            return params, None
        wanted = params["recall"]
        for ef in EFFORTS:
            params["ef"] = ef
            found = self.score(process, params)
            if found >= wanted + MARGIN * (1 - wanted) / 0.05:
                break
        space = {"ef": f"{EFFORTS[0]} to {EFFORTS[-1]}, the least that is enough"}
        return params, {"params": {"ef": ef}, "score": found, "trials": EFFORTS.index(ef) + 1, "space": space}

    def warm_up(self, process: Contender, params: dict[str, Any]) -> None:
        """All queries once."""
        self._search(process, params, "measured")

    def score(self, process: Contender, params: dict[str, Any]) -> float:
        """The recall for the people that are tuned on."""
        return self._search(process, params, "tuned_on")[0]

    def _search(self, process: Contender, params: dict[str, Any], who: str) -> tuple[float, NDArray[np.float64]]:
        """Recall, and seconds of each query."""
        to = self.folder / "answer.npz"
        to.unlink(missing_ok=True)
        settings = {"ef": params["ef"]} if "ef" in params else {}
        process.tell("search", queries=str(self.folder / f"{who}.npy"), k=K, params=settings, to=str(to))
        with np.load(to) as answer:
            ids, seconds = answer["ids"], answer["seconds"]
        size = params["items"]
        items = np.load(self.folder / f"items_{size}.npy", mmap_mode="r")
        truth = self._truth[size][:QUERIES] if who == "measured" else self._truth[size][QUERIES:]
        scores = np.einsum("qkr,qr->qk", items[ids].astype(np.float64), self.queries[who].astype(np.float64))
        # As good as the tenth best is right: equal scores, and scores that differ by rounding, are one score.
        right = (scores >= truth[:, None] - 1e-6 * np.abs(truth[:, None])) & (ids >= 0)
        unique = np.array([len(set(row)) for row in ids])
        assert (unique == K).all(), "a list names an item twice"
        return float(right.mean()), seconds

    def measure(self, process: Contender, params: dict[str, Any], turn: int, once: bool) -> dict[str, list[float]]:
        """All queries, one after the other."""
        recall, seconds = self._search(process, params, "measured")
        p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
        found = {"recall": [recall], "p50": [float(p50)], "p99": [float(p99)]}
        if turn == 0:
            assert isinstance(process, _Index)
            found |= {"build": [process.built["cpu"]], "memory": [process.built["bytes"] / 1e6]}
        return found

    def conditions(self) -> dict[str, Any]:
        """How the items that nobody rated compare with the real ones: the share that pruning looks at."""
        queries = self.queries["measured"]
        return {
            "queries": QUERIES,
            "rank": self.items.shape[1],
            "real": REAL,
            "noise": NOISE,
            "neighbors": {
                "real": _nearest(self.items),
                "made": _nearest(made(self.items, REAL, seed=0)),
            },
            "looked_at": {
                "real": _looked_at(self.items, queries),
                "made": _looked_at(made(self.items, REAL, seed=0), queries),
                **{
                    label: _looked_at(np.load(self.folder / f"items_{size}.npy"), queries)
                    for label, size in SIZES.items()
                    if size in self._truth
                },
            },
        }


class _Index:
    """A process that holds an index; entries that only set it otherwise share it, and the first one ends it."""

    def __init__(self, process: Process, built: dict[str, float], owner: bool) -> None:
        self.process, self.built, self.owner = process, built, owner
        self.name, self.tell = process.name, process.tell

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.owner:
            self.process.__exit__(*error)


def _tenth(items: Vectors, queries: Vectors) -> NDArray[np.float64]:
    """The score of the tenth best item for each query, (n_queries,), in double precision."""
    found = []
    for query in queries:
        scores = items @ query
        best = np.argpartition(scores, len(scores) - 2 * K)[-2 * K :]  # rounding cannot carry one from beyond the 20th
        found.append(np.sort(items[best].astype(np.float64) @ query.astype(np.float64))[-K])
    return np.array(found)


def _nearest(items: Vectors) -> float:
    """The median, over the items, of the cosine with the nearest other one."""
    directions = items / np.maximum(np.linalg.norm(items, axis=1, keepdims=True), 1e-12)
    cosines = directions @ directions.T
    np.fill_diagonal(cosines, -1)
    return float(np.median(cosines.max(axis=1)))


def _looked_at(items: Vectors, queries: Vectors) -> float:
    """The share of the items whose scores pruning computes."""
    index = ExactPruning()
    index.build(items)
    for query in queries:
        index.search(query, K)
    return index.looked_at / len(items) / len(queries)
