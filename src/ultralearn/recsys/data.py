"""MovieLens 100K: 100,000 ratings that 943 people gave to 1,682 films, checked, cached, and never in the repository.

GroupLens allows neither redistribution nor commercial use, and asks to be acknowledged: F. Maxwell Harper and
Joseph A. Konstan, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015.
"""

import hashlib
import io
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray
from scipy import sparse
from tqdm import tqdm

from ultralearn import UltralearnError, files

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

GROUPLENS = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
WHEEL = "recbole==1.2.1"
FOLDER_IN_WHEEL = "recbole/dataset_example/ml-100k"

# Of the rows sorted and written as "user<TAB>item<TAB>rating<TAB>timestamp", one a line, ids as GroupLens has them.
SHA256 = "6cfffb52c89b05fbc3afb75f6912eeda04c81c2add0dc58e773a0ef6c8adb160"

TERMS = """MovieLens 100K belongs to GroupLens, University of Minnesota. By their terms you may study it, but neither
pass it on nor use it commercially. Acknowledge it as: F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens
Datasets: History and Context. ACM Transactions on Interactive Intelligent Systems 5(4), article 19."""

GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)


class DataUnavailableError(UltralearnError, RuntimeError):
    """No source gave the ratings. The message says what was tried, what was expected and what to do."""


@dataclass(frozen=True)
class Ratings:
    """Ratings as four equally long columns, with what is known of the items.

    users, items: (n,) ids counted from 0 without gaps; ratings: (n,) in stars; timestamps: (n,) Unix seconds.
    titles, genres: one entry an item; years: (n_items,), 0 where unknown.
    """

    users: Ints
    items: Ints
    ratings: Floats
    timestamps: Ints
    titles: tuple[str, ...]
    genres: tuple[tuple[str, ...], ...]
    years: Ints
    n_users: int

    @property
    def n_items(self) -> int:
        """How many films there are, rated or not."""
        return len(self.titles)

    def __len__(self) -> int:
        return len(self.ratings)

    def take(self, rows: Ints) -> "Ratings":
        """The same people and films with only these rows of ratings, for example one side of a split."""
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            ratings=self.ratings[rows],
            timestamps=self.timestamps[rows],
        )

    def matrix(self) -> sparse.csr_array:
        """The ratings as a sparse table, (n_users, n_items), in stars; a pair rated twice holds the sum."""
        return sparse.csr_array((self.ratings, (self.users, self.items)), shape=(self.n_users, self.n_items))


def load_movielens() -> Ratings:
    """MovieLens 100K, from the cache or else downloaded into it, rows sorted by user, then item.

    GroupLens's own archive is asked first; where it cannot be had, the same file inside a wheel on PyPI. Either must
    have the rows that the book was written with (one SHA-256 over them), else it is refused and nothing is kept.
    The cache is platformdirs' folder for "ultralearn"; ULTRALEARN_CACHE overrides it.

    Raises DataUnavailableError.
    """
    folder = os.environ.get("ULTRALEARN_CACHE") or platformdirs.user_cache_dir("ultralearn")
    cached = Path(folder).expanduser() / "ml-100k.npz"
    tried: list[str] = []
    if cached.exists():
        try:
            return _checked(*_read_cache(cached.read_bytes()))
        except Exception as error:  # whatever a damaged file does to the zip reader
            tried.append(f"the cached copy in {cached} is damaged ({error})")
    sources: dict[str, Callable[[], tuple[Ints, list[str]]]] = {GROUPLENS: _from_grouplens, WHEEL: _from_wheel}
    for name, source in sources.items():
        try:
            rows, items = source()
            ratings = _checked(rows, items)
        except Exception as error:  # a network can fail in any way; each is reported below
            tried.append(f"{name}: {error}")
            continue
        print(f"These ratings came from {name}.\n{TERMS}")
        try:
            _write_cache(cached, rows, items)
        except OSError as error:
            print(f"They could not be kept in {cached.parent} ({error}): they will be downloaded again next time.")
        return ratings
    raise DataUnavailableError(
        "The MovieLens ratings could not be had. Tried:\n- "
        + "\n- ".join(tried)
        + f"\nExpected: 100,000 rows with SHA-256 {SHA256}."
        + "\nWhat to do: connect to the internet, or to a PyPI mirror that pip knows, and run this again;"
        + f" or copy ml-100k.npz from another machine of yours into {cached.parent}."
    )


def folds(n: int, k: int = 5, seed: int = 0) -> list[tuple[Ints, Ints]]:
    """Splits n rows for k-fold cross-validation: k pairs (train rows, test rows), each row tested exactly once.

    Raises ValueError unless 2 <= k <= n.
    """
    if not 2 <= k <= n:
        raise ValueError(f"k-fold cross-validation of {n} rows needs 2 <= k <= {n}, not k={k}")
    parts = np.array_split(np.random.default_rng(seed).permutation(n), k)
    return [(np.concatenate(parts[:i] + parts[i + 1 :]), parts[i]) for i in range(k)]


@dataclass(frozen=True)
class Simulation:
    """Simulated ratings with the truth behind them: ratings = mean + user_factors . item_factors + noise."""

    ratings: Ratings
    mean: float
    user_factors: Floats
    item_factors: Floats


