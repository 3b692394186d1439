"""Which track and which box belong together: overlaps, and the best one-to-one choice among them."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def overlaps(boxes: np.ndarray, others: np.ndarray, margins: np.ndarray | None = None) -> np.ndarray:
    """Return the intersection over union of every pair; 0 where two boxes share no area.

    Args:
        boxes: (N, 4) xyxy.
        others: (M, 4) xyxy.
        margins: (N,) pixels by which both boxes of a pair grow on each side before they are compared, or None for 0.

    Returns:
        (N, M) float64.

    Reference:
        Yang et al., Hard to Track Objects with Irregular Motions and Similar Appearances? Make It Easier by Buffering
        the Matching Space, WACV 2023, for boxes that grow. Ours differs: the caller says by how much.
    """
    grown = np.zeros(len(boxes)) if margins is None else margins
    outward = grown[:, None, None] * np.array([-1.0, -1.0, 1.0, 1.0])
    left, right = boxes.astype(np.float64)[:, None] + outward, others.astype(np.float64)[None] + outward
    sides = np.minimum(left[..., 2:], right[..., 2:]) - np.maximum(left[..., :2], right[..., :2])
    shared = np.maximum(sides, 0.0).prod(axis=2)
    union = areas(left) + areas(right) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def areas(boxes: np.ndarray) -> np.ndarray:
    """Return the (...) float64 areas of (..., 4) xyxy boxes; 0 for one that is turned inside out."""
    sides = boxes.astype(np.float64)
    found: np.ndarray = np.maximum(sides[..., 2:] - sides[..., :2], 0.0).prod(axis=-1)
    return found


def best_pairs(similarity: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Choose pairs one to one so that the sum of what they exceed `least` by is largest.

    A pair that does not exceed `least` is never chosen, also where that leaves both alone.

    Args:
        similarity: (N, M).
        least: what a pair has to exceed.

    Returns:
        rows and columns of the pairs, by ascending row.
    """
    if similarity.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    gain = np.maximum(similarity - least, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    chosen = gain[rows, columns] > 0
    return rows[chosen], columns[chosen]
