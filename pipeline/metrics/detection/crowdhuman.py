"""AP, MR and JI as CrowdHuman's tools compute them; AP and MR differ from COCO's and Caltech's numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.detection_types import Detections
from pipeline.errors import DataError
from pipeline.metrics.detection.jaccard_index import jaccard_index
from pipeline.metrics.detection.matching import CROWDHUMAN_RULE, match_frame
from pipeline.metrics.detection.miss_rate import LOWEST_MISS, ROUNDED_FPPI, miss_rate_curve
from pipeline.metrics.detection.precision_recall import trapezoid_ap
from pipeline.metrics.detection.truth import FrameTruth


@dataclass(frozen=True)
class CrowdHumanResult:
    """CrowdHuman's three numbers.

    Args:
        ap: area under the precision-recall curve by trapezoids, in 0..1.
        mr: miss rate averaged at the first points that reach nine rates of false positives, in 0..1.
        ji: greatest mean Jaccard index over score thresholds, in 0..1.
        ji_threshold: the score that detections exceed at that index.
        fppi: (K,) false positives an image down to each counted detection.
        miss: (K,) share of the boxes that are not found down to it.
        num_valid: boxes that count.
        num_ignored: ignore regions.
    """

    ap: float
    mr: float
    ji: float
    ji_threshold: float
    fppi: np.ndarray
    miss: np.ndarray
    num_valid: int
    num_ignored: int


def crowdhuman_scores(truth: Sequence[FrameTruth], detections: Sequence[Detections]) -> CrowdHumanResult:
    """Score detections as CrowdHuman's tools do; boxes of frames with a known size are clipped to it first.

    Args:
        truth: the boxes of every image, full bodies; those that are no person are ignored.
        detections: what was found on each image, in the same order; scores in 0..1.

    Returns:
        AP, MR and JI with the curve under MR.

    Raises:
        DataError: when every box is ignored.

    Reference: Shao et al., CrowdHuman, arXiv 1805.00123, and the tools of Chu et al., CVPR 2020. Matching needs an IoU
    above .5; the first of equally good boxes is taken.
    """
    assert len(truth) == len(detections), f"{len(truth)} images of truth, {len(detections)} of detections"
    num_valid = sum(int((~frame.ignore).sum()) for frame in truth)
    if not num_valid:
        raise DataError(f"all of the {sum(map(len, truth))} boxes are ignored", "at least one person to find")
    frames = [replace(frame, boxes=clip_boxes(frame.boxes, frame.size)) for frame in truth]
    found = [_sorted_and_clipped(item, frame) for frame, item in zip(truth, detections, strict=True)]
    outcomes = [
        match_frame(item.boxes, frame.boxes, frame.ignore, rule=CROWDHUMAN_RULE).outcomes
        for frame, item in zip(frames, found, strict=True)
    ]
    scores = np.concatenate([item.scores for item in found])
    fppi, miss, _ = miss_rate_curve(np.concatenate(outcomes), scores, num_images=len(frames), num_valid=num_valid)
    hits = np.diff(miss, prepend=1.0) < 0
    index, threshold = jaccard_index(frames, found)
    return CrowdHumanResult(
        ap=trapezoid_ap(hits, num_valid),
        mr=crowdhuman_miss_rate(fppi, miss),
        ji=index,
        ji_threshold=threshold,
        fppi=fppi,
        miss=miss,
        num_valid=num_valid,
        num_ignored=sum(map(len, truth)) - num_valid,
    )


def crowdhuman_miss_rate(fppi: np.ndarray, miss: np.ndarray, references: Sequence[float] = ROUNDED_FPPI) -> float:
    """Average the curve at the first point that reaches each reference, at the end of the curve where none does.

    Args:
        fppi: (K,) ascending.
        miss: (K,) in 0..1.
        references: false positives an image.

    Returns:
        exp(mean ln miss), with misses floored at 1e-10; 1 for an empty curve.
    """
    if not len(fppi):
        return 1.0
    first = np.minimum(np.searchsorted(fppi, np.asarray(references), side="left"), len(fppi) - 1)
    return float(np.exp(np.log(np.maximum(miss[first], LOWEST_MISS)).mean()))


def clip_boxes(boxes: np.ndarray, size: tuple[float, float] | None) -> np.ndarray:
    """Return boxes clipped to a frame, as CrowdHuman's tools do it: the left top pixel stays inside.

    Args:
        boxes: (N, 4) xyxy.
        size: height and width; boxes stay as they are where it is None.
    """
    if size is None:
        return boxes
    height, width = size
    low, high = np.array([0, 0, 0, 0]), np.array([width - 1, height - 1, width, height])
    return np.clip(boxes, low, np.maximum(high, 0))


def _sorted_and_clipped(found: Detections, frame: FrameTruth) -> Detections:
    order = np.argsort(-found.scores.astype(np.float64), kind="stable")
    return Detections(clip_boxes(found.boxes[order], frame.size), found.scores[order])
