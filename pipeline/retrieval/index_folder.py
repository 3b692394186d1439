"""An index in a folder: FAISS's file, the names of its rows, and a header that is written last."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from pipeline.atomic_files import read_json, sha256_of_file
from pipeline.errors import DataError, ManifestError
from pipeline.retrieval.faiss_index import FaissIndex, check_faiss_cuda, has_faiss_cuda
from pipeline.retrieval.index import NeighbourIndex, build_index
from pipeline.retrieval.origin import Origin
from pipeline.retrieval.row_names import open_row_names

SCHEMA = 1
HEADER, VECTORS, NAMES = "index.json", "vectors.faiss", "names.npy"
# A digest of so many bytes costs a fraction of a second; of more, only where it is asked for.
HASHED_BYTES = 64 << 20
INVERTED = ("ivf", "pq")
_SEARCH_OPTIONS = {"probes": INVERTED, "breadth": ("hnsw",)}
_ROWS_A_COPY = 1 << 16
_REMEDY = "Build it again with tools/build_index.py."


@dataclass(frozen=True)
class IndexHeader:
    """What an index is.

    Args:
        kind: 'flat', 'ivf', 'pq' or 'hnsw'.
        metric: 'cosine' or 'euclidean'.
        dimension: D.
        count: N.
        options: that it was built with.
        origin: what made its rows.
        files: size in bytes and SHA-256 of each file, by name.
    """

    kind: str
    metric: str
    dimension: int
    count: int
    options: Mapping[str, Any]
    origin: Origin
    files: Mapping[str, Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"schema": SCHEMA, **asdict(self)}


@dataclass(frozen=True)
class OpenIndex:
    """An index that can be searched, with what its folder says.

    Args:
        header: what it is.
        index: what searches.
        names: (N,) of `row_names.open_row_names`.
    """

    header: IndexHeader
    index: NeighbourIndex
    names: np.ndarray


def read_index_header(folder: Path) -> IndexHeader:
    """Read what an index is.

    Raises:
        DataError: there is no index, or its header is damaged or newer.
    """
    if not (folder / HEADER).is_file():
        raise DataError(f"{folder} holds no index", f"a folder with {HEADER}", _REMEDY)
    try:
        values = read_json(folder / HEADER)
        if values.pop("schema", None) != SCHEMA:
            raise DataError(f"the header of index {folder} is not of schema {SCHEMA}", "", _REMEDY)
        return IndexHeader(origin=Origin.from_json(values.pop("origin")), **values)
    except (ManifestError, TypeError, KeyError) as error:
        raise DataError(f"the header of index {folder} is damaged ({error})", "", _REMEDY) from error


def open_index(
    folder: Path, *, device: str = "cpu", is_verified: bool = False, options: Mapping[str, int] | None = None
) -> OpenIndex:
    """Open an index; on the CPU its rows are mapped, and read from the disk as searches need them.

    A flat index on CUDA is searched by FAISS where it was built for that, and else by torch, which gives the same.

    Args:
        folder: that `index_writer.write_index` wrote.
        device: 'cpu' or 'cuda'.
        is_verified: compare the digest of every file; without, that of small ones, and the sizes of all.
        options: of the search, in place of those that it was built with: probes (ivf, pq), breadth (hnsw).

    Raises:
        DataError: missing, damaged, an option that its kind does not have, or CUDA where that is not to be had.
    """
    header = read_index_header(folder)
    for name, facts in header.files.items():
        _check_file(folder / name, facts, is_verified=is_verified)
    names = open_row_names(folder / NAMES, count=header.count)
    if device == "cuda" and header.kind == "hnsw":
        raise DataError("an hnsw index on CUDA", "device cpu", "FAISS searches HNSW on the CPU; use flat, ivf or pq.")
    if device == "cuda" and header.kind != "flat":
        check_faiss_cuda()
    found = _read(folder / VECTORS, header.kind)
    if (found.d, found.ntotal) != (header.dimension, header.count):
        raise DataError(
            f"{folder / VECTORS} holds {found.ntotal} rows of {found.d}",
            f"{header.count} of {header.dimension}",
            _REMEDY,
        )
    _set_search_options(found, header.kind, options or {})
    if device == "cuda" and not has_faiss_cuda():
        return OpenIndex(header, _torch_copy(found, header), names)
    return OpenIndex(header, FaissIndex.of(found, metric=header.metric, device=device), names)


def check_query(header: IndexHeader, *, dimension: int, metric: str | None = None) -> None:
    """Refuse queries that an index cannot be asked.

    Args:
        header: of the index.
        dimension: D of the queries.
        metric: that the caller means, or None for that of the index.

    Raises:
        DataError: another dimension or metric.
    """
    if dimension != header.dimension:
        raise DataError(f"queries of {dimension} dimensions", f"{header.dimension}, as the index has")
    if metric is not None and metric != header.metric:
        raise DataError(
            f"an index for the {header.metric} metric, asked for {metric}", "one metric", "Build another index."
        )


def _check_file(path: Path, facts: Mapping[str, Any], *, is_verified: bool) -> None:
    try:
        size = path.stat().st_size
        if size != facts["bytes"]:
            raise DataError(f"{path} has {size} bytes", f"{facts['bytes']}, as it was written", _REMEDY)
        if (is_verified or size <= HASHED_BYTES) and sha256_of_file(path) != facts["sha256"]:
            raise DataError(f"{path} is damaged: it is not what was written", "the same content", _REMEDY)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})", "the file of an index", _REMEDY) from error


def _read(path: Path, kind: str) -> Any:
    # Inverted lists and plain arrays are mapped by different means; FAISS before 1.11 reads the latter into memory.
    inverted, plain = faiss.IO_FLAG_MMAP, getattr(faiss, "IO_FLAG_MMAP_IFC", 0)
    try:
        found: Any = faiss.read_index(str(path), inverted if kind in INVERTED else plain)
    except (RuntimeError, MemoryError) as error:
        raise DataError(f"{path} is damaged: FAISS cannot read it", "an index file", _REMEDY) from error
    if kind in INVERTED:
        # FAISS starts 32 threads a query that read ahead; where lists are in memory, they cost more than the search.
        mapped: Any = faiss.downcast_InvertedLists(found.invlists)
        mapped.prefetch_nthread = 0
    return found


def _set_search_options(found: Any, kind: str, options: Mapping[str, int]) -> None:
    for name, value in options.items():
        if kind not in _SEARCH_OPTIONS[name]:
            raise DataError(f"{name} for an index of kind {kind}", f"kind {' or '.join(_SEARCH_OPTIONS[name])}")
        if value < 1:
            raise DataError(f"{name} {value}", "at least 1")
        if name == "probes":
            found.nprobe = min(value, found.nlist)
        else:
            found.hnsw.efSearch = value


def _torch_copy(found: Any, header: IndexHeader) -> NeighbourIndex:
    index = build_index("torch", dimension=header.dimension, metric=header.metric)
    for first in range(0, header.count, _ROWS_A_COPY):
        index.add(found.reconstruct_n(first, min(_ROWS_A_COPY, header.count - first)))
    return index
