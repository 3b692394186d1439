"""From a detector's scores to the share of right boxes, learnt on labelled source frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from pipeline.detection_types import Detections, FrameBoxes
from pipeline.metrics.detection.matching import CALTECH_RULE, IGNORED, TRUE_POSITIVE, match_frame

_EPS = 1e-4
_LEAST = 20  # detections, and at least one right and one wrong among them


@dataclass(frozen=True)
class Calibration:
    """Platt scaling of a score's log-odds: ``p = sigmoid(slope * logit(score) + offset)``.

    Args:
        slope: above 0; 1 with an offset of 0 leaves scores as they are.
        offset: of the log-odds.
    """

    slope: float = 1.0
    offset: float = 0.0

    def confidence(self, scores: np.ndarray) -> np.ndarray:
        """Return the (N,) float64 share of right boxes expected at each of the (N,) scores."""
        return 1.0 / (1.0 + np.exp(-(self.slope * _log_odds(scores) + self.offset)))

    def applied(self, found: Detections, *, least: float = 0.05) -> Detections:
        """Return detections with confidences in place of scores, without those below `least`."""
        confidence = self.confidence(found.scores)
        kept = confidence >= least
        return Detections(found.boxes[kept], confidence[kept].astype(np.float32))


def fit_calibration(scores: np.ndarray, is_right: np.ndarray) -> Calibration:
    """Fit the two numbers by logistic regression.

    Args:
        scores: (N,) in 0..1.
        is_right: (N,) bool, whether the box found somebody.

    Returns:
        the calibration; the identity where there are too few boxes to learn from, or the fit would turn the order
        of the scores around.

    Reference:
        Platt. Probabilistic outputs for support vector machines. 1999.
    """
    if len(scores) < _LEAST or is_right.all() or not is_right.any():
        return Calibration()
    fit = LogisticRegression(C=100.0).fit(_log_odds(scores)[:, None], is_right)
    slope, offset = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    return Calibration(slope, offset) if slope > 0 else Calibration()


def right_boxes(found: Sequence[Detections], truth: Sequence[FrameBoxes]) -> tuple[np.ndarray, np.ndarray]:
    """Return score and rightness of all detections; those inside ignore regions are left out.

    Each person is found once, by the highest score with IoU >= 0.5.

    Args:
        found: detections on each frame.
        truth: annotations of each frame, in the same pixels.
    """
    scores, is_right = [np.zeros(0)], [np.zeros(0, bool)]
    for detections, boxes in zip(found, truth, strict=True):
        matches = match_frame(detections.boxes, boxes.boxes, boxes.ignore, rule=CALTECH_RULE)
        counted = matches.outcomes != IGNORED
        scores.append(detections.scores[counted].astype(np.float64))
        is_right.append(matches.outcomes[counted] == TRUE_POSITIVE)
    return np.concatenate(scores), np.concatenate(is_right)


def _log_odds(scores: np.ndarray) -> np.ndarray:
    clipped = np.clip(scores.astype(np.float64), _EPS, 1.0 - _EPS)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds
