"""What a detector finds on frames that come one after the other, in the frames' own pixels."""

from collections.abc import Sequence

import numpy as np
import torch

from datasets.frame_cache import scale_factor, scaled_size
from datasets.frame_loader import pad_frames
from datasets.images import resize
from pipeline.detection_types import Detections
from pipeline.models.detection.detector import Detector
from pipeline.training.precision import Precision


@torch.no_grad()
def find_in_images(
    model: Detector,
    images: Sequence[np.ndarray],
    *,
    size: tuple[int, int],
    score_threshold: float = 0.01,
    nms_threshold: float = 0.5,
    max_detections: int = 300,
    precision: Precision | None = None,
) -> list[Detections]:
    """Return what a detector finds, scaled as it is for frames of a data set.

    Args:
        model: the network, in eval mode.
        images: (H, W, 3) uint8 RGB each; all go through the network at once.
        size: height and width into which each is scaled.
        score_threshold: weaker boxes are left out.
        nms_threshold: IoU above which the weaker of two boxes goes.
        max_detections: strongest boxes kept on a frame.
        precision: autocast settings.

    Returns:
        boxes of each image in its own pixels.
    """
    sizes = [(int(image.shape[0]), int(image.shape[1])) for image in images]
    scaled = [resize(image, scaled_size(own, size)) for image, own in zip(images, sizes, strict=True)]
    device = next(model.parameters()).device
    shapes = torch.tensor([frame.shape[:2] for frame in scaled], dtype=torch.int64)
    with (precision or Precision()).autocast():
        said = model.detect(
            pad_frames(scaled).to(device), shapes.to(device), score_threshold=score_threshold,
            nms_threshold=nms_threshold, max_detections=max_detections,
        )  # fmt: skip
    return [
        Detections((one.boxes / scale_factor(own, size)).astype(np.float32), one.scores)
        for one, own in zip(said, sizes, strict=True)
    ]
