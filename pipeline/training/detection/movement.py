"""Whether people move at all from frame to frame: before frames too close in time the background holds them too."""

from collections.abc import Sequence

import numpy as np

from pipeline.detection_types import Detections
from pipeline.training.detection.calibration import Calibration

_MOVES = 0.1  # share of a box that is foreground where somebody walked in
# People who are annotated are right boxes; of those found some are furniture, which never moves.
_LEAST_OF_ANNOTATED, _LEAST_OF_FOUND = 0.5, 0.2


def annotated_people_move(shares: Sequence[np.ndarray]) -> bool:
    """Return whether at least half of the annotated people are foreground.

    Args:
        shares: of each annotated box that is foreground, by frame; NaN where unknown.
    """
    return _move(np.concatenate([np.zeros(0), *shares]), least=_LEAST_OF_ANNOTATED)


def found_people_move(calibration: Calibration, found: Sequence[Detections], shares: Sequence[np.ndarray]) -> bool:
    """Return whether at least a fifth of the people that a detector expects are foreground.

    Looked at are the surest boxes, as many as the sum of their confidences, which are those of the scores alone.

    Args:
        calibration: of the detector.
        found: its detections on each frame.
        shares: of each box that is foreground; NaN where unknown.
    """
    plain = Calibration(calibration.slope, calibration.offset)
    confidences = np.concatenate([np.zeros(0), *(plain.confidence(one.scores) for one in found)])
    surest = np.argsort(-confidences, kind="stable")[: round(float(confidences.sum()))]
    return _move(np.concatenate([np.zeros(0), *shares])[surest], least=_LEAST_OF_FOUND)


def _move(shares: np.ndarray, *, least: float) -> bool:
    known = shares[~np.isnan(shares)]
    return not len(known) or float((known > _MOVES).mean()) >= least
