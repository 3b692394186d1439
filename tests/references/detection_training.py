"""Loop twins of the label-free judgement of detectors."""

import math

from tests.references.detection_metrics import loop_overlap


def soft_agreement(first, second):
    """Compare two lists of (boxes, scores), one pair at a time."""
    shared = total = 0.0
    for (boxes, scores), (others, other_scores) in zip(first, second, strict=True):
        total += sum(scores) + sum(other_scores)
        free = list(range(len(others)))
        for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
            best, place = 0.0, None
            for j in free:
                overlap = loop_overlap(boxes[i], others[j], False)
                if overlap > best:
                    best, place = overlap, j
            if place is not None and best >= 0.5:
                shared += best * math.sqrt(scores[i] * other_scores[place])
                free.remove(place)
    return 2.0 * shared / total if total else 0.0


def merge_looks(rows, *, most):
    """Join (box, confidence) of all looks, one box at a time."""
    ordered = sorted(rows, key=lambda row: -row[1])
    kept = []
    for box, sure in ordered:
        if all(loop_overlap(box, other, False) <= 0.5 for other, _ in kept):
            kept.append((box, sure))
    whole = [(box, sure) for box, sure in kept if not any(_is_part(box, sure, *other) for other in kept)]
    return whole[:most]


def _is_part(box, sure, other, other_sure):
    area, larger = ((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(across, 0) * max(down, 0)
    return shared >= 0.7 * area and larger >= 1.3 * area and other_sure >= 0.8 * sure
