"""What takes part. One module an environment; each imports nothing but NumPy, SciPy and the library it speaks to."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Stars = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """Ratings as every environment reads them: four columns, (n,), ids counted from 0, and how many there are."""

    users: Ids
    items: Ids
    ratings: Stars
    timestamps: Ids
    n_users: int
    n_items: int

    def write(self, path: Path) -> str:
        """Store the columns, and return the SHA-256 over them."""
        arrays = {name: np.asarray(value) for name, value in vars(self).items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, allow_pickle=False, **arrays)
        return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values())).hexdigest()

    @classmethod
    def read(cls, path: str) -> "Columns":
        """What `write` stored."""
        with np.load(path, allow_pickle=False) as arrays:
            sizes = int(arrays["n_users"]), int(arrays["n_items"])
            return cls(arrays["users"], arrays["items"], arrays["ratings"], arrays["timestamps"], *sizes)


class Contestant(Protocol):
    """One model of one library. Only what `fit` and `recommend` do is on the clock.

    data_format: what `prepare` makes of the columns, before the clock starts.
    """

    data_format: ClassVar[str]

    def prepare(self, train: Columns) -> None:
        """Bring the training ratings into the library's own format."""
        ...

    def fit(self, seed: int, **params: object) -> None:
        """Make a new model with these hyper-parameters and fit it."""
        ...

    def predict(self, users: Ids, items: Ids) -> Stars:
        """Stars, (n,), of users[j] for items[j]."""
        ...

    def recommend(self, k: int) -> object:
        """The k best for every user, what they have seen left out, by the library's own call for that."""
        ...

    def lists(self, recommended: object, k: int) -> Ids:
        """What `recommend` returned as ids, (n_users, k), best first, -1 where a list is shorter."""
        ...

    def quick_lists(self, k: int) -> Ids:
        """The same lists by a shorter way, for tuning; the harness holds the two to one quality."""
        ...


class Searcher(Protocol):
    """An index of items, asked for one query at a time. What `build` and `search` do is on the clock."""

    data_format: ClassVar[str]

    def build(self, items: NDArray[np.float32]) -> None:
        """Take the items, (n_items, rank)."""
        ...

    def set(self, **params: object) -> None:
        """Choose between speed and recall, where there is a choice."""
        ...

    def n_bytes(self) -> int:
        """What the index holds."""
        ...

    def search(self, query: NDArray[np.float32], k: int) -> Ids:
        """The k items with the largest products with the query, (rank,), best first."""
        ...
