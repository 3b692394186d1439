"""Slow twins of the metrics of classification: loops over images, classes and bins."""

import math

import numpy as np


def top_k_share(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    right = 0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda c: (-row[c], c))
        right += label in order[:k]
    return right / len(labels)


def softmax(row: list[float]) -> list[float]:
    powers = [math.exp(value - max(row)) for value in row]
    return [power / sum(powers) for power in powers]


def calibration_error(logits: np.ndarray, labels: np.ndarray, bins: int) -> float:
    members: dict[int, list[tuple[float, bool]]] = {}
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        said = softmax(row)
        confidence = max(said)
        place = next(b for b in range(bins) if b / bins < confidence <= (b + 1) / bins or b == bins - 1)
        members.setdefault(place, []).append((confidence, said.index(confidence) == label))
    total = 0.0
    for group in members.values():
        accuracy = sum(right for _, right in group) / len(group)
        confidence = sum(value for value, _ in group) / len(group)
        total += len(group) / len(labels) * abs(accuracy - confidence)
    return total


def negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    pairs = zip(logits.tolist(), labels.tolist(), strict=True)
    return sum(-math.log(softmax(row)[label]) for row, label in pairs) / len(labels)
