"""Loop twin of the per-camera standardisation."""

import math
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]


def moments(rows: Matrix) -> tuple[list[float], list[float]]:
    count, width = len(rows), len(rows[0])
    means = [sum(row[d] for row in rows) / count for d in range(width)]
    return means, [sum((row[d] - means[d]) ** 2 for row in rows) / count for d in range(width)]


def standardise(features: Matrix, cameras: Sequence[int], num_cameras: int, shrinkage: float) -> list[list[float]]:
    overall_mean, overall_variance = moments(features)
    result = []
    for row, camera in zip(features, cameras, strict=True):
        mean, variance = overall_mean, overall_variance
        if 0 <= camera < num_cameras:
            own = [other for other, c in zip(features, cameras, strict=True) if c == camera]
            own_mean, own_variance = moments(own)
            w = len(own) / (len(own) + shrinkage)
            mean = [w * a + (1 - w) * b for a, b in zip(own_mean, overall_mean, strict=True)]
            variance = [w * a + (1 - w) * b for a, b in zip(own_variance, overall_variance, strict=True)]
        centred = [(x - m) / math.sqrt(v) for x, m, v in zip(row, mean, variance, strict=True)]
        length = math.sqrt(sum(x * x for x in centred))
        result.append([x / length for x in centred])
    return result
