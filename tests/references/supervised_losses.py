"""Loop twins of the losses that read labels, on lists of Python floats."""

import math
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]


def log_softmax(row: Sequence[float]) -> list[float]:
    top = max(row)
    total = top + math.log(sum(math.exp(value - top) for value in row))
    return [value - total for value in row]


def cross_entropy(logits: Matrix, labels: Sequence[int], smoothing: float) -> float:
    terms = []
    for row, label in zip(logits, labels, strict=True):
        if label < 0:
            continue
        classes = len(row)
        target = [smoothing / classes + (1 - smoothing) * (k == label) for k in range(classes)]
        terms.append(-sum(q * p for q, p in zip(target, log_softmax(row), strict=True)))
    return sum(terms) / len(terms) if terms else 0.0


def triplet(embeddings: Matrix, labels: Sequence[int], margin: float | str) -> float:
    terms = []
    for i, anchor in enumerate(embeddings):
        others = [j for j in range(len(labels)) if j != i and labels[j] >= 0]
        positives = [math.dist(anchor, embeddings[j]) for j in others if labels[j] == labels[i]]
        negatives = [math.dist(anchor, embeddings[j]) for j in others if labels[j] != labels[i]]
        if labels[i] < 0 or not positives or not negatives:
            continue
        gap = max(positives) - min(negatives)
        terms.append(math.log1p(math.exp(gap)) if margin == "soft" else max(0.0, gap + float(margin)))
    return sum(terms) / len(terms) if terms else 0.0


def unit(row: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row]


def similarity(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(unit(a), unit(b), strict=True))


def centroid_contrast(embeddings: Matrix, centroids: Matrix, labels: Sequence[int], temperature: float) -> float:
    terms = []
    for row, label in zip(embeddings, labels, strict=True):
        if label >= 0:
            scores = [similarity(row, centroid) / temperature for centroid in centroids]
            terms.append(-log_softmax(scores)[label])
    return sum(terms) / len(terms) if terms else 0.0


def soft_cross_entropy(student: Matrix, teacher: Matrix) -> float:
    total = 0.0
    for ours, theirs in zip(student, teacher, strict=True):
        total -= sum(math.exp(p) * q for p, q in zip(log_softmax(theirs), log_softmax(ours), strict=True))
    return total / len(student)


def proxy_contrast(
    embeddings: Matrix,
    proxies: Matrix,
    labels: Sequence[int],
    cameras: Sequence[int],
    proxy_keys: Sequence[tuple[int, int]],
    temperature: float,
    inter_weight: float,
    hard_negatives: int,
) -> float:
    intra, inter = [], []
    for row, label, camera in zip(embeddings, labels, cameras, strict=True):
        if label < 0 or camera < 0:
            continue
        scores = [similarity(row, proxy) / temperature for proxy in proxies]
        own = [m for m, key in enumerate(proxy_keys) if key == (label, camera)]
        if own:
            rivals = [scores[m] for m, key in enumerate(proxy_keys) if key[1] == camera]
            intra.append(math.log(sum(math.exp(s) for s in rivals)) - scores[own[0]])
        positives = [scores[m] for m, key in enumerate(proxy_keys) if key[0] == label and key[1] != camera]
        negatives = sorted((scores[m] for m, key in enumerate(proxy_keys) if key[0] != label), reverse=True)
        if positives:
            bottom = math.log(sum(math.exp(s) for s in [*positives, *negatives[:hard_negatives]]))
            inter.append(sum(bottom - s for s in positives) / len(positives))
    first = sum(intra) / len(intra) if intra else 0.0
    second = sum(inter) / len(inter) if inter else 0.0
    return first + inter_weight * second
