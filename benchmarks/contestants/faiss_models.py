"""faiss: all items, or a graph of them (HNSW), by inner product."""

from typing import Any, ClassVar

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.contestants import Ids

faiss.omp_set_num_threads(1)
Vectors = NDArray[np.float32]


class Flat:
    """Looks at everything."""

    data_format: ClassVar[str] = "float32, one row an item"

    def build(self, items: Vectors) -> None:
        """Copy them."""
        self.index = self._index(items.shape[1])
        self.index.add(items)

    def _index(self, rank: int) -> Any:
        return faiss.IndexFlatIP(rank)

    def set(self, **params: Any) -> None:
        """Nothing to set."""

    def n_bytes(self) -> int:
        """What it would take on a disk, and in memory."""
        return len(faiss.serialize_index(self.index))

    def search(self, query: Vectors, k: int) -> Ids:
        """The k best, best first."""
        found: Ids = self.index.search(query[None], k)[1][0]
        return found


class HNSW(Flat):
    """A graph in which one walks towards better neighbors (Malkov and Yashunin 2018).

    For distances, which it was made for. With one more coordinate that brings all items to one length, the nearest is
    the one with the largest product (Bachrach et al. 2014); on our factors that reaches a high recall in less time
    than the graph that faiss builds for products.
    """

    data_format: ClassVar[str] = "float32, one row an item; a coordinate is added while it builds"

    def build(self, items: Vectors) -> None:
        """Lengthen all items to one length, and link them."""
        squares = np.einsum("ij,ij->i", items, items)
        more = np.sqrt(np.maximum(squares.max() - squares, 0))
        super().build(np.column_stack([items, more]))

    def _index(self, rank: int) -> Any:
        index = faiss.IndexHNSWFlat(rank, 32)
        index.hnsw.efConstruction = 100
        return index

    def set(self, **params: Any) -> None:
        """How many candidates a search keeps."""
        self.index.hnsw.efSearch = params["ef"]

    def search(self, query: Vectors, k: int) -> Ids:
        """The k best, best first."""
        return super().search(np.append(query, np.float32(0)), k)
