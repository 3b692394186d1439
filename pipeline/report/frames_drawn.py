"""Frames for the report: which ones to show, and what becomes of each box on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.detection_types import Detections
from pipeline.report.strips import encode_thumbnail

WIDEST = 640
# Detections are drawn down to this many false positives an image, the middle of the nine points of MR^-2: each detector
# at a score of its own, because scores of two detectors cannot be compared.
DRAWN_FPPI = 0.1
# A ten-thousandth of 640 pixels is less than anybody sees.
_DECIMALS = 4


@dataclass(frozen=True)
class FrameOutcome:
    """What one detector made of one frame; boxes are xyxy in pixels of the frame.

    Args:
        found: detections that are right.
        false: detections of nobody.
        absorbed: detections inside ignore regions: neither right nor wrong.
        missed: (N, 4) people who were not found.
        regions: (M, 4) ignore regions.
        threshold: score from which on detections are drawn.
    """

    found: Detections
    false: Detections
    absorbed: Detections
    missed: np.ndarray
    regions: np.ndarray
    threshold: float


def choose_frames(counts: Sequence[int], *, count: int) -> list[int]:
    """Choose frames to show, evenly over the listing and not by how well anybody did on them.

    The frames with people are cut into ``count`` stretches of equal length and the middle of each is taken. Where
    there are too few of them, all are taken, and frames without people are chosen in the same way for the rest: a
    false positive shows there too.

    Args:
        counts: people on each frame of the listing.
        count: frames to choose, at least 0.

    Returns:
        ascending positions, ``min(count, len(counts))`` of them.
    """
    assert count >= 0, f"count must be at least 0, got {count}"
    people = [place for place, number in enumerate(counts) if number > 0]
    empty = [place for place, number in enumerate(counts) if number <= 0]
    chosen = _middles(people, count)
    return sorted(chosen + _middles(empty, count - len(chosen)))


def _middles(places: Sequence[int], count: int) -> list[int]:
    count = min(count, len(places))
    return [places[(2 * stretch + 1) * len(places) // (2 * count)] for stretch in range(count)]


def make_drawn_frame(image: np.ndarray, outcomes: Mapping[str, FrameOutcome], *, label: str) -> dict[str, object]:
    """Build one entry of drawn_frames.json.

    Args:
        image: (H, W, 3) uint8 RGB frame.
        outcomes: what each detector made of it, by its role.
        label: what to write above the frame: its name.

    Returns:
        an object that json.dumps takes: 'label', 'image' (base64 JPEG, at most 640 pixels wide and high), 'size'
        (height and width of the frame) and 'roles', by role the score 'threshold' and the lists 'found', 'false',
        'missed' and 'ignored' of {'box': xyxy as shares of width and height, 'score': where it is a detection}.
    """
    height, width = image.shape[:2]
    return {
        "label": label,
        "image": encode_thumbnail(image, height=max(1, min(WIDEST, WIDEST * height // width))),
        "size": [height, width],
        "roles": {
            role: {
                "threshold": round(float(outcome.threshold), _DECIMALS),
                "found": _marks(outcome.found.boxes, (height, width), outcome.found.scores),
                "false": _marks(outcome.false.boxes, (height, width), outcome.false.scores),
                "missed": _marks(outcome.missed, (height, width)),
                "ignored": [
                    *_marks(outcome.regions, (height, width)),
                    *_marks(outcome.absorbed.boxes, (height, width), outcome.absorbed.scores),
                ],
            }
            for role, outcome in outcomes.items()
        },
    }


def _marks(boxes: np.ndarray, size: tuple[int, int], scores: np.ndarray | None = None) -> list[dict[str, object]]:
    height, width = size
    shares = np.asarray(boxes, dtype=np.float64).reshape(-1, 4) / (width, height, width, height)
    marks: list[dict[str, object]] = [{"box": share} for share in np.round(shares, _DECIMALS).tolist()]
    for mark, score in zip(marks, [] if scores is None else scores.tolist(), strict=scores is not None):
        mark["score"] = round(float(score), _DECIMALS)
    return marks
