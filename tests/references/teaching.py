"""Loop twins of who teaches and when, on lists of Python floats."""

import math
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]


def softmax(row: Sequence[float], temperature: float = 1.0) -> list[float]:
    powers = [math.exp((value - max(row)) / temperature) for value in row]
    return [power / sum(powers) for power in powers]


def kl(first: Sequence[float], second: Sequence[float]) -> float:
    return sum(a * (math.log(a) - math.log(b)) for a, b in zip(first, second, strict=True) if a > 0)


def proximal(teacher: Matrix, student: Matrix, labels: Sequence[int], lam: float, temperature: float) -> float:
    entropy = divergence = 0.0
    for theirs, ours, label in zip(teacher, student, labels, strict=True):
        entropy -= math.log(softmax(theirs)[label])
        divergence += temperature**2 * kl(softmax(ours, temperature), softmax(theirs, temperature))
    return ((1 - lam) * entropy + lam * divergence) / len(teacher)


def proximal_optimum(student: Sequence[float], label: int, lam: float) -> list[float]:
    return [(1 - lam) * (k == label) + lam * p for k, p in enumerate(softmax(student))]


def tabular_rounds(classes: int, label: int, lam: float, rounds: int) -> list[float]:
    """The teacher goes all the way to its optimum and the student copies it; both start at the uniform answer."""
    answer = [1 / classes] * classes
    found = []
    for _ in range(rounds):
        answer = [(1 - lam) * (k == label) + lam * p for k, p in enumerate(answer)]
        found.append(answer[label])
    return found


def mean_opinion(logits: Sequence[Matrix], temperature: float) -> list[list[float]]:
    """Return the mean of the softened answers of several networks, image by image."""
    images = []
    for rows in zip(*logits, strict=True):
        answers = [softmax(row, temperature) for row in rows]
        images.append([sum(column) / len(rows) for column in zip(*answers, strict=True)])
    return images


def greedy_route(table: Sequence[Sequence[float | None]], delta: float) -> list[int]:
    anchors = [1]
    while anchors[-1] < len(table):
        here = anchors[-1]
        row = table[here - 1]
        chosen = here + 1
        for j in range(here + 1, len(table) + 1):
            if row[j - 1] / row[here - 1] <= delta + 1e-12:
                chosen = j
        anchors.append(chosen)
    return anchors


def agreement_weights(logits: Sequence[Matrix], labels: Sequence[int]) -> list[list[float]]:
    """Return the weight of each network for each image; label -1 compares with the mean of the others."""
    found: list[list[float]] = [[] for _ in logits]
    for image, label in enumerate(labels):
        answers = [softmax(rows[image]) for rows in logits]
        losses = []
        for k, answer in enumerate(answers):
            others = [row for j, row in enumerate(answers) if j != k]
            mean = [sum(column) / len(others) for column in zip(*others, strict=True)]
            losses.append(-math.log(answer[label]) if label >= 0 else kl(mean, answer))
        total = sum(math.exp(loss) for loss in losses)
        for k, loss in enumerate(losses):
            found[k].append((1 - math.exp(loss) / total) / (len(losses) - 1))
    return found
