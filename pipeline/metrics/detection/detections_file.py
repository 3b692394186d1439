"""Detections of a whole data set out of COCO's result format."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.detection_types import Detections
from pipeline.errors import DataError
from pipeline.metrics.detection.json_rows import boxes, check_rows, identifiers, integers, load_json, numbers
from pipeline.metrics.detection.truth_file import rows_by_image

_SHAPE = "a list of {image_id, category_id, bbox, score}"


@dataclass(frozen=True)
class DetectionTable:
    """All detections on the images of a truth file.

    Args:
        images: (D,) int64 positions in the truth's list of images.
        categories: (D,) int64.
        boxes: (D, 4) float64 xywh.
        scores: (D,) float64.
        heights: (D,) float64 heights in pixels.
        num_images: images of the truth.
        num_unknown: detections that were left out because their image is not in the truth.
    """

    images: np.ndarray
    categories: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    heights: np.ndarray
    num_images: int
    num_unknown: int

    def frames(self, category: int) -> tuple[list[Detections], list[np.ndarray]]:
        """Return the detections of one category and their heights, image by image, best score first.

        Args:
            category: its number; detections of all others are left out.
        """
        rows = rows_by_image(self.images, self.categories == category, self.num_images)
        ordered = [chosen[np.argsort(-self.scores[chosen], kind="stable")] for chosen in rows]
        corners = np.concatenate([self.boxes[:, :2], self.boxes[:, :2] + self.boxes[:, 2:]], axis=1)
        found = [Detections(corners[chosen], self.scores[chosen]) for chosen in ordered]
        return found, [self.heights[chosen] for chosen in ordered]


def read_detections(path: Path, image_ids: Sequence[int | str], *, skip_unknown: bool = False) -> DetectionTable:
    """Read a file of results; a detection may have 'height' (else its box's).

    Args:
        path: the file.
        image_ids: identifiers of the truth's images.
        skip_unknown: leave out detections of other images instead of refusing the file.

    Raises:
        DataError: naming the entry that does not fit, or the image that the truth does not have.
    """
    content = load_json(path)
    if isinstance(content, dict):
        remedy = "The truth, an object with 'images' and 'annotations', goes to the other option."
        raise DataError(f"{path} is an object", _SHAPE, remedy)
    what = f"{path}: detections"
    rows = check_rows(content, what)
    if not rows:
        raise DataError(f"{path} holds no detection", _SHAPE, "A detector that finds nothing has nothing to score.")
    positions = {identifier: position for position, identifier in enumerate(image_ids)}
    of_image = identifiers(rows, "image_id", what=what)
    unknown = [identifier for identifier in of_image if identifier not in positions]
    if unknown and not skip_unknown:
        raise DataError(
            f"{len(unknown)} of the {len(rows)} detections in {path} are of images that the truth does not have, "
            f"the first of image {unknown[0]!r}",
            "images of the truth",
            "Give the truth that belongs to them, or leave them out with --skip-unknown.",
        )
    rows = [row for row, identifier in zip(rows, of_image, strict=True) if identifier in positions]
    sides = boxes(rows, "bbox", what=what)
    return DetectionTable(
        images=np.array([positions[i] for i in of_image if i in positions], dtype=np.int64),
        categories=integers(rows, "category_id", what=what),
        boxes=sides,
        scores=numbers(rows, "score", what=what),
        heights=numbers(rows, "height", what=what, defaults=sides[:, 3].tolist()),
        num_images=len(image_ids),
        num_unknown=len(unknown),
    )
