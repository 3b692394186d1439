"""CrowdHuman's Jaccard index: how well a set of boxes covers a crowd at the best score threshold."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.detection_types import Detections
from pipeline.metrics.detection.overlaps import intersection_over_area, intersection_over_union
from pipeline.metrics.detection.truth import FrameTruth

SCORE_THRESHOLDS = tuple(tenth / 10 for tenth in range(10))
_THRESHOLD = 0.5
_EPSILON = 1e-6


def jaccard_index(truth: Sequence[FrameTruth], detections: Sequence[Detections]) -> tuple[float, float]:
    """Return the highest mean Jaccard index over the score thresholds 0, .1, ..., .9.

    JI = k / (m + n - k) of an image with m boxes and n detections of which k are matched one to one; the mean runs
    over the images with a box or a detection.

    Args:
        truth: the boxes of every image.
        detections: what was found on each image, in the same order.

    Returns:
        The index, and the threshold that scores have to exceed to reach it.

    Reference: Chu et al., Detection in Crowded Scenes: One Proposal, Multiple Predictions, CVPR 2020. Its program adds
    1e-6 to the denominator of the index, which is left out here.
    """
    sums, images = np.zeros(len(SCORE_THRESHOLDS)), np.zeros(len(SCORE_THRESHOLDS), np.int64)
    for frame, found in zip(truth, detections, strict=True):
        overlaps = _accepted(intersection_over_union(found.boxes, frame.boxes[~frame.ignore], epsilon=_EPSILON))
        hidden = _is_inside(found.boxes, frame.boxes[frame.ignore])
        excused = _is_inside(frame.boxes[~frame.ignore], frame.boxes[frame.ignore])
        for step, threshold in enumerate(SCORE_THRESHOLDS):
            kept = found.scores > threshold
            index = frame_index(overlaps[kept], hidden[kept], excused)
            if index is not None:
                sums[step] += index
                images[step] += 1
    means = sums / np.maximum(images, 1)
    best = int(means.argmax())
    return float(means[best]), SCORE_THRESHOLDS[best]


def frame_index(overlaps: np.ndarray, hidden: np.ndarray, excused: np.ndarray) -> float | None:
    """Return one image's index, None where nothing is left to compare.

    Args:
        overlaps: (D, N) IoU of detections and boxes, 0 where they do not belong together.
        hidden: (D,) bool; such a detection lies in an ignore region and is dropped unless it is matched.
        excused: (N,) bool; such a box lies in an ignore region and is dropped unless it is matched.
    """
    rows, columns = _best_pairs(overlaps)
    kept_found, kept_boxes = ~hidden, ~excused
    kept_found[rows] = True
    kept_boxes[columns] = True
    union = int(kept_found.sum()) + int(kept_boxes.sum()) - len(rows)
    return len(rows) / union if union else None


def _best_pairs(overlaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the one-to-one matching with the greatest sum of overlaps."""
    rows, columns = np.flatnonzero(overlaps.any(axis=1)), np.flatnonzero(overlaps.any(axis=0))
    picked_rows, picked_columns = linear_sum_assignment(overlaps[np.ix_(rows, columns)], maximize=True)
    rows, columns = rows[picked_rows], columns[picked_columns]
    is_pair = overlaps[rows, columns] > 0
    return rows[is_pair], columns[is_pair]


def _accepted(overlaps: np.ndarray) -> np.ndarray:
    return np.where(overlaps > _THRESHOLD, overlaps, 0.0)


def _is_inside(boxes: np.ndarray, regions: np.ndarray) -> np.ndarray:
    shares = intersection_over_area(boxes, regions, epsilon=_EPSILON)
    return np.any(shares > _THRESHOLD, axis=1)
