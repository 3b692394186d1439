"""Loop twins of learning from each other and from oneself, on lists of Python floats."""

import math
from collections.abc import Sequence

from tests.references.teaching import Matrix, kl, softmax


def heard_of_the_others(logits: Sequence[Matrix], student: int, temperature: float = 1.0) -> float:
    """Return the mean over the other students of T^2 KL(other || student), itself a mean over images."""
    found = []
    for other, rows in enumerate(logits):
        if other == student:
            continue
        images = [
            temperature**2 * kl(softmax(theirs, temperature), softmax(ours, temperature))
            for ours, theirs in zip(logits[student], rows, strict=True)
        ]
        found.append(sum(images) / len(images))
    return sum(found) / len(found)


def cross_entropy_form(logits: Sequence[Matrix], student: int) -> float:
    """Return the same for two students at T = 1 without the entropy of what is heard."""
    (other,) = [rows for i, rows in enumerate(logits) if i != student]
    images = []
    for ours, theirs in zip(logits[student], other, strict=True):
        images.append(-sum(q * math.log(p) for q, p in zip(softmax(theirs), softmax(ours), strict=True)))
    return sum(images) / len(images)


def exit_loss(
    shallow: Matrix, deepest: Matrix, labels: Sequence[int], distances: Sequence[float], weights: Sequence[float],
    temperature: float,
) -> float:  # fmt: skip
    """Return what one exit learns; label -1 is left out of the cross-entropy."""
    entropies = [-math.log(softmax(row)[label]) for row, label in zip(shallow, labels, strict=True) if label >= 0]
    heard = [
        temperature**2 * kl(softmax(deep, temperature), softmax(row, temperature))
        for row, deep in zip(shallow, deepest, strict=True)
    ]
    means = [sum(values) / max(len(values), 1) for values in (entropies, heard, distances)]
    return sum(weight * mean for weight, mean in zip(weights, means, strict=True))


def middle_candidate(teacher: float, student: float, scores: Sequence[float]) -> int:
    """Return the position of the candidate nearest to the mean; of equals the first."""
    best = 0
    for position, score in enumerate(scores):
        if abs(2 * score - teacher - student) < abs(2 * scores[best] - teacher - student):
            best = position
    return best
