"""A FAISS index that speaks distances, on the CPU or, where FAISS was built for it, on the GPU."""

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np

from pipeline.errors import DataError
from pipeline.retrieval.features import checked_features

DEVICES = ("cpu", "cuda")


class FaissIndex:
    """A FAISS index that speaks distances: 1 - cosine similarity, or the Euclidean distance (not squared).

    Args:
        factory: makes the empty FAISS index once the number of training rows is known.
        dimension: D of the features.
        metric: 'cosine' or 'euclidean'.
        device: 'cpu' or 'cuda'.

    Raises:
        DataError: another device, or CUDA where this FAISS or this machine has none.
    """

    def __init__(
        self, factory: Callable[[int], faiss.Index], *, dimension: int, metric: str, device: str = "cpu"
    ) -> None:
        if device not in DEVICES:
            raise DataError(f"a FAISS index on device {device!r}", f"one of {', '.join(DEVICES)}")
        if device == "cuda":
            check_faiss_cuda()
        self._factory, self._dimension, self._metric, self._device = factory, dimension, metric, device
        self._index: Any = None

    @classmethod
    def of(cls, built: faiss.Index, *, metric: str, device: str = "cpu") -> "FaissIndex":
        """Return an index over what FAISS has read from a file.

        Args:
            built: the FAISS index, on the CPU.
            metric: 'cosine' or 'euclidean'.
            device: 'cpu' or 'cuda'.
        """
        index = cls(lambda rows: built, dimension=built.d, metric=metric, device=device)
        index._index = _placed(built, device)
        return index

    def __len__(self) -> int:
        """Return the number of rows."""
        return 0 if self._index is None else int(self._index.ntotal)

    @property
    def on_cpu(self) -> Any:
        """Return the FAISS index itself, copied from the GPU where it is there.

        Raises:
            DataError: nothing was added or trained yet.
        """
        if self._index is None:
            raise DataError("the index is empty", "rows added before it is used")
        return faiss.index_gpu_to_cpu(self._index) if self._device == "cuda" else self._index

    def empty_copy(self) -> "FaissIndex":
        """Return a second index with the same training and without rows; called on one that is trained and empty."""
        assert len(self) == 0, f"an index with {len(self)} rows is not empty"
        return FaissIndex.of(faiss.clone_index(self.on_cpu), metric=self._metric, device=self._device)

    def train(self, features: np.ndarray) -> None:
        """Make the index and train it where it needs training; nothing is added.

        Args:
            features: (N, D) rows, or a sample of those that will be added.
        """
        rows = checked_features(features, metric=self._metric, dimension=self._dimension)
        self._train(rows)

    def add(self, features: np.ndarray) -> None:
        """Add rows; without `train` before it, the first call also trains on its rows."""
        rows = checked_features(features, metric=self._metric, dimension=self._dimension)
        if self._index is None:
            self._train(rows)
        self._index.add(rows)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (Q, k) ascending distances and positions of the nearest rows."""
        if len(self) == 0:
            raise DataError("the index is empty", "rows added before the search")
        rows = checked_features(queries, metric=self._metric, dimension=self._dimension)
        values, positions = self._index.search(rows, k)
        missing = positions < 0
        distances = 1.0 - values if self._metric == "cosine" else np.sqrt(np.maximum(values, 0.0))
        distances[missing] = np.inf
        return distances, positions

    def _train(self, rows: np.ndarray) -> None:
        self._index = _placed(self._factory(len(rows)), self._device)
        if not self._index.is_trained:
            self._index.train(rows)


def faiss_metric(metric: str) -> int:
    """Return FAISS's number of a metric; the cosine is the inner product of rows of length one."""
    return int(faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2)


def has_faiss_cuda() -> bool:
    """Return whether this FAISS was built for GPUs and sees one."""
    return hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0


def check_faiss_cuda() -> None:
    """Refuse a search on CUDA where FAISS cannot do it.

    Raises:
        DataError: FAISS was built for the CPU, or sees no GPU.
    """
    if not hasattr(faiss, "StandardGpuResources"):
        raise DataError(
            f"FAISS {faiss.__version__} was asked for CUDA and is built for the CPU",
            "a FAISS with GPU support",
            "Install crosscam[gpu], use the index torch, which searches exactly on CUDA, or leave the device out.",
        )
    if not has_faiss_cuda():
        raise DataError("FAISS was asked for CUDA and sees no GPU", "a CUDA device", "Leave the device out.")


def _placed(index: faiss.Index, device: str) -> faiss.Index:
    # All visible GPUs would need shards or copies; one is what the rest of the process computes on.
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index) if device == "cuda" else index
