"""From scored boxes of one image to its detections."""

from torch import Tensor
from torchvision.ops import nms

from pipeline.detection_types import Detections
from pipeline.models.detection.boxes import clip_boxes, has_area

_MAX_CANDIDATES = 1000
_SHORTEST = 1e-3


def keep_best(boxes: Tensor, scores: Tensor, *, count: int, nms_threshold: float) -> Tensor:
    """Return the positions of the boxes that survive the suppression of weaker overlapping ones.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,).
        count: most boxes that are kept.
        nms_threshold: IoU above which the weaker of two is dropped.

    Returns:
        (K,) int64 by descending score.
    """
    return nms(boxes.float(), scores.float(), nms_threshold)[:count]


def strongest(scores: Tensor, count: int) -> Tensor:
    """Return the positions of the highest scores, descending; equal ones in their order.

    Args:
        scores: (N,).
        count: most positions that are returned.
    """
    return scores.argsort(descending=True, stable=True)[:count]


def to_detections(
    boxes: Tensor, scores: Tensor, size: Tensor, *, score_threshold: float, nms_threshold: float, max_detections: int
) -> Detections:
    """Threshold, clip and suppress.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,) in 0..1.
        size: (2,) height and width of the frame.
        score_threshold: least score that is kept.
        nms_threshold: IoU above which the weaker of two is dropped.
        max_detections: most detections that are kept.
    """
    chosen = (scores >= score_threshold).nonzero().squeeze(1)
    chosen = chosen[strongest(scores[chosen], max(_MAX_CANDIDATES, max_detections))]
    boxes, scores = clip_boxes(boxes[chosen].float(), size), scores[chosen].float()
    usable = has_area(boxes, side=_SHORTEST)
    boxes, scores = boxes[usable], scores[usable]
    kept = keep_best(boxes, scores, count=max_detections, nms_threshold=nms_threshold)
    return Detections(boxes=boxes[kept].cpu().numpy(), scores=scores[kept].cpu().numpy())
