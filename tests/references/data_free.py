"""Loop twins of what is asked of images without data, on nested lists of Python floats."""

import math
from collections.abc import Sequence

from tests.references.distillation_losses import Matrix, cosine, kl, softmax

Image = Sequence[Sequence[Sequence[float]]]  # channels, rows, columns


def statistics(images: Sequence[Image]) -> tuple[list[float], list[float]]:
    means, variances = [], []
    for channel in range(len(images[0])):
        values = [value for image in images for row in image[channel] for value in row]
        mean = sum(values) / len(values)
        means.append(mean)
        variances.append(sum((value - mean) ** 2 for value in values) / len(values))
    return means, variances


def statistics_loss(seen: Sequence[Sequence[Sequence[float]]], first: float) -> float:
    total = 0.0
    for place, (mean, variance, kept_mean, kept_variance) in enumerate(seen):
        gap = math.dist(mean, kept_mean) + math.dist(variance, kept_variance)
        total += gap * (first if place == 0 else 1.0)
    return total


def total_variation(images: Sequence[Image]) -> float:
    total = 0.0
    for image in images:
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            squares = 0.0
            for channel in image:
                for y in range(len(channel)):
                    for x in range(len(channel[0])):
                        if y + down < len(channel) and 0 <= x + right < len(channel[0]):
                            squares += (channel[y + down][x + right] - channel[y][x]) ** 2
            total += math.sqrt(squares)
    return total / len(images)


def prototypes(embedding: Matrix, weights: Matrix, labels: Sequence[int]) -> float:
    return sum(1 - cosine(row, weights[label]) for row, label in zip(embedding, labels, strict=True)) / len(labels)


def one_hot(logits: Matrix) -> float:
    return sum(-math.log(max(softmax(row))) for row in logits) / len(logits)


def information_entropy(logits: Matrix) -> float:
    shares = [sum(softmax(row)[c] for row in logits) / len(logits) for c in range(len(logits[0]))]
    return sum(share * math.log10(share) for share in shares)


def disagreement(student: Matrix, teacher: Matrix) -> float:
    return -sum(kl(softmax(t), softmax(s)) for s, t in zip(student, teacher, strict=True)) / len(student)
