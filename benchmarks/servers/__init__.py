"""Servers that take part, a program each: `python -m benchmarks.servers.NAME PORT MODEL`. Here: the model of them all.

MODEL is an .npz that needs nothing but NumPy, written from the release that our own service serves.
"""

from typing import Any

import numpy as np

K = 10


class Model:
    """Factors, what everybody has seen, and titles."""

    def __init__(self, path: str) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self.user_factors, self.item_factors = arrays["user_factors"], arrays["item_factors"]
            self.starts, self.seen = arrays["seen_starts"], arrays["seen_items"]
            self.titles: list[str] = arrays["titles"].tolist()
            self.version = str(arrays["version"])

    def answer(self, user: int) -> dict[str, Any]:
        """The ten best films for this person, whom MovieLens counts from 1, without what they have seen."""
        scores = self.item_factors @ self.user_factors[user - 1]
        scores[self.seen[self.starts[user - 1] : self.starts[user]]] = -np.inf
        best = np.argpartition(-scores, K)[:K]
        best = best[np.argsort(-scores[best], kind="stable")]
        items = [
            {"item": item + 1, "title": self.titles[item], "score": score}
            for item, score in zip(best.tolist(), scores[best].tolist(), strict=True)
        ]
        return {"items": items, "model_version": self.version}
