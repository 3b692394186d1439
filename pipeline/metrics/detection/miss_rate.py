"""Log-average miss rate MR^-2 by the Caltech protocol, and the curve under it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.detection_types import Detections
from pipeline.errors import DataError
from pipeline.metrics.detection.matching import CALTECH_RULE, FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, match_frame
from pipeline.metrics.detection.subsets import SUBSETS, Subset
from pipeline.metrics.detection.truth import FrameTruth, box_heights

# 10^-2 .. 10^0 in quarter decades, and as CityPersons' and CrowdHuman's programs round them.
CALTECH_FPPI = (
    0.01,
    0.01778279410038923,
    0.03162277660168379,
    0.05623413251903491,
    0.1,
    0.1778279410038923,
    0.31622776601683794,
    0.5623413251903491,
    1.0,
)
ROUNDED_FPPI = (0.01, 0.0178, 0.0316, 0.0562, 0.1, 0.1778, 0.3162, 0.5623, 1.0)
LOWEST_MISS = 1e-10
MAX_DETECTIONS = 1000
HEIGHT_MARGIN = 1.25


@dataclass(frozen=True)
class MissRateResult:
    """A log-average miss rate with its curve and what it was counted over.

    Args:
        miss_rate: MR^-2 in 0..1.
        fppi: (K,) false positives an image down to each counted detection, ascending.
        miss: (K,) share of the boxes that are not found down to it, descending.
        scores: (K,) scores of the counted detections, descending.
        subset: who counts.
        num_images: images, those without a box included.
        num_valid: boxes that count.
        num_ignored: boxes that are ignore regions here.
        num_absorbed: detections that fell into ignore regions.
        num_outside: detections too low or too high for the subset.
        num_surplus: detections beyond the first 1000 of an image.
    """

    miss_rate: float
    fppi: np.ndarray
    miss: np.ndarray
    scores: np.ndarray
    subset: Subset
    num_images: int
    num_valid: int
    num_ignored: int
    num_absorbed: int
    num_outside: int
    num_surplus: int


def miss_rate(
    truth: Sequence[FrameTruth],
    detections: Sequence[Detections],
    *,
    subset: Subset = SUBSETS["reasonable"],
    references: Sequence[float] = CALTECH_FPPI,
    heights: Sequence[np.ndarray] | None = None,
) -> MissRateResult:
    """Score detections by the log-average miss rate over a subset of the people.

    Args:
        truth: the boxes of every image.
        detections: what was found on each image, in the same order; it also orders equal scores.
        subset: who counts.
        references: false positives an image at which the curve is read.
        heights: (D,) heights of each image's detections, where they are not those of the boxes.

    Returns:
        The rate, its curve and its counts.

    Raises:
        DataError: when no box of the truth counts.

    Reference: Dollar et al., PAMI 2012 (matching, sampling); Zhang et al., CityPersons, CVPR 2017 (subsets, at most
    1000 detections). Before the first reference that the curve reaches the miss rate is 1; CityPersons' own program
    reads the end of the curve there, which only shows below 100 images. A perfect curve is floored at 1e-10.
    """
    assert len(truth) == len(detections), f"{len(truth)} images of truth, {len(detections)} of detections"
    num_valid = sum(int((~subset.ignored(frame)).sum()) for frame in truth)
    if not num_valid:
        raise DataError(
            f"none of the {sum(map(len, truth))} boxes counts in the subset {subset}",
            "at least one",
            "Choose another subset, or look whether heights, visible shares and ignore flags are what they should be.",
        )
    outcomes, scores, dropped = [], [], np.zeros(2, np.int64)
    for position, (frame, found) in enumerate(zip(truth, detections, strict=True)):
        kept, counts = kept_detections(found, subset, None if heights is None else heights[position])
        matches = match_frame(found.boxes[kept], frame.boxes, subset.ignored(frame), rule=CALTECH_RULE)
        outcomes.append(matches.outcomes)
        scores.append(found.scores[kept])
        dropped += counts
    all_outcomes, all_scores = np.concatenate(outcomes), np.concatenate(scores)
    fppi, miss, counted = miss_rate_curve(all_outcomes, all_scores, num_images=len(truth), num_valid=num_valid)
    return MissRateResult(
        miss_rate=log_average_miss_rate(fppi, miss, references=references),
        fppi=fppi,
        miss=miss,
        scores=counted,
        subset=subset,
        num_images=len(truth),
        num_valid=num_valid,
        num_ignored=sum(map(len, truth)) - num_valid,
        num_absorbed=int((all_outcomes == IGNORED).sum()),
        num_outside=int(dropped[0]),
        num_surplus=int(dropped[1]),
    )


def kept_detections(
    found: Detections, subset: Subset, heights: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[int, int]]:
    """Choose the detections that take part: the best 1000, of these the ones about as high as the subset's people.

    low / 1.25 <= height < high * 1.25

    Args:
        found: one image's detections.
        subset: who counts.
        heights: (D,) their heights, where they are not those of the boxes.

    Returns:
        positions by descending score, and how many were outside the range and beyond the first 1000.
    """
    order = np.argsort(-found.scores.astype(np.float64), kind="stable")
    best = order[:MAX_DETECTIONS]
    tall = (box_heights(found.boxes) if heights is None else heights)[best]
    low, high = subset.height
    inside = (tall >= low / HEIGHT_MARGIN) & (tall < high * HEIGHT_MARGIN)
    return best[inside], (int((~inside).sum()), len(order) - len(best))


def miss_rate_curve(
    outcomes: np.ndarray, scores: np.ndarray, *, num_images: int, num_valid: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count down the scores.

    fppi_k = FP_k / images, miss_k = 1 - TP_k / boxes; ignored detections are left out, equal scores keep their order.

    Args:
        outcomes: (D,) 1, 0 or -1 as in `FrameMatches`, image after image.
        scores: (D,) floating point.
        num_images: all images.
        num_valid: all boxes that count.

    Returns:
        (K,) fppi, miss and scores of the detections that are not ignored.
    """
    counted = np.flatnonzero(outcomes != IGNORED)
    order = counted[np.argsort(-scores[counted].astype(np.float64), kind="stable")]
    false = np.cumsum(outcomes[order] == FALSE_POSITIVE)
    true = np.cumsum(outcomes[order] == TRUE_POSITIVE)
    return false / num_images, 1 - true / num_valid, scores[order]


def log_average_miss_rate(fppi: np.ndarray, miss: np.ndarray, *, references: Sequence[float] = CALTECH_FPPI) -> float:
    """Average the curve at the reference points.

    MR = exp(mean_r ln max(miss(r), 1e-10)), miss(r) at the last point with fppi <= r; 1 where there is none.

    Args:
        fppi: (K,) ascending.
        miss: (K,) in 0..1.
        references: the points r.
    """
    last = np.searchsorted(fppi, np.asarray(references), side="right")
    sampled = np.concatenate([[1.0], miss])[last]
    return float(np.exp(np.log(np.maximum(sampled, LOWEST_MISS)).mean()))
