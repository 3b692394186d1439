"""Loop twins of the losses on feature maps and on weights, on nested lists of Python floats."""

import math
from collections.abc import Sequence

Map = Sequence[Sequence[Sequence[float]]]


def attention(image: Map, power: float) -> list[float]:
    """One image's channels, each rows of places, as a vector of length one over the places."""
    height, width = len(image[0]), len(image[0][0])
    places = [
        sum(abs(channel[y][x]) ** power for channel in image) / len(image) for y in range(height) for x in range(width)
    ]
    length = math.sqrt(sum(value**2 for value in places))
    return [value / length if length else 0.0 for value in places]


def attention_transfer(student: Sequence[Map], teacher: Sequence[Map], power: float) -> float:
    total, count = 0.0, 0
    for ours, theirs in zip(student, teacher, strict=True):
        for a, b in zip(attention(ours, power), attention(theirs, power), strict=True):
            total += (a - b) ** 2
            count += 1
    return total / count


def hint(student: Sequence[Map], teacher: Sequence[Map], weight: Sequence[Sequence[float]]) -> float:
    """Squared difference behind a 1x1 convolution of weight[out][in]."""
    total, count = 0.0, 0
    for ours, theirs in zip(student, teacher, strict=True):
        for out, channel in enumerate(theirs):
            for y, row in enumerate(channel):
                for x, wanted in enumerate(row):
                    given = sum(weight[out][c] * ours[c][y][x] for c in range(len(ours)))
                    total += (given - wanted) ** 2
                    count += 1
    return total / count


def quantiles(layers: Sequence[Sequence[float]], count: int) -> list[float]:
    """Pour the masses of all values, smallest first, into `count` bins of equal mass; the mean of each bin."""
    masses = sorted((value, 1.0 / (len(layers) * len(layer))) for layer in layers for value in layer)
    bins, room = [0.0], 1.0 / count
    for value, mass in masses:
        while mass > room and len(bins) < count:
            bins[-1] += value * room
            mass, room = mass - room, 1.0 / count
            bins.append(0.0)
        bins[-1] += value * mass
        room -= mass
    return [total * count for total in bins]


def dead_zone(student: Sequence[float], teacher: Sequence[float], kappa: float) -> float:
    return sum(0.5 * max(abs(a - b) - kappa, 0.0) ** 2 for a, b in zip(student, teacher, strict=True)) / len(student)
