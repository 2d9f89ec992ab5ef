"""The best of many items for one query, by NumPy: look at all of them, or stop where nothing better can come."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.contestants import Ids

Vectors = NDArray[np.float32]
FIRST, LONGEST = 256, 16_384  # items in the first block, and in the longest


class BruteForce:
    """One product with all items, and the best of it without sorting the rest."""

    data_format: ClassVar[str] = "float32, one row an item"

    def build(self, items: Vectors) -> None:
        """Nothing to prepare."""
        self.items = items

    def set(self, **params: Any) -> None:
        """Nothing to set."""

    def n_bytes(self) -> int:
        """What it holds."""
        return self.items.nbytes

    def search(self, query: Vectors, k: int) -> Ids:
        """The k best, best first."""
        scores = self.items @ query
        best = np.argpartition(scores, len(scores) - k)[-k:]
        return best[np.argsort(-scores[best])]


class ExactPruning:
    """Longest items first, in blocks; stop at the first whose length forbids it to be among the k best.

    No score is above the product of the lengths (Cauchy-Schwarz). With the items sorted by length, what cannot be
    reached by one item cannot be reached by any after it, so the lists are exact.
    """

    data_format: ClassVar[str] = BruteForce.data_format

    def build(self, items: Vectors) -> None:
        """Sort by length."""
        lengths = np.linalg.norm(items, axis=1)
        self.order = np.argsort(-lengths, kind="stable")
        self.items = items[self.order]
        self.lengths = lengths[self.order].astype(np.float64) * (1 + 1e-6)  # scores are rounded, bounds must not be
        self.looked_at = 0

    def set(self, **params: Any) -> None:
        """Nothing to set."""

    def n_bytes(self) -> int:
        """What it holds."""
        return self.items.nbytes + self.order.nbytes + self.lengths.nbytes

    def search(self, query: Vectors, k: int) -> Ids:
        """The k best, best first."""
        length = float(np.linalg.norm(query))
        best, scores = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        start, size, bar = 0, FIRST, -np.inf
        while start < len(self.items) and length * self.lengths[start] >= bar:
            found = self.items[start : start + size] @ query
            better = np.flatnonzero(found > bar)
            if len(better):
                best, scores = np.concatenate([best, better + start]), np.concatenate([scores, found[better]])
                if len(best) > k:
                    kept = np.argpartition(scores, len(scores) - k)[-k:]
                    best, scores = best[kept], scores[kept]
                bar = scores.min() if len(best) == k else bar
            start, size = start + size, min(2 * size, LONGEST)
        self.looked_at += min(start, len(self.items))
        return self.order[best[np.argsort(-scores)]]
