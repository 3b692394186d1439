"""Exact neighbour search by torch, for CUDA machines without a GPU build of FAISS."""

from collections.abc import Iterator

import numpy as np
import torch

from pipeline.errors import DataError
from pipeline.retrieval.features import checked_features

BLOCK_ENTRIES = 1 << 26


class TorchIndex:
    """Exact search in blocks of queries; the same distances as the flat index.

    Args:
        dimension: D of the features.
        metric: 'cosine' or 'euclidean'.
        device: a torch device; the CPU works too and serves the tests.
    """

    def __init__(self, *, dimension: int, metric: str, device: str = "cuda") -> None:
        if torch.device(device).type == "cuda" and not torch.cuda.is_available():
            raise DataError("the torch index was asked for on CUDA", "a CUDA device", "Use the flat index on this one.")
        self._dimension, self._metric, self._device = dimension, metric, torch.device(device)
        # Joined at the first search: joining at every add would copy all rows each time.
        self._parts = [torch.empty((0, dimension), device=self._device)]

    def add(self, features: np.ndarray) -> None:
        """Add (N, D) rows."""
        rows = checked_features(features, metric=self._metric, dimension=self._dimension)
        # A copy also on the CPU: the caller may use its array again.
        self._parts.append(torch.tensor(rows, device=self._device))

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(len(part) for part in self._parts)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (Q, k) ascending distances and positions of the nearest rows."""
        if len(self) == 0:
            raise DataError("the index is empty", "rows added before the search")
        rows = checked_features(queries, metric=self._metric, dimension=self._dimension)
        distances = np.full((len(rows), k), np.inf, dtype=np.float32)
        positions = np.full((len(rows), k), -1, dtype=np.int64)
        found = min(k, len(self))
        size = max(1, BLOCK_ENTRIES // len(self))
        for start in range(0, len(rows), size):
            block = torch.from_numpy(rows[start : start + size]).to(self._device)
            values, order = self._distances(block).topk(found, dim=1, largest=False, sorted=True)
            distances[start : start + size, :found] = values.cpu().numpy()
            positions[start : start + size, :found] = order.cpu().numpy()
        return distances, positions

    def distance_blocks(self, queries: np.ndarray, *, block: int = 256) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the first position and the (B, N) distances of every block of queries, for an exact ranking.

        Args:
            queries: (Q, D).
            block: queries a block.
        """
        rows = checked_features(queries, metric=self._metric, dimension=self._dimension)
        for start in range(0, len(rows), block):
            part = torch.from_numpy(rows[start : start + block]).to(self._device)
            yield start, self._distances(part).cpu().numpy()

    def _distances(self, block: torch.Tensor) -> torch.Tensor:
        """Return (B, N) distances; TF32 is left to torch's default, which is off for matrix products."""
        gallery = self._joined()
        products = block @ gallery.T
        if self._metric == "cosine":
            return 1.0 - products
        squared = block.square().sum(1, keepdim=True) + gallery.square().sum(1) - 2.0 * products
        return squared.clamp_min(0.0).sqrt()

    def _joined(self) -> torch.Tensor:
        if len(self._parts) > 1:
            self._parts = [torch.cat(self._parts)]
        return self._parts[0]
