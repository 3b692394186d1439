"""Building an index into a folder from rows that need not fit into memory."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from pipeline.atomic_files import TEMPORARY_PREFIX, sha256_of_file, sync_directory, write_json
from pipeline.errors import DataError
from pipeline.retrieval.faiss_index import FaissIndex
from pipeline.retrieval.feature_rows import FeatureRows
from pipeline.retrieval.index import ROWS_A_CENTROID, build_index
from pipeline.retrieval.index_folder import HEADER, INVERTED, NAMES, VECTORS, IndexHeader
from pipeline.retrieval.index_shards import write_shards
from pipeline.retrieval.row_names import write_row_names

BLOCK_ROWS = 1 << 14
# FAISS takes at most 256 rows a centroid; a quarter of them places inverted lists as well.
_ROWS_A_LIST, _ROWS_A_CODE = 64, 256


@dataclass(frozen=True)
class IndexPlan:
    """How to build an index.

    Args:
        kind: 'flat', 'ivf', 'pq' or 'hnsw'.
        metric: 'cosine' or 'euclidean'.
        options: of the kind, see `index.build_index`, without its device.
        device: 'cpu', or 'cuda' to train and fill with FAISS on the GPU; hnsw has the CPU only.
        shard_bytes: float32 rows that inverted lists are filled with at a time.
        seed: of the choice of training rows.
    """

    kind: str
    metric: str = "cosine"
    options: Mapping[str, int] = field(default_factory=dict)
    device: str = "cpu"
    shard_bytes: int = 256 << 20
    seed: int = 0


def default_lists(count: int) -> int:
    """Return a number of inverted lists for so many rows: the power of two next to their square root."""
    return int(max(1, min(2 ** round(np.log2(max(1, count)) / 2), count // ROWS_A_CENTROID)))


def write_index(folder: Path, rows: FeatureRows, plan: IndexPlan) -> IndexHeader:
    """Build an index and write it; the folder appears when it is complete.

    Inverted lists are trained on a sample, filled in shards that are written to the disk, and merged there, so that
    memory holds the sample or one shard. A flat and an HNSW index are held in memory while they are built.

    Args:
        folder: to be made.
        rows: what to index.
        plan: how.

    Returns:
        what was written.

    Raises:
        DataError: the folder exists, an option does not fit, rows are not finite, or the disk is full.
    """
    placed = {} if plan.device == "cpu" else {"device": plan.device}
    index = build_index(plan.kind, dimension=rows.dimension, metric=plan.metric, **plan.options, **placed)
    if not isinstance(index, FaissIndex):
        raise DataError(
            f"an index of kind {plan.kind} in a folder", "flat, hnsw, ivf or pq", "Open a flat one on CUDA."
        )
    with _new_folder(folder) as unfinished:
        index.train(rows.take(_sample(len(rows), plan)))
        per_shard = max(1, plan.shard_bytes // (4 * rows.dimension))
        if plan.kind in INVERTED and len(rows) > per_shard:
            write_shards(unfinished / VECTORS, rows, index, per_shard=per_shard)
        else:
            for _, block in rows.blocks(BLOCK_ROWS):
                index.add(block)
            faiss.write_index(index.on_cpu, str(unfinished / VECTORS))
        write_row_names(unfinished / NAMES, rows.names)
        header = IndexHeader(
            plan.kind, plan.metric, rows.dimension, len(rows), dict(plan.options), rows.origin, _digests(unfinished)
        )
        write_json(unfinished / HEADER, header.to_json())
    return header


def _sample(count: int, plan: IndexPlan) -> np.ndarray:
    """Return ascending positions of the rows to train on; flat and HNSW only look at the width of one."""
    wanted = 1
    if plan.kind in INVERTED:
        wanted = _ROWS_A_LIST * plan.options.get("lists", default_lists(count))
    if plan.kind == "pq":
        wanted = max(wanted, _ROWS_A_CODE << plan.options.get("bits", 8))
    if wanted >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(plan.seed).choice(count, wanted, replace=False))


def _digests(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(folder.iterdir())
    return {path.name: {"bytes": path.stat().st_size, "sha256": sha256_of_file(path, sync=True)} for path in files}


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill that takes its name at the end, or is removed when something goes wrong."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} exists", "a new folder", "Remove it or give another name.")
    unfinished = folder.with_name(f"{TEMPORARY_PREFIX}{folder.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        sync_directory(unfinished)
        os.replace(unfinished, folder)
        sync_directory(folder.parent)
    except (OSError, RuntimeError) as error:
        # FAISS tells a full disk by a RuntimeError that quotes the system's words.
        is_full = os.strerror(errno.ENOSPC) in str(error)
        reason = os.strerror(errno.ENOSPC) if is_full else str(error).splitlines()[-1]
        raise DataError(
            f"index {folder} cannot be written: {reason}",
            "",
            "Free some space or give another disk." if is_full else "",
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
