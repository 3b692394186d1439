"""Small features with names, for tests of what lies in folders."""

import numpy as np

from pipeline.retrieval.feature_rows import FeatureRows
from pipeline.retrieval.origin import Origin
from pipeline.retrieval.row_names import row_names

DIMENSION = 16


def make_features(count: int, seed: int = 0) -> np.ndarray:
    """Return random (count, DIMENSION) float32 rows."""
    return np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)


def make_names(count: int) -> np.ndarray:
    """Return the names of rows before two cameras; every fifth person is unknown."""
    cameras = [str(i % 2 + 1) for i in range(count)]
    return row_names(
        [f"crops/{i:04d}.jpg" for i in range(count)], cameras, [i if i % 5 else None for i in range(count)]
    )


def make_rows(count: int, seed: int = 0, *, origin: Origin | None = None) -> FeatureRows:
    """Return random rows with their names."""
    known = origin or Origin(model="a" * 64, data="b" * 64)
    return FeatureRows(make_features(count, seed), np.arange(count), make_names(count), known)
