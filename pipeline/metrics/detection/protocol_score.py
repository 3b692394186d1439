"""What a protocol says about a file of detections, and which boxes of both files take part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.errors import DataError
from pipeline.metrics.detection.detections_file import DetectionTable
from pipeline.metrics.detection.truth_file import TruthTable


@dataclass(frozen=True)
class ProtocolScore:
    """What a protocol says about detections.

    Args:
        values: the metrics in 0..1; None where nothing counts.
        counts: how many images, boxes and detections took part or did not.
        semantics: one sentence a rule.
        curve: points (false positives an image, miss rate), thinned; empty where the protocol has none.
    """

    values: Mapping[str, float | None]
    counts: Mapping[str, int]
    semantics: Mapping[str, str]
    curve: Mapping[str, list[float]]

    def as_json(self) -> dict[str, Any]:
        """Return the parts as plain values."""
        return {
            "metrics": dict(self.values),
            "counts": dict(self.counts),
            "semantics": dict(self.semantics),
            "curve": dict(self.curve),
        }


def choose_rows(truth: TruthTable, detections: DetectionTable, category: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return which boxes and which detections are of the category.

    Args:
        truth: annotated boxes.
        detections: what was found.
        category: its number; None = all of the truth's.

    Raises:
        DataError: when no box is of the category.
    """
    if category is None:
        return np.ones(len(truth.boxes), bool), np.isin(detections.categories, truth.categories)
    boxes = truth.categories == category
    if not boxes.any():
        present = ", ".join(map(str, np.unique(truth.categories).tolist()))
        raise DataError(
            f"no box of the truth is of category {category}", f"one of {present}", "Choose with --category."
        )
    return boxes, detections.categories == category


def count_rows(truth: TruthTable, detections: DetectionTable, boxes: np.ndarray, found: np.ndarray) -> dict[str, int]:
    """Return the counts that all protocols share.

    Args:
        truth: annotated boxes.
        detections: what was found.
        boxes: (N,) bool, which boxes are of the category.
        found: (D,) bool, which detections are of the category.
    """
    return {
        "images": len(truth.image_ids),
        "boxes": int(boxes.sum()),
        "boxes_of_other_categories": int((~boxes).sum()),
        "detections": int(found.sum()),
        "detections_of_other_categories": int((~found).sum()),
        "detections_of_unknown_images": detections.num_unknown,
    }
