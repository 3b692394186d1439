"""Loop twins of the distillation losses on logits and on Gram matrices, on lists of Python floats."""

import math
from collections.abc import Sequence

from tests.references.distillation_losses import Matrix, cosine, dot, kl, softmax


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def standardised(row: Sequence[float]) -> list[float]:
    deviation = math.sqrt(sum((value - mean(row)) ** 2 for value in row) / (len(row) - 1))
    return [(value - mean(row)) / (deviation + 1e-7) for value in row]


def dkd(
    student: Matrix, teacher: Matrix, labels: Sequence[int], temperature: float, alpha: float, beta: float
) -> float:
    values = []
    for ours, theirs, label in zip(student, teacher, labels, strict=True):
        q, p = softmax(ours, temperature), softmax(theirs, temperature)
        target = kl([p[label], 1 - p[label]], [q[label], 1 - q[label]])
        rest = [k for k in range(len(p)) if k != label]
        others = kl([p[k] / (1 - p[label]) for k in rest], [q[k] / (1 - q[label]) for k in rest])
        values.append(temperature**2 * (alpha * target + beta * others))
    return mean(values)


def nkd(student: Matrix, teacher: Matrix, labels: Sequence[int], gamma: float, temperature: float) -> float:
    values = []
    for ours, theirs, label in zip(student, teacher, labels, strict=True):
        value = -softmax(theirs)[label] * math.log(softmax(ours)[label])
        rest = [k for k in range(len(ours)) if k != label]
        n_ours, n_theirs = (softmax([row[k] for k in rest], temperature) for row in (ours, theirs))
        value -= gamma * temperature**2 * sum(a * math.log(b) for a, b in zip(n_theirs, n_ours, strict=True))
        values.append(value)
    return mean(values)


def pearson(first: Sequence[float], second: Sequence[float]) -> float:
    return cosine([a - mean(first) for a in first], [b - mean(second) for b in second])


def dist(student: Matrix, teacher: Matrix, temperature: float, beta: float, gamma: float) -> float:
    ours = [softmax(row, temperature) for row in student]
    theirs = [softmax(row, temperature) for row in teacher]
    inter = mean([1 - pearson(a, b) for a, b in zip(ours, theirs, strict=True)])
    columns = zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True)
    intra = mean([1 - pearson(a, b) for a, b in columns])
    return temperature**2 * (beta * inter + gamma * intra)


def swapped(row: Sequence[float], label: int) -> list[float]:
    top = max(range(len(row)), key=lambda k: row[k])
    changed = list(row)
    changed[top], changed[label] = row[label], row[top]
    return changed


def ka(student: Matrix, teacher: Matrix, labels: Sequence[int], mode: str, temperature: float, e: float) -> float:
    values = []
    for ours, theirs, label in zip(student, teacher, labels, strict=True):
        is_wrong = max(theirs) > theirs[label]
        if mode == "lsr" and is_wrong:
            target = [e / len(ours) + (1 - e) * (k == label) for k in range(len(ours))]
            values.append(kl(target, softmax(ours)))
        else:
            row = swapped(theirs, label) if is_wrong else theirs
            values.append(temperature**2 * kl(softmax(row, temperature), softmax(ours, temperature)))
    return mean(values)


def flsw(student: Matrix, teacher: Matrix, gamma: float, center: bool) -> list[float]:
    weights = []
    for ours, theirs in zip(student, teacher, strict=True):
        first = [a - mean(ours) for a in ours] if center else ours
        second = [b - mean(theirs) for b in theirs] if center else theirs
        weights.append(max(0.0, 1 - cosine(first, second)) ** gamma)
    return weights


def cwsm(student: Matrix) -> list[float]:
    return [1 / max(softmax(row)) for row in student]


def temperatures(weights: Sequence[float], tau0: float, beta: float, low: float, high: float) -> list[float]:
    return [min(high, max(low, tau0 + beta * (mean(weights) - weight))) for weight in weights]


def dtd(student: Matrix, teacher: Matrix, taus: Sequence[float]) -> float:
    rows = zip(student, teacher, taus, strict=True)
    return mean([tau**2 * kl(softmax(theirs, tau), softmax(ours, tau)) for ours, theirs, tau in rows])


def wsl_weights(student: Matrix, teacher: Matrix, labels: Sequence[int]) -> list[float]:
    rows = zip(student, teacher, labels, strict=True)
    return [1 - math.exp(-math.log(softmax(s)[y]) / (math.log(softmax(t)[y]) - 1e-7)) for s, t, y in rows]


def wsl(student: Matrix, teacher: Matrix, weights: Sequence[float], temperature: float) -> float:
    values = []
    for ours, theirs, weight in zip(student, teacher, weights, strict=True):
        q, p = softmax(ours, temperature), softmax(theirs, temperature)
        values.append(-weight * sum(a * math.log(b) for a, b in zip(p, q, strict=True)))
    return temperature**2 * mean(values)


def topk(student: Matrix, teacher: Matrix, k: int, mode: str, gate: float) -> float:
    values = []
    for ours, theirs in zip(student, teacher, strict=True):
        q, p = softmax(ours), softmax(theirs)
        classes = sorted(range(len(p)), key=lambda c: -p[c])[:k]
        p_mass, q_mass = sum(p[c] for c in classes), sum(q[c] for c in classes)
        scale = (p_mass, q_mass) if mode == "renorm" else (1.0, 1.0)
        value = kl([p[c] / scale[0] for c in classes], [q[c] / scale[1] for c in classes])
        values.append(value if p_mass >= gate else 0.0)
    return mean(values)


def logit_mse(student: Matrix, teacher: Matrix) -> float:
    return mean(
        [mean([(a - b) ** 2 for a, b in zip(s, t, strict=True)]) for s, t in zip(student, teacher, strict=True)]
    )


def distance_matrix(student: Matrix, teacher: Matrix) -> float:
    pairs = [(i, j) for i in range(len(student)) for j in range(len(student))]
    return math.sqrt(sum((cosine(student[i], student[j]) - cosine(teacher[i], teacher[j])) ** 2 for i, j in pairs))


def sp(student: Matrix, teacher: Matrix) -> float:
    total = 0.0
    for i in range(len(student)):
        ours, theirs = ([dot(rows[i], other) for other in rows] for rows in (student, teacher))
        lengths = math.sqrt(dot(ours, ours)), math.sqrt(dot(theirs, theirs))
        if min(lengths) > 1e-6:
            total += sum((a / lengths[0] - b / lengths[1]) ** 2 for a, b in zip(ours, theirs, strict=True))
    return total / len(student) ** 2
