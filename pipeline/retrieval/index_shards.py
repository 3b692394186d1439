"""Inverted lists that are filled in shards and merged on the disk, for more rows than fit into memory."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from pipeline.retrieval.faiss_index import FaissIndex
from pipeline.retrieval.feature_rows import FeatureRows

BLOCK_ROWS = 1 << 14
# How FAISS ends the file of an index with empty lists: mark, number of lists, bytes a code, layout, number of sizes.
_MARK, _SPARSE, _FULL = b"ilar", b"sprs", b"full"
_WORD = 8
_EMPTY_LISTS = len(_MARK) + 2 * _WORD + len(_SPARSE) + _WORD


def write_shards(path: Path, rows: FeatureRows, trained: FaissIndex, *, per_shard: int) -> None:
    """Write the file of an index with inverted lists, as FAISS writes it when all lists are in memory.

    FAISS merges lists on the disk as well, but in a second file that it maps while it grows, where a full disk ends the
    process, and whose place it prints at every opening.

    Args:
        path: the file; shards lie beside it until the end.
        rows: what to index.
        trained: the empty index.
        per_shard: rows that memory holds at a time.
    """
    parts: list[Path] = []
    for first in range(0, len(rows), per_shard):
        last = min(first + per_shard, len(rows))
        shard = trained.empty_copy()
        for start in range(first, last, BLOCK_ROWS):
            shard.add(rows.take(np.arange(start, min(start + BLOCK_ROWS, last))))
        parts.append(path.with_name(f"shard-{len(parts):06d}"))
        faiss.write_index(shard.on_cpu, str(parts[-1]))
    _merge(path, trained.on_cpu, parts)
    for part in parts:
        part.unlink()


def _merge(path: Path, empty: Any, parts: list[Path]) -> None:
    shards: list[Any] = [faiss.read_index(str(part), faiss.IO_FLAG_MMAP) for part in parts]
    sizes = np.array([[shard.invlists.list_size(one) for one in range(empty.nlist)] for shard in shards], np.uint64)
    # The positions of a shard begin at 0.
    shifts = np.concatenate([[0], np.cumsum([shard.ntotal for shard in shards])[:-1]]).astype(np.int64)
    empty.ntotal = int(sizes.sum())
    faiss.write_index(empty, str(path))
    with open(path, "r+b") as stream:
        stream.seek(-_EMPTY_LISTS, 2)
        ending = stream.read()
        assert ending.startswith(_MARK), f"FAISS {faiss.__version__} writes lists in another way"
        stream.seek(-len(_SPARSE) - _WORD, 2)
        totals = sizes.sum(axis=0, dtype=np.uint64)
        stream.write(_FULL + np.uint64(empty.nlist).tobytes() + totals.tobytes())
        for one in range(empty.nlist):
            lists = [_one_list(shard.invlists, one) for shard in shards]
            for codes, _ in lists:
                stream.write(codes.tobytes())
            for (_, positions), shift in zip(lists, shifts, strict=True):
                stream.write((positions + shift).tobytes())


def _one_list(lists: faiss.InvertedLists, one: int) -> tuple[np.ndarray, np.ndarray]:
    """Return copies of the codes and positions of a list."""
    size = lists.list_size(one)
    if size == 0:
        return np.empty(0, np.uint8), np.empty(0, np.int64)
    codes = faiss.rev_swig_ptr(lists.get_codes(one), size * lists.code_size)
    return codes.copy(), faiss.rev_swig_ptr(lists.get_ids(one), size).copy()
