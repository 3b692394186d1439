"""Pictures of frames with the boxes that a detector found on them."""

import cv2
import numpy as np

from pipeline.detection_types import Detections

_COLOUR = (255, 196, 0)  # amber, told apart from street and clothing by day and by night


def draw_detections(image: np.ndarray, found: Detections, *, threshold: float) -> np.ndarray:
    """Return a copy of a frame with a box and its score around everybody who was found.

    Args:
        image: (H, W, 3) uint8 RGB.
        found: detections in pixels of the frame.
        threshold: weaker boxes are not drawn.
    """
    drawn = np.ascontiguousarray(image).copy()
    thickness = max(1, round(max(image.shape[:2]) / 640))
    for box, score in zip(found.boxes, found.scores, strict=True):
        if score < threshold:
            continue
        left, top, right, bottom = (round(float(side)) for side in box)
        cv2.rectangle(drawn, (left, top), (right, bottom), _COLOUR, thickness)
        place = (left, max(12 * thickness, top - 3))
        cv2.putText(drawn, f"{score:.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.4 * thickness, _COLOUR, thickness)
    return drawn
