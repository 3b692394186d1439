"""Cosine distances of pairs of crops, block by block: the same person or two people, never both from one camera."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.errors import DataError

# (own, other): distances of pairs of one person and of two people.
PairBlock = tuple[np.ndarray, np.ndarray]
BLOCK_ENTRIES = 1 << 21


@dataclass(frozen=True)
class PersonRows:
    """Embeddings with whom they show and who saw them.

    Args:
        features: (N, D) float32; a row of zeros is at distance 1 from everyone.
        ids: (N,) int64 person or cluster; negative = unknown, in no pair.
        cameras: (N,) int64; negative = unknown, taken for a camera of its own.
    """

    features: np.ndarray
    ids: np.ndarray
    cameras: np.ndarray

    def __post_init__(self) -> None:
        """Check that all columns have one entry a row."""
        lengths = {len(self.features), len(self.ids), len(self.cameras)}
        assert len(lengths) == 1, f"columns differ in length: {sorted(lengths)}"


def pairs_within(rows: PersonRows, *, needs_common_camera: bool = False) -> Iterator[PairBlock]:
    """Yield the distances of all unordered pairs of one set whose crops are not known to be of one camera.

    Args:
        rows: the set.
        needs_common_camera: count two people only where at least one camera has seen both. Of clusters that stand for
            people, two without a common camera are often one person that no camera change was bridged for.

    Yields:
        distances 1 - cos of pairs of one person and of two people, float32, at least 0.

    Raises:
        DataError: a feature is not finite.
    """
    kept = np.flatnonzero(rows.ids >= 0)
    unit, ids, cameras = directions(rows.features)[kept], rows.ids[kept], rows.cameras[kept]
    seen = _seen_by(ids, cameras) if needs_common_camera else None
    size = rows_a_block(len(kept))
    for start in range(0, len(kept), size):
        part, rest = slice(start, start + size), slice(start, None)
        across = are_apart(cameras[part], cameras[rest])
        # Columns begin with the block's own rows: above the diagonal every pair stands once.
        across &= np.triu(np.ones(across.shape, bool), k=1)
        is_own = ids[part, None] == ids[None, rest]
        is_other = across & ~is_own
        if seen is not None:
            is_other &= (seen[part] @ seen[rest].T) > 0
        distances = cosine_distances(unit[part], unit[rest])
        yield distances[across & is_own], distances[is_other]


def pairs_between(query: PersonRows, gallery: PersonRows, *, cameras: str = "discard_same") -> Iterator[PairBlock]:
    """Yield the distances of all pairs of a query and a gallery row.

    Args:
        query: Q rows.
        gallery: G rows.
        cameras: 'discard_same' leaves out pairs that are known to be of one camera; 'unknown' keeps all.

    Yields:
        as `pairs_within`.

    Raises:
        DataError: a feature is not finite.
    """
    asked, kept = (np.flatnonzero(part.ids >= 0) for part in (query, gallery))
    left, right = directions(query.features)[asked], directions(gallery.features)[kept]
    size = rows_a_block(len(kept))
    for start in range(0, len(asked), size):
        rows = asked[start : start + size]
        distances = cosine_distances(left[start : start + size], right)
        is_own = query.ids[rows][:, None] == gallery.ids[kept][None]
        counts = np.ones(is_own.shape, bool)
        if cameras == "discard_same":
            counts = are_apart(query.cameras[rows], gallery.cameras[kept])
        yield distances[counts & is_own], distances[counts & ~is_own]


def rows_a_block(columns: int) -> int:
    """Return how many rows of so many columns are compared at a time."""
    return int(np.clip(BLOCK_ENTRIES // max(columns, 1), 1, 1024))


def directions(features: np.ndarray) -> np.ndarray:
    """Return the (N, D) float32 rows at length one; zeros stay zeros.

    Raises:
        DataError: a feature is not finite.
    """
    rows = np.asarray(features, np.float32)
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if broken.size:
        raise DataError(
            f"features hold values that are not finite in {broken.size} rows, the first is row {broken[0]}",
            "finite numbers", "Look for the step where the model's output broke.",
        )  # fmt: skip
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def cosine_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return (N, M) float32 distances 1 - cos of rows of length one, at least 0."""
    # Rounding may put equal directions below 0; + 0 makes a plain zero of a negative one.
    return np.maximum(np.float32(1) - left @ right.T, np.float32(0)) + np.float32(0)


def are_apart(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return (N, M) bool: whether two cameras are not known to be one; negative = unknown."""
    return (left[:, None] != right[None]) | (left[:, None] < 0) | (right[None] < 0)


def _seen_by(ids: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Return (N, C) float32: 1 where the row's person was seen by a camera."""
    _, person = np.unique(ids, return_inverse=True)
    known = cameras >= 0
    columns = np.zeros(len(cameras), np.int64)
    names, columns[known] = np.unique(cameras[known], return_inverse=True)
    seen = np.zeros((int(person.max(initial=-1)) + 1, len(names)), np.float32)
    seen[person[known], columns[known]] = 1
    return seen[person]
