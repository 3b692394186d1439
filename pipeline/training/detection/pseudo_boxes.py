"""Boxes of a mean network as targets of a student: what is sure teaches, what is unsure is left out of account."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from datasets.camera_background import moving_regions
from datasets.frame_boxes import Geometry, clip_boxes, limit_outside
from pipeline.detection_types import BoxTargets, Detections

# Of a person, for teaching what is seen of it.
_LEAST_SEEN = 0.5


@dataclass(frozen=True)
class Limits:
    """Which boxes of a round teach.

    Args:
        keep: confidence from which on a box teaches, in 0..1.
        ignore: confidence from which on a box is left out of account, at most `keep`; below it is background.
    """

    keep: float = 0.6
    ignore: float = 0.2


def limits_for(found: Sequence[Detections], *, keep: float, shares: tuple[float, float]) -> Limits:
    """Choose limits so that enough boxes teach, however little the detector trusts itself before new cameras.

    The sum of all confidences is how many people the detector expects. The keep limit is lowered from `keep` until a
    share of so many boxes reach it, and at least another share of so many are left out of account. A student that is
    told that nearly all is background learns to find nobody.

    Args:
        found: detections on target frames, with confidences in place of scores.
        keep: confidence that is enough in any case.
        shares: of the expected people, for teaching and for being left out; the second is at least the first.

    Reference:
        Zou et al. Unsupervised domain adaptation for semantic segmentation via class-balanced self-training. ECCV 2018
        (a share of the most confident predictions in place of a fixed limit).
    """
    confidences = np.sort(np.concatenate([np.zeros(0), *(one.scores for one in found)]))[::-1]

    def reached_by(share: float) -> float:
        count = round(share * float(confidences.sum()))
        return float(confidences[min(count, len(confidences)) - 1]) if count and len(confidences) else 1.0

    kept = min(keep, reached_by(shares[0]))
    return Limits(keep=kept, ignore=min(kept, reached_by(shares[1])))


def pseudo_targets(
    found: Detections, limits: Limits, view: Geometry, *, plane: np.ndarray | None = None, min_height: float = 0.0
) -> BoxTargets:
    """Turn what was found on a frame into targets of a view of it.

    A box with confidence ``p >= keep`` is a person with weight p; one with ``ignore <= p < keep`` is an ignore region,
    where the student is told neither person nor background, and so is whatever moves before a fixed camera: half of
    the people there are not found yet. So are people who are lower than `min_height` in the view, or of whom it shows
    less than half. The rest is background.

    Args:
        found: on the whole frame, with confidences in place of scores.
        limits: of the round.
        view: the part of the frame that is seen, and its size.
        plane: (h, w) uint8, the view's foreground, as in `DetectionBatch`; None = unknown.
        min_height: in pixels of the view.

    Returns:
        the targets; tensors on the CPU.

    Reference:
        Liu et al. Unbiased teacher for semi-supervised object detection. ICLR 2021. We differ: the threshold is a
        calibrated confidence instead of a raw score, to which a fixed camera's background adds, boxes are found once a
        round on the whole frame in several sizes, and boxes between the two limits and moving regions are ignored.
    """
    boxes, confidence = view.boxes(found.boxes), found.scores
    inside = clip_boxes(boxes, view.size)
    seen, whole = _areas(inside), _areas(boxes)
    is_clear = (seen >= _LEAST_SEEN * whole) & (boxes[:, 3] - boxes[:, 1] >= min_height)
    sure = (confidence >= limits.keep) & is_clear & (seen > 0)
    unsure = ~sure & (confidence >= limits.ignore) & (seen > 0)
    spared = inside[unsure]
    if plane is not None:
        spared = np.concatenate([spared, moving_regions(plane)])
    return BoxTargets(
        boxes=torch.from_numpy(limit_outside(boxes, view.size)[sure]),
        weights=torch.from_numpy(confidence[sure].astype(np.float32)),
        ignored=torch.from_numpy(spared.astype(np.float32)),
    )


def _areas(boxes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64).clip(0).prod(axis=1)
    return areas
