"""A few crops that differ, out of many that are nearly the same."""

import cv2
import numpy as np

_SIZE = (4, 8)  # width and height of the descriptor's picture


def describe(crop: np.ndarray) -> np.ndarray:
    """Return a small picture of the crop as a vector, for a cheap comparison of two crops.

    Args:
        crop: (h, w, 3) uint8 RGB with h, w >= 1.

    Returns:
        (96,) float32; the distance of two is the root mean square of their differences, in shares of the full range.
    """
    small = cv2.resize(crop, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32).reshape(-1)
    return small / np.float32(255.0 * np.sqrt(small.size))


def distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the (N, M) float64 Euclidean distances between (N, D) and (M, D) vectors."""
    differences = rows.astype(np.float64)[:, None] - others.astype(np.float64)[None]
    found: np.ndarray = np.sqrt((differences**2).sum(axis=2))
    return found


def farthest_points(descriptors: np.ndarray, number: int, first: int) -> list[int]:
    """Choose vectors that differ: each next one is the farthest from all that were chosen before.

    Args:
        descriptors: (N, D), N at least 1.
        number: how many are wanted; all where there are fewer.
        first: position of the one to begin with.

    Returns:
        positions in the order of the choice; of equally far ones the earlier.

    Reference: Gonzalez, Clustering to minimize the maximum intercluster distance, TCS 1985.
    """
    chosen = [first]
    nearest = distances(descriptors, descriptors[[first]])[:, 0]
    while len(chosen) < min(number, len(descriptors)):
        nearest[chosen] = -1.0
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, distances(descriptors, descriptors[[chosen[-1]]])[:, 0])
    return chosen


def most_redundant(descriptors: np.ndarray) -> int:
    """Return the position of the vector that is missed least: of the closest pair the one that has the nearer third.

    Args:
        descriptors: (N, D), N at least 2; of equally close ones the later is returned.
    """
    apart = distances(descriptors, descriptors)
    np.fill_diagonal(apart, np.inf)
    ordered = np.sort(apart, axis=1)
    # Rows in lexicographic order of their distances, nearest first; the second nearest decides within the closest pair.
    second = ordered[:, 1] if len(descriptors) > 2 else ordered[:, 0]
    return int(np.lexsort((-np.arange(len(apart)), second, ordered[:, 0]))[0])
