"""Signs that clusters, or the features under them, have collapsed."""

import numpy as np

# A larger share of all images in one cluster is a collapse: no camera network sees one person that often.
LARGEST_SHARE = 0.5
# Below this variance of unit-length features, float32 rounding decides who is a neighbour of whom.
LEAST_VARIANCE = 1e-6
EQUAL_FEATURES = "all features point the same way: the model says nothing about the target"


def features_are_equal(features: np.ndarray) -> bool:
    """Return whether more than one unit-length feature is there and all are the same up to rounding.

    Args:
        features: (N, D) float32, L2-normalised; zero rows count as equal to each other.
    """
    rows = np.asarray(features, dtype=np.float32)
    mean = rows.mean(axis=0, dtype=np.float64)
    squares = np.einsum("nd,nd->", rows, rows, dtype=np.float64) / max(len(rows), 1)
    return len(rows) > 1 and bool(squares - mean @ mean < LEAST_VARIANCE)


def collapse_of(labels: np.ndarray) -> str | None:
    """Return a sentence when the clusters cannot be trained on, or None.

    Args:
        labels: (N,) int64; -1 = outlier.
    """
    sizes = np.bincount(labels[labels >= 0]) if (labels >= 0).any() else np.zeros(0, dtype=np.int64)
    total = len(labels)
    if len(sizes) == 0:
        return f"no cluster among {total} images: eps or k1 is too small, or the features say nothing about the target"
    if len(sizes) == 1:
        return (
            f"one cluster holds all {sizes[0]} clustered of {total} images: eps is too large or the features collapsed"
        )
    if sizes.max() > LARGEST_SHARE * total:
        return (
            f"one of {len(sizes)} clusters holds {sizes.max()} of {total} images: eps is too large or the features"
            " collapsed"
        )
    return None
