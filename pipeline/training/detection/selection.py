"""The label-free judgement of a detector: do its boxes stay where they are when the frame is mirrored, and does its
teacher see the same people?
"""

from collections.abc import Sequence

import numpy as np
import torch
from torchvision.ops import box_iou

from pipeline.detection_types import Detections


def soft_agreement(first: Sequence[Detections], second: Sequence[Detections]) -> float:
    """Return how far two lists of detections agree: ``2 sum_matched IoU sqrt(p q) / (sum p + sum q)``.

    Boxes are matched one to one in the order of the first list's scores, with IoU of at least 0.5. Boxes that only one
    of both has lower the value; equal lists have 1 and lists that are both empty 0, so that a detector that finds
    nobody is never chosen.

    Args:
        first: detections on each frame.
        second: detections on the same frames.

    Returns:
        in 0..1.
    """
    shared, total = 0.0, 0.0
    for one, other in zip(first, second, strict=True):
        total += float(one.scores.sum()) + float(other.scores.sum())
        shared += _matched(one, other)
    return 2.0 * shared / total if total > 0 else 0.0


def _matched(one: Detections, other: Detections) -> float:
    if not len(one) or not len(other):
        return 0.0
    overlaps = box_iou(torch.from_numpy(one.boxes), torch.from_numpy(other.boxes)).numpy()
    found = 0.0
    for i in np.argsort(-one.scores, kind="stable"):
        j = int(overlaps[i].argmax())
        if overlaps[i, j] >= 0.5:
            found += float(overlaps[i, j]) * float(np.sqrt(one.scores[i] * other.scores[j]))
            overlaps[:, j] = 0.0
    return found


def judge(
    plain: Sequence[Detections], mirrored: Sequence[Detections], teacher: Sequence[Detections] | None
) -> dict[str, float]:
    """Return the criterion, which is the agreement with the mirrored frames, and what else is worth knowing.

    The agreement with the teacher is no part of it: a teacher that is wrong before new cameras would hold its student
    back.

    Args:
        plain: the student's detections on target frames.
        mirrored: its detections on their mirror images, mirrored back.
        teacher: the teacher's detections on the frames; None without a teacher.
    """
    heard = {} if teacher is None else {"teacher_agreement": soft_agreement(plain, teacher)}
    return {
        "selection": soft_agreement(plain, mirrored),
        **heard,
        "boxes_a_frame": float(np.mean([float(one.scores.sum()) for one in plain])) if plain else 0.0,
    }