def simulate(
    n_users: int, n_items: int, n_ratings: int, rank: int = 2, noise: float = 0.1, seed: int = 0
) -> Simulation:
    """Low-rank ratings with known factors, for tests: who rated what follows Zipf's law on both sides.

    No person rates a film twice; ratings are real numbers around 3.5, not rounded to stars.
    Raises ValueError where n_ratings is more than the table has cells.
    """
    if n_ratings > n_users * n_items:
        raise ValueError(f"{n_ratings} ratings do not fit into {n_users} x {n_items} cells")
    rng = np.random.default_rng(seed)
    mean = 3.5
    user_factors = rng.normal(size=(n_users, rank)) / rank**0.25
    item_factors = rng.normal(size=(n_items, rank)) / rank**0.25
    popularity = np.outer(1 / np.arange(1.0, n_users + 1), 1 / np.arange(1.0, n_items + 1)).ravel()
    cells = rng.choice(n_users * n_items, size=n_ratings, replace=False, p=popularity / popularity.sum())
    users, items = np.divmod(np.sort(cells), n_items)
    exact = mean + np.sum(user_factors[users] * item_factors[items], axis=1)
    ratings = Ratings(
        users=users,
        items=items,
        ratings=exact + noise * rng.normal(size=n_ratings),
        timestamps=rng.permutation(n_ratings).astype(np.int64),
        titles=tuple(f"Film {item}" for item in range(n_items)),
        genres=tuple(("unknown",) for _ in range(n_items)),
        years=np.zeros(n_items, dtype=np.int64),
        n_users=n_users,
    )
    return Simulation(ratings, mean, user_factors, item_factors)


def _from_grouplens() -> tuple[Ints, list[str]]:
    """Rows (n, 4) and items ("title<TAB>year<TAB>genre genre") of GroupLens's own archive."""
    content = io.BytesIO()
    with urllib.request.urlopen(GROUPLENS, timeout=5) as answer:
        total = int(answer.headers.get("Content-Length") or 0) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc="ml-100k.zip") as bar:
            while piece := answer.read(1 << 16):
                content.write(piece)
                bar.update(len(piece))
    with zipfile.ZipFile(content) as archive:
        rows = _rows(archive.read("ml-100k/u.data").decode())
        lines = archive.read("ml-100k/u.item").decode("latin-1").splitlines()
    items = []
    for line in lines:
        _, title, *_, flags = line.split("|", 5)
        genres = " ".join(genre for genre, flag in zip(GENRES, flags.split("|"), strict=True) if flag == "1")
        found = re.fullmatch(r"(.*?)\s*\((\d{4})\).*", title)
        items.append(_item(found[1] if found else title, found[2] if found else "", genres))
    return rows, items


def _from_wheel() -> tuple[Ints, list[str]]:
    """The same from the copy that a wheel on PyPI carries; the wheel is unzipped, never installed."""
    with tempfile.TemporaryDirectory() as folder, tqdm(total=1, unit="wheel", desc=WHEEL) as bar:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, WHEEL]
        pip = subprocess.run(command, capture_output=True, text=True, timeout=180)
        wheels = list(Path(folder).glob("*.whl"))
        if pip.returncode or not wheels:
            reason = (pip.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise OSError(f"pip download failed: {reason}")
        bar.update()
        with zipfile.ZipFile(wheels[0]) as archive:
            table = archive.read(f"{FOLDER_IN_WHEEL}/ml-100k.inter").decode()
            lines = archive.read(f"{FOLDER_IN_WHEEL}/ml-100k.item").decode().splitlines()
    items = []
    for line in lines[1:]:
        _, title, year, genres = line.split("\t")
        # One title there was cut in the wrong place: "... (1995)" with the year "V".
        found = re.fullmatch(r"(.*?)\s*\((\d{4})\)", title)
        items.append(_item(found[1] if found else title, found[2] if found else year, genres))
    return _rows(table.split("\n", 1)[1]), items


def _rows(table: str) -> Ints:
    """Sorted rows (n, 4) of user, item, rating, timestamp, from lines separated by tabs."""
    rows = np.array(table.split(), dtype=np.int64).reshape(-1, 4)
    return rows[np.lexsort(rows.T[::-1])]


def _item(title: str, year: str, genres: str) -> str:
    """One line an item, its article in front again ("Net, The" is "The Net") and its year "0" where unknown."""
    title = re.sub(r"^(.*), (The|A|An|La|Le|Les|Das|Der|Die|El|Il)(?= \(|$)", r"\2 \1", title)
    return "\t".join([title.replace("unkonwn", "unknown"), year if year.isdigit() else "0", genres])


def _checked(rows: Ints, items: list[str]) -> Ratings:
    """The ratings, if these are the very rows that the book was written with."""
    lines = (f"{user}\t{item}\t{stars}\t{time}\n" for user, item, stars, time in rows.tolist())
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    if digest != SHA256:
        raise ValueError(f"{len(rows)} rows with SHA-256 {digest[:12]}..., not {SHA256[:12]}...")
    if len(items) != rows[:, 1].max():
        raise ValueError(f"{len(items)} film titles, not {rows[:, 1].max()}")
    titles, years, genres = zip(*(item.split("\t") for item in items), strict=True)
    return Ratings(
        users=rows[:, 0] - 1,
        items=rows[:, 1] - 1,
        ratings=rows[:, 2].astype(np.float64),
        timestamps=rows[:, 3].copy(),
        titles=titles,
        genres=tuple(tuple(sorted(names.split())) for names in genres),
        years=np.array(years, dtype=np.int64),
        n_users=int(rows[:, 0].max()),
    )


def _read_cache(content: bytes) -> tuple[Ints, list[str]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return arrays["rows"], arrays["items"].tolist()


def _write_cache(path: Path, rows: Ints, items: list[str]) -> None:
    with files.whole_file(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, rows=rows, items=np.array(items))
