"""Loop twins of the losses between two detectors, on nested lists of floats: maps[image][channel][row][column]."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

Box = Sequence[float]


def cells(valid: Any) -> Iterator[tuple[int, int, int]]:
    for image, rows in enumerate(valid):
        for y, row in enumerate(rows):
            for x, inside in enumerate(row):
                if inside:
                    yield image, y, x


def valid_cells(sizes: Any, stride: int, grid: tuple[int, int]) -> list[list[list[bool]]]:
    return [
        [[y * stride < height and x * stride < width for x in range(grid[1])] for y in range(grid[0])]
        for height, width in sizes
    ]


def covers(box: Box, stride: int, y: int, x: int) -> bool:
    if box[2] <= box[0] or box[3] <= box[1]:
        return False
    across = math.floor(box[0] / stride) <= x <= math.ceil(box[2] / stride)
    return across and math.floor(box[1] / stride) <= y <= math.ceil(box[3] / stride)


def foreground(boxes: Any, stride: int, grid: tuple[int, int]) -> list[list[list[bool]]]:
    return [
        [[any(covers(box, stride, y, x) for box in mine) for x in range(grid[1])] for y in range(grid[0])]
        for mine in boxes
    ]


def pyramid(student: Any, teacher: Any, valid: Any) -> float:
    values = []
    for b, y, x in cells(valid):
        for c in range(len(student[b])):
            values.append((student[b][c][y][x] - teacher[b][c][y][x]) ** 2)
    return sum(values) / len(values)


def rows_mse(student: Any, teacher: Any) -> float:
    values = [(a - b) ** 2 for s, t in zip(student, teacher, strict=True) for a, b in zip(s, t, strict=True)]
    return sum(values) / len(values)


def channel(maps: Any, valid: Any, c: int) -> list[float]:
    return [maps[b][c][y][x] for b, y, x in cells(valid)]


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


def pkd(student: Any, teacher: Any, valid: Any) -> float:
    total, count = 0.0, 0
    for c in range(len(student[0])):
        ours, theirs = channel(student, valid, c), channel(teacher, valid, c)
        (m, s), (n, t) = mean_and_deviation(ours), mean_and_deviation(theirs)
        total += sum(((a - m) / s - (b - n) / t) ** 2 for a, b in zip(ours, theirs, strict=True))
        count += len(ours)
    return total / count / 2


def align(student: Any, teacher: Any, valid: Any) -> list[list[float]]:
    aligned = []
    for c in range(len(student[0])):
        ours, theirs = channel(student, valid, c), channel(teacher, valid, c)
        (m, s), (n, t) = mean_and_deviation(ours), mean_and_deviation(theirs)
        aligned.append([(a - m) / s * t + n for a in ours])
    return aligned


def softmax(values: Sequence[float]) -> list[float]:
    top = max(values)
    powers = [math.exp(v - top) for v in values]
    return [p / sum(powers) for p in powers]


def cwd(student: Any, teacher: Any, valid: Any, temperature: float) -> float:
    total = 0.0
    for b in range(len(student)):
        here = [(y, x) for i, y, x in cells(valid) if i == b]
        for c in range(len(student[b])):
            q = softmax([student[b][c][y][x] / temperature for y, x in here])
            p = softmax([teacher[b][c][y][x] / temperature for y, x in here])
            total += sum(u * math.log(u / v) for u, v in zip(p, q, strict=True))
    return temperature**2 * total / (len(student) * len(student[0]))


def attention(maps: Any, valid: Any, b: int, temperature: float) -> tuple[dict[tuple[int, int], float], list[float]]:
    here = [(y, x) for i, y, x in cells(valid) if i == b]
    width = len(maps[b])
    mean = [sum(abs(maps[b][c][y][x]) for c in range(width)) / width for y, x in here]
    spatial = {at: len(here) * p for at, p in zip(here, softmax([m / temperature for m in mean]), strict=True)}
    size = [sum(abs(maps[b][c][y][x]) for y, x in here) / len(here) for c in range(width)]
    return spatial, [width * p for p in softmax([s / temperature for s in size])]


def focal_masks(boxes: Sequence[Box], stride: int, valid: Any) -> tuple[dict[Any, float], dict[Any, float]]:
    """Of one image; valid[row][column]."""
    people: dict[Any, float] = {}
    rest: dict[Any, float] = {}
    for _, y, x in cells([valid]):
        shares = []
        for box in boxes:
            if covers(box, stride, y, x):
                wide = math.ceil(box[2] / stride) - math.floor(box[0] / stride) + 1
                high = math.ceil(box[3] / stride) - math.floor(box[1] / stride) + 1
                shares.append(1 / (wide * high))
        people[y, x] = max(shares, default=0.0)
    background = [at for at, value in people.items() if value == 0]
    for at in people:
        rest[at] = 1 / len(background) if at in background else 0.0
    return people, rest


def focal(student: Any, teacher: Any, boxes: Any, *, stride: int, valid: Any, a: float, b: float) -> float:
    total = 0.0
    for image in range(len(student)):
        spatial, channels = attention(teacher, valid, image, 0.5)
        people, rest = focal_masks(boxes[image], stride, valid[image])
        for (y, x), weight in spatial.items():
            mask = a * people[y, x] + b * rest[y, x]
            for c, share in enumerate(channels):
                total += mask * weight * share * (student[image][c][y][x] - teacher[image][c][y][x]) ** 2
    return total / len(student)


def attention_difference(student: Any, teacher: Any, valid: Any) -> float:
    total = 0.0
    for image in range(len(student)):
        (s, c), (t, d) = attention(student, valid, image, 0.5), attention(teacher, valid, image, 0.5)
        total += sum(abs(s[at] - t[at]) for at in s) + sum(abs(u - v) for u, v in zip(c, d, strict=True))
    return total / len(student)


def area(box: Box) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def iou(a: Box, b: Box) -> float:
    shared = area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    return shared / (area(a) + area(b) - shared)


def giou(a: Box, b: Box) -> float:
    hull = area((min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))
    overlap = iou(a, b)
    union = (area(a) + area(b)) / (1 + overlap)
    return overlap - (hull - union) / hull


def imitation(anchors: Any, boxes: Sequence[Box], share: float) -> list[list[list[bool]]]:
    """anchors[level][row][column][k] are boxes."""
    marks = [[[False for _ in row] for row in level] for level in anchors]
    for box in boxes:
        best = max(iou(box, a) for level in anchors for row in level for cell in row for a in cell)
        for i, level in enumerate(anchors):
            for y, row in enumerate(level):
                for x, cell in enumerate(row):
                    marks[i][y][x] |= any(iou(box, a) > share * best for a in cell)
    return marks


def fgfi(student: Any, teacher: Any, mask: Any) -> float:
    """Lists of levels."""
    total, count = 0.0, 0
    for ours, theirs, marked in zip(student, teacher, mask, strict=True):
        for b, y, x in cells(marked):
            total += sum((ours[b][c][y][x] - theirs[b][c][y][x]) ** 2 for c in range(len(ours[b])))
            count += 1
    return total / (2 * count)


def soft_cross_entropy(student: Any, teacher: Any, weights: Sequence[float], temperature: float) -> float:
    total = 0.0
    for ours, theirs in zip(student, teacher, strict=True):
        q, p = softmax([v / temperature for v in ours]), softmax([v / temperature for v in theirs])
        total -= sum(w * u * math.log(v) for w, u, v in zip(weights, p, q, strict=True))
    return temperature**2 * total / len(student)


def bounded(student: Any, teacher: Any, truth: Any, weights: Sequence[float], margin: float) -> float:
    total = 0.0
    for ours, theirs, real, weight in zip(student, teacher, truth, weights, strict=True):
        e_s = sum((a - y) ** 2 for a, y in zip(ours, real, strict=True))
        e_t = sum((a - y) ** 2 for a, y in zip(theirs, real, strict=True))
        total += weight * e_s if e_s + margin > e_t else 0.0
    return total / max(sum(weights), 1.0)


def offsets(region: Box, box: Box) -> list[float]:
    w, h = region[2] - region[0], region[3] - region[1]
    dx = ((box[0] + box[2]) - (region[0] + region[2])) / 2 / w
    dy = ((box[1] + box[3]) - (region[1] + region[3])) / 2 / h
    return [10 * dx, 10 * dy, 5 * math.log((box[2] - box[0]) / w), 5 * math.log((box[3] - box[1]) / h)]


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def scores(student: Sequence[float], teacher: Sequence[float], weights: Sequence[float], beta: float) -> float:
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        p, q = sigmoid(t), sigmoid(s)
        total -= abs(p - q) ** beta * (p * math.log(q) + (1 - p) * math.log(1 - q))
    return total / max(sum(weights), 1.0)


def boxes_giou(student: Any, teacher: Any, weights: Sequence[float]) -> float:
    rows = zip(student, teacher, weights, strict=True)
    return sum(w * (1 - giou(a, b)) for a, b, w in rows) / max(sum(weights), 1.0)
