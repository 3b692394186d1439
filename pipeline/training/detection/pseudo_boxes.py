"""Boxes of a mean network as targets of a student: what is sure teaches, what is unsure is left out of account."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from datasets.camera_background import foreground_shares, moving_regions
from pipeline.detection_types import BoxTargets, Detections
from pipeline.training.detection.calibration import Calibration


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
    found: Detections, calibration: Calibration, limits: Limits, plane: np.ndarray | None = None
) -> BoxTargets:
    """Turn detections into targets.

    A box with calibrated confidence ``p >= keep`` is a person with weight p; one with ``ignore <= p < keep`` is an
    ignore region, where the student is told neither person nor background, and so is whatever moves before a fixed
    camera: half of the people there are not found yet. The rest is background.

    Args:
        found: detections on the weak view, with scores.
        calibration: from scores to the share of right boxes.
        limits: of the round.
        plane: (h, w) uint8, the weak view's foreground, as in `DetectionBatch`; None = unknown.

    Returns:
        the targets; tensors on the CPU.

    Reference:
        Liu et al. Unbiased teacher for semi-supervised object detection. ICLR 2021. We differ: the threshold is a
        calibrated confidence instead of a raw score, to which a fixed camera's background adds, and boxes between the
        two limits and moving regions are ignored.
    """
    shares = None if plane is None else foreground_shares(plane, found.boxes)
    confidence = calibration.confidence(found.scores, shares)
    sure = confidence >= limits.keep
    unsure = ~sure & (confidence >= limits.ignore)
    spared = found.boxes[unsure]
    if plane is not None:
        spared = np.concatenate([spared, moving_regions(plane)])
    return BoxTargets(
        boxes=torch.from_numpy(found.boxes[sure].astype(np.float32)),
        weights=torch.from_numpy(confidence[sure].astype(np.float32)),
        ignored=torch.from_numpy(spared.astype(np.float32)),
    )
