"""From a detector's scores to the share of right boxes, learnt on labelled source frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from pipeline.detection_types import Detections, FrameBoxes
from pipeline.metrics.detection.matching import CALTECH_RULE, IGNORED, TRUE_POSITIVE, match_frame

_EPS = 1e-4
_ENOUGH = 0.25  # of a box
_LEAST = 20  # detections, and at least one right and one wrong among them


@dataclass(frozen=True)
class Calibration:
    """Platt scaling of a score's log-odds: ``p = sigmoid(slope * logit(score) + offset)``.

    Where a camera has a background, the share f of the box that is foreground has a say:
    ``p = sigmoid(slope' * logit(score) + offset' + pull' * min(f / 0.25, 1))``.

    Args:
        slope: above 0; 1 with an offset of 0 leaves scores as they are.
        offset: of the log-odds.
        moving: slope', offset' and pull', both slope' and pull' above 0; None where nobody could learn them.
    """

    slope: float = 1.0
    offset: float = 0.0
    moving: tuple[float, float, float] | None = None

    def confidence(self, scores: np.ndarray, shares: np.ndarray | None = None) -> np.ndarray:
        """Return the share of right boxes that is expected.

        Args:
            scores: (N,) in 0..1.
            shares: (N,) of each box that is foreground, NaN where unknown; None = all unknown.

        Returns:
            (N,) float64.
        """
        odds = _log_odds(scores)
        expected = self.slope * odds + self.offset
        if shares is not None and self.moving is not None:
            slope, offset, pull = self.moving
            expected = np.where(np.isnan(shares), expected, slope * odds + offset + pull * _enough(shares))
        return 1.0 / (1.0 + np.exp(-expected))

    def applied(self, found: Detections, shares: np.ndarray | None = None, *, least: float = 0.05) -> Detections:
        """Return detections with confidences in place of scores, the surest first, without those below `least`.

        Args:
            found: with scores.
            shares: of each box that is foreground, as above.
            least: confidence.
        """
        confidence = self.confidence(found.scores, shares)
        kept = np.flatnonzero(confidence >= least)
        kept = kept[np.argsort(-confidence[kept], kind="stable")]
        return Detections(found.boxes[kept], confidence[kept].astype(np.float32))

    @property
    def numbers(self) -> tuple[float, ...]:
        """Return what a resume point keeps: two numbers, or five."""
        return (self.slope, self.offset, *(self.moving or ()))

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Calibration":
        """Return the calibration of such numbers."""
        slope, offset, *moving = numbers
        return cls(slope, offset, (moving[0], moving[1], moving[2]) if moving else None)


def fit_calibration(scores: np.ndarray, is_right: np.ndarray, shares: np.ndarray | None = None) -> Calibration:
    """Fit the numbers by logistic regression.

    Args:
        scores: (N,) in 0..1.
        is_right: (N,) bool, whether the box found somebody.
        shares: (N,) of each box that is foreground, NaN where unknown; None = all unknown.

    Returns:
        the calibration; the identity where there are too few boxes to learn from, or the fit would turn the order
        of the scores around; without `moving` where a box in the foreground would be less probably right.

    Reference:
        Platt. Probabilistic outputs for support vector machines. 1999. We add the foreground.
    """
    plain = _fit(_log_odds(scores)[:, None], is_right)
    slope, offset = (1.0, 0.0) if plain is None else (plain[0], plain[1])
    moving = None
    if shares is not None:
        known = ~np.isnan(shares)
        inputs = np.stack([_log_odds(scores), _enough(shares)], axis=1)[known]
        fit = _fit(inputs, is_right[known])
        moving = None if fit is None else (fit[0], fit[2], fit[1])
    return Calibration(slope, offset, moving)


def _fit(inputs: np.ndarray, is_right: np.ndarray) -> tuple[float, ...] | None:
    """Return the coefficients, then the offset; None where nothing can be learnt, or one would not be above 0."""
    if len(inputs) < _LEAST or is_right.all() or not is_right.any():
        return None
    fit = LogisticRegression(C=100.0).fit(inputs, is_right)
    coefficients = [float(value) for value in fit.coef_[0]]
    return (*coefficients, float(fit.intercept_[0])) if min(coefficients) > 0 else None


def _enough(shares: np.ndarray) -> np.ndarray:
    """A box around a person is never all person: from a quarter on, more foreground says no more."""
    enough: np.ndarray = np.minimum(shares / _ENOUGH, 1.0)
    return enough


def right_boxes(
    found: Sequence[Detections], truth: Sequence[FrameBoxes], shares: Sequence[np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return score, rightness and share of foreground of all detections; those inside ignore regions are left out.

    Each person is found once, by the highest score with IoU >= 0.5.

    Args:
        found: detections on each frame.
        truth: annotations of each frame, in the same pixels.
        shares: of each box that is foreground; None = all unknown.
    """
    if shares is None:
        shares = [np.full(len(one), np.nan) for one in found]
    scores, is_right, kept = [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0)]
    for detections, boxes, share in zip(found, truth, shares, strict=True):
        matches = match_frame(detections.boxes, boxes.boxes, boxes.ignore, rule=CALTECH_RULE)
        counted = matches.outcomes != IGNORED
        scores.append(detections.scores[counted].astype(np.float64))
        is_right.append(matches.outcomes[counted] == TRUE_POSITIVE)
        kept.append(share[counted])
    return np.concatenate(scores), np.concatenate(is_right), np.concatenate(kept)


def _log_odds(scores: np.ndarray) -> np.ndarray:
    clipped = np.clip(scores.astype(np.float64), _EPS, 1.0 - _EPS)
    odds: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return odds
