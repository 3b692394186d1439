"""Greedy matching of one frame's detections with its annotated boxes, best score first."""

from dataclasses import dataclass

import numpy as np

from pipeline.metrics.detection.overlaps import intersection_over_area, intersection_over_union

TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1


@dataclass(frozen=True)
class OverlapRule:
    """When a detection and a box belong together.

    Args:
        threshold: overlap that is needed.
        tie: 'last' or 'first' of equally good boxes is taken.
        is_strict: whether the overlap has to exceed the threshold instead of reaching it.
        epsilon: added to the denominator of the overlap, in square pixels.
    """

    threshold: float
    tie: str
    is_strict: bool
    epsilon: float

    def accepts(self, overlaps: np.ndarray) -> np.ndarray:
        """Return where an overlap is enough.

        Args:
            overlaps: any array of overlaps.
        """
        return overlaps > self.threshold if self.is_strict else overlaps >= self.threshold


CALTECH_RULE = OverlapRule(threshold=0.5, tie="last", is_strict=False, epsilon=0.0)
CROWDHUMAN_RULE = OverlapRule(threshold=0.5, tie="first", is_strict=True, epsilon=1e-6)


@dataclass(frozen=True)
class FrameMatches:
    """What became of each detection of a frame.

    Args:
        outcomes: (D,) int8: 1 = true positive, 0 = false positive, -1 = ignored.
        partners: (D,) int64 positions of the boxes that true positives found; -1 for all others.
    """

    outcomes: np.ndarray
    partners: np.ndarray


def match_frame(boxes: np.ndarray, truth: np.ndarray, ignore: np.ndarray, *, rule: OverlapRule) -> FrameMatches:
    """Give each detection the best annotated box that is still free.

    A box that counts is measured by IoU and taken once. Only a detection that finds none may fall into an ignore
    region, which is measured by the share of the detection that lies in it and takes any number of detections.

    Args:
        boxes: (D, 4) xyxy detections by descending score.
        truth: (N, 4) xyxy annotated boxes.
        ignore: (N,) bool, which of them are ignore regions.
        rule: threshold and ties.

    Returns:
        The outcome and the partner of each detection.

    Reference: Dollar et al., Pedestrian Detection: An Evaluation of the State of the Art, PAMI 2012.
    """
    valid = np.flatnonzero(~ignore)
    outcomes = np.full(len(boxes), FALSE_POSITIVE, np.int8)
    partners = np.full(len(boxes), -1, np.int64)
    inside = intersection_over_area(boxes, truth[ignore], epsilon=rule.epsilon)
    outcomes[rule.accepts(inside).any(axis=1)] = IGNORED
    overlaps = intersection_over_union(boxes, truth[valid], epsilon=rule.epsilon)
    rows, columns = np.nonzero(rule.accepts(overlaps))
    ties = -columns if rule.tie == "last" else columns
    order = np.lexsort((ties, -overlaps[rows, columns], rows))
    taken: set[int] = set()
    found: dict[int, int] = {}
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in found and column not in taken:
            found[row] = column
            taken.add(column)
    if found:
        hits = np.array(list(found))
        outcomes[hits] = TRUE_POSITIVE
        partners[hits] = valid[list(found.values())]
    return FrameMatches(outcomes, partners)
