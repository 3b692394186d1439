"""Overlap of every box of one set with every box of another."""

import numpy as np


def intersection_over_union(boxes: np.ndarray, others: np.ndarray, *, epsilon: float = 0.0) -> np.ndarray:
    """Return |A n B| / (|A u B| + epsilon); 0 where two boxes share no area.

    Args:
        boxes: (N, 4) xyxy.
        others: (M, 4) xyxy.
        epsilon: added to the denominator, in square pixels.

    Returns:
        (N, M) float64.
    """
    shared = _intersections(boxes, others)
    union = _areas(boxes)[:, None] + _areas(others)[None] - shared
    return _ratio(shared, union + epsilon)


def intersection_over_area(boxes: np.ndarray, regions: np.ndarray, *, epsilon: float = 0.0) -> np.ndarray:
    """Return |A n B| / (|A| + epsilon), the share of each box that lies in each region; 0 for a box without area.

    Args:
        boxes: (N, 4) xyxy.
        regions: (M, 4) xyxy.
        epsilon: added to the denominator, in square pixels.

    Returns:
        (N, M) float64.
    """
    shared = _intersections(boxes, regions)
    return _ratio(shared, np.broadcast_to(_areas(boxes)[:, None] + epsilon, shared.shape))


def _intersections(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    left, right = boxes.astype(np.float64), others.astype(np.float64)
    width = np.minimum(left[:, None, 2], right[None, :, 2]) - np.maximum(left[:, None, 0], right[None, :, 0])
    height = np.minimum(left[:, None, 3], right[None, :, 3]) - np.maximum(left[:, None, 1], right[None, :, 1])
    return np.maximum(width, 0) * np.maximum(height, 0)


def _areas(boxes: np.ndarray) -> np.ndarray:
    sides = boxes.astype(np.float64)
    return (sides[:, 2] - sides[:, 0]) * (sides[:, 3] - sides[:, 1])


def _ratio(shared: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(shared, whole, out=np.zeros_like(shared), where=shared > 0)
