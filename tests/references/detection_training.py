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
