"""Boxes of a mean teacher as targets of a student: what is sure teaches, what is unsure is left out of account."""

import numpy as np
import torch

from pipeline.detection_types import BoxTargets, Detections
from pipeline.training.detection.calibration import Calibration


def pseudo_targets(found: Detections, calibration: Calibration, *, keep: float, ignore: float) -> BoxTargets:
    """Turn detections into targets.

    A box with calibrated confidence ``p >= keep`` is a person with weight p; one with ``ignore <= p < keep`` is an
    ignore region, where the student is told neither person nor background; the rest is background.

    Args:
        found: detections on the weak view, with scores.
        calibration: from scores to the share of right boxes.
        keep: confidence of a box that teaches, in 0..1.
        ignore: confidence below which a box is taken for background, in 0..keep.

    Returns:
        the targets; tensors on the CPU.

    Reference:
        Liu et al. Unbiased teacher for semi-supervised object detection. ICLR 2021. We differ: the threshold is a
        calibrated confidence instead of a raw score, and boxes between the two limits are ignored.
    """
    confidence = calibration.confidence(found.scores)
    sure, unsure = confidence >= keep, (confidence < keep) & (confidence >= ignore)
    return BoxTargets(
        boxes=torch.from_numpy(found.boxes[sure].astype(np.float32)),
        weights=torch.from_numpy(confidence[sure].astype(np.float32)),
        ignored=torch.from_numpy(found.boxes[unsure].astype(np.float32)),
    )
