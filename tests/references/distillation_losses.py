"""Loop twins of the distillation losses, on lists of Python floats."""

import math
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]


def softmax(row: Sequence[float], temperature: float = 1.0) -> list[float]:
    top = max(row)
    powers = [math.exp((value - top) / temperature) for value in row]
    return [power / sum(powers) for power in powers]


def kl(first: Sequence[float], second: Sequence[float]) -> float:
    return sum(a * (math.log(a) - math.log(b)) for a, b in zip(first, second, strict=True) if a > 0)


def kd(student: Matrix, teacher: Matrix, temperature: float, direction: str) -> float:
    total = 0.0
    for ours, theirs in zip(student, teacher, strict=True):
        q, p = softmax(ours, temperature), softmax(theirs, temperature)
        total += kl(p, q) if direction == "forward" else kl(q, p)
    return temperature**2 * total / len(student)


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    lengths = math.sqrt(dot(a, a)) * math.sqrt(dot(b, b))
    return dot(a, b) / lengths if lengths > 0 else 0.0


def relation(student: Matrix, teacher: Matrix) -> float:
    count = len(student)
    total = 0.0
    for i in range(count):
        for j in range(count):
            total += ((1 - cosine(student[i], student[j])) - (1 - cosine(teacher[i], teacher[j]))) ** 2
    return math.sqrt(total) / count


def embedding(student: Matrix, teacher: Matrix, distance: str) -> float:
    if distance == "cosine":
        return sum(1 - cosine(a, b) for a, b in zip(student, teacher, strict=True)) / len(student)
    squared = sum((x - y) ** 2 for a, b in zip(student, teacher, strict=True) for x, y in zip(a, b, strict=True))
    return squared / sum(dot(b, b) for b in teacher)


def smooth_l1(difference: float) -> float:
    size = abs(difference)
    return 0.5 * size * size if size < 1 else size - 0.5


def rkd_distance(student: Matrix, teacher: Matrix) -> float:
    count = len(student)

    def relative(rows: Matrix) -> list[list[float]]:
        table = [[math.dist(a, b) for b in rows] for a in rows]
        mean = sum(map(sum, table)) / (count * (count - 1))
        return [[value / mean for value in row] for row in table]

    ours, theirs = relative(student), relative(teacher)
    return sum(smooth_l1(ours[i][j] - theirs[i][j]) for i in range(count) for j in range(count)) / count**2


def rkd_angle(student: Matrix, teacher: Matrix) -> float:
    count = len(student)

    def corner(rows: Matrix, at: int, first: int, second: int) -> float:
        left = [x - y for x, y in zip(rows[first], rows[at], strict=True)]
        right = [x - y for x, y in zip(rows[second], rows[at], strict=True)]
        return cosine(left, right)

    total = 0.0
    for at in range(count):
        for first in range(count):
            for second in range(count):
                total += smooth_l1(corner(student, at, first, second) - corner(teacher, at, first, second))
    return total / count**3


def pkt(student: Matrix, teacher: Matrix) -> float:
    count = len(student)

    def probabilities(rows: Matrix, i: int) -> list[float]:
        row = [(cosine(rows[i], other) + 1) / 2 for other in rows]
        return [value / sum(row) for value in row]

    total = 0.0
    for i in range(count):
        for p, q in zip(probabilities(teacher, i), probabilities(student, i), strict=True):
            total += p * (math.log(p + 1e-7) - math.log(q + 1e-7))
    return total / count**2
