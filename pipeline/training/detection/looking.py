"""Looking at frames in several sizes: people who are far away are found where the frame is enlarged."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import nms

from pipeline.detection_types import Detections
from pipeline.models.detection.detector import Detector

# A box of which so much lies in one that is so much larger and has so much of its confidence is a part of a person.
_INSIDE, _LARGER, _AS_SURE = 0.7, 1.3, 0.8


@torch.no_grad()
def detect_resized(
    model: Detector,
    images: Tensor,
    sizes: Tensor,
    *,
    factor: float,
    score_threshold: float,
    nms_threshold: float = 0.5,
    max_detections: int = 100,
) -> list[Detections]:
    """Return what a detector finds on frames that are resized first, in pixels of the frames as they are given.

    Args:
        model: the network, in eval mode.
        images: (B, 3, H, W) uint8 RGB pixels.
        sizes: (B, 2) height and width of each frame inside its image.
        factor: above 0; 1 looks at them as they are.
        score_threshold: weaker boxes are left out.
        nms_threshold: IoU above which the weaker of two boxes goes.
        max_detections: strongest boxes kept on a frame.
    """
    limits = {"nms_threshold": nms_threshold, "max_detections": max_detections}
    if factor == 1.0:
        return model.detect(images, sizes, score_threshold=score_threshold, **limits)  # type: ignore[arg-type]
    old = images.shape[-2:]
    new = [max(1, round(side * factor)) for side in old]
    resized = F.interpolate(images.float(), size=new, mode="bilinear", antialias=factor < 1)
    down, across = (after / before for after, before in zip(new, old, strict=True))
    shown = (sizes * sizes.new_tensor([down, across], dtype=torch.float64)).round().clamp(min=1).to(sizes.dtype)
    said = model.detect(resized, shown, score_threshold=score_threshold, **limits)  # type: ignore[arg-type]
    scale = np.array([across, down, across, down])
    return [Detections((one.boxes / scale).astype(np.float32), one.scores) for one in said]


def merge_looks(looks: Sequence[Detections], *, nms_threshold: float = 0.5, most: int = 100) -> Detections:
    """Join what was found on one frame in several sizes.

    Of two boxes whose IoU is above the threshold the less sure one goes. Then goes each box of which 0.7 of the area
    lies in a box that is 1.3 times as large and has at least 0.8 of its confidence: enlarged, a leg looks like
    somebody who is far away.

    Args:
        looks: detections of each look, with confidences that can be compared in place of scores.
        nms_threshold: IoU, 0..1.
        most: surest boxes kept.

    Reference:
        Singh and Davis. An analysis of scale invariance in object detection - SNIP. CVPR 2018 (each size of a frame
        serves people of some heights). We differ: what is too large or too small for a look is not cut off by its
        height, parts of a person give way to the person.
    """
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(one.boxes for one in looks)])
    sure = np.concatenate([np.zeros(0, np.float32), *(one.scores for one in looks)])
    kept = nms(torch.from_numpy(boxes), torch.from_numpy(sure), nms_threshold).numpy()
    boxes, sure = boxes[kept], sure[kept]
    whole = np.flatnonzero(~_are_parts(boxes, sure))[:most]
    return Detections(boxes[whole], sure[whole])


def _are_parts(boxes: np.ndarray, sure: np.ndarray) -> np.ndarray:
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=2) >= _INSIDE * areas[:, None]
    larger = areas[None] >= _LARGER * areas[:, None]
    parts: np.ndarray = (inside & larger & (sure[None] >= _AS_SURE * sure[:, None])).any(axis=1)
    return parts
