"""From a detector's scores to how sure a tracker may be of each box, learnt on labelled source frames."""

from dataclasses import dataclass, field

import numpy as np

from datasets.frame_loader import FrameDataset
from pipeline.detection_types import Detections
from pipeline.models.detection.detector import Detector
from pipeline.training.detection.calibration import Calibration, fit_calibration, right_boxes
from pipeline.training.detection.domains import spread_evenly
from pipeline.training.detection.pseudo_boxes import limits_for
from pipeline.training.detection.scoring import find_people
from pipeline.training.precision import Precision


@dataclass(frozen=True)
class Sureness:
    """How scores are read.

    Args:
        calibration: from a score to the share of right boxes.
        factor: of all thresholds on that share, 1 at most: below 1 where the detector is less sure before new cameras.
    """

    calibration: Calibration = field(default_factory=Calibration)
    factor: float = 1.0

    def read(self, found: Detections) -> Detections:
        """Return the detections with confidences that thresholds meant for the source fit."""
        confidence = self.calibration.confidence(found.scores) / self.factor
        return Detections(found.boxes, np.minimum(confidence, 1.0).astype(np.float32))


def learn_sureness(
    source: tuple[Detector, FrameDataset],
    target: tuple[Detector, FrameDataset],
    *,
    high: float,
    expected: float,
    judged: int,
    precision: Precision | None = None,
) -> Sureness:
    """Calibrate on labelled frames of the source; lower the thresholds until enough people of the target reach them.

    The sum of all confidences on target frames is how many people the detector expects. `factor` is at most 1 and such
    that a share `expected` of so many boxes have a confidence of `factor * high` or more.

    Args:
        source: the detector with the source's batch statistics, and labelled frames.
        target: the same detector with the target's, and frames of the new cameras; boxes of these are not read.
        high: confidence from which on a tracker believes a box.
        expected: share of the expected people, 0..1.
        judged: frames of each that are looked at.
        precision: autocast settings.
    """
    model, frames = source
    labelled = spread_evenly(len(frames), judged)
    scores, is_right, _ = right_boxes(
        find_people(model, frames, indices=labelled, precision=precision), frames.truth(labelled)
    )
    calibration = fit_calibration(scores, is_right)
    model, frames = target
    seen = find_people(model, frames, indices=spread_evenly(len(frames), judged), precision=precision)
    sure = [Detections(one.boxes, calibration.confidence(one.scores).astype(np.float32)) for one in seen]
    reached = limits_for(sure, keep=high, shares=(expected, expected)).keep
    return Sureness(calibration, max(reached / high, 1e-3))
