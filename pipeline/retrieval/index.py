"""Nearest-neighbour indexes by name: FAISS flat, IVF, IVF-PQ and HNSW, and exact search by torch on CUDA."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import faiss
import numpy as np

from pipeline.errors import DataError
from pipeline.retrieval.faiss_index import FaissIndex, faiss_metric
from pipeline.retrieval.features import METRICS

LOGGER = logging.getLogger(__name__)
# FAISS warns below 39 training rows a centroid.
ROWS_A_CENTROID = 39


class NeighbourIndex(Protocol):
    """What every index can do."""

    def add(self, features: np.ndarray) -> None:
        """Add (N, D) rows; their positions continue the numbering."""

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (Q, k) ascending distances and positions; -1 and infinity fill rows with fewer than k results."""


def _flat(dimension: int, metric: str, *, device: str = "cpu") -> FaissIndex:
    def make(rows: int) -> faiss.Index:
        return faiss.IndexFlat(dimension, faiss_metric(metric))

    return FaissIndex(make, dimension=dimension, metric=metric, device=device)


def _num_lists(lists: int, rows: int) -> int:
    """Return the inverted lists that so many rows can train, at most the number asked for."""
    if rows == 0:
        raise DataError("an index with inverted lists was given no rows to train on", "at least 1 row")
    fewer = max(1, min(lists, rows // ROWS_A_CENTROID))
    if fewer < lists:
        LOGGER.warning("%d rows train %d inverted lists, not the %d asked for", rows, fewer, lists)
    return fewer


def _ivf(dimension: int, metric: str, *, lists: int = 64, probes: int = 8, device: str = "cpu") -> FaissIndex:
    def make(rows: int) -> faiss.Index:
        coarse = faiss.IndexFlat(dimension, faiss_metric(metric))
        index = faiss.IndexIVFFlat(coarse, dimension, _num_lists(lists, rows), faiss_metric(metric))
        index.nprobe = min(probes, index.nlist)
        return index

    return FaissIndex(make, dimension=dimension, metric=metric, device=device)


def _pq(
    dimension: int,
    metric: str,
    *,
    lists: int = 64,
    probes: int = 8,
    parts: int = 32,
    bits: int = 8,
    device: str = "cpu",
) -> FaissIndex:
    if dimension % parts:
        divisors = [p for p in range(1, dimension + 1) if dimension % p == 0 and p <= 64]
        raise DataError(f"{parts} product-quantizer parts for {dimension} dimensions", f"one of {divisors}")

    def make(rows: int) -> faiss.Index:
        if rows < 2**bits:
            raise DataError(
                f"{rows} rows to train a product quantizer with {bits} bits",
                f"at least {2**bits} rows",
                "Give fewer bits or use the flat index.",
            )
        coarse = faiss.IndexFlat(dimension, faiss_metric(metric))
        index = faiss.IndexIVFPQ(coarse, dimension, _num_lists(lists, rows), parts, bits, faiss_metric(metric))
        index.nprobe = min(probes, index.nlist)
        return index

    return FaissIndex(make, dimension=dimension, metric=metric, device=device)


def _hnsw(dimension: int, metric: str, *, links: int = 32, breadth: int = 128) -> FaissIndex:
    def make(rows: int) -> faiss.Index:
        index = faiss.IndexHNSWFlat(dimension, links, faiss_metric(metric))
        index.hnsw.efConstruction = index.hnsw.efSearch = breadth
        return index

    return FaissIndex(make, dimension=dimension, metric=metric)


def _torch_cuda(dimension: int, metric: str, *, device: str = "cuda") -> NeighbourIndex:
    # torch is imported with the one index that needs it: clustering and ranking start without it.
    from pipeline.retrieval.torch_index import TorchIndex

    return TorchIndex(dimension=dimension, metric=metric, device=device)


INDEXES: Mapping[str, Callable[..., NeighbourIndex]] = {
    "flat": _flat,
    "hnsw": _hnsw,
    "ivf": _ivf,
    "pq": _pq,
    "torch": _torch_cuda,
}
EXACT = ("flat", "torch")


def build_index(kind: str, *, dimension: int, metric: str = "cosine", **options: Any) -> NeighbourIndex:
    """Return an empty index.

    Args:
        kind: a name in `INDEXES`; 'flat' and 'torch' are exact.
        dimension: D of the features.
        metric: 'cosine' (distance 1 - similarity) or 'euclidean' (not squared).
        options: 'ivf': lists, probes; 'pq': lists, probes, parts, bits; 'hnsw': links, breadth; all but 'hnsw':
            device ('cpu' or 'cuda').

    Raises:
        DataError: for an unknown name, metric or option.
    """
    if kind not in INDEXES:
        raise DataError(f"an index called {kind!r}", f"one of {', '.join(sorted(INDEXES))}")
    if metric not in METRICS:
        raise DataError(f"a metric called {metric!r}", f"one of {', '.join(METRICS)}")
    try:
        return INDEXES[kind](dimension, metric, **options)
    except TypeError as error:
        raise DataError(f"options {sorted(options)} for the {kind} index ({error})", "options that it has") from error
