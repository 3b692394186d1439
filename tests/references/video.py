"""Loop twins of the parts that work on clips."""

import math


def channel_gate(channels: list[list[float]], reduce: list[list[float]], expand: list[list[float]]) -> list[float]:
    """Gate of each channel of one image; `channels` are its cells, `reduce` and `expand` the rows of W1 and W2."""
    squeezed = [[sum(cells) / len(cells) for cells in channels], [max(cells) for cells in channels]]
    sums = [0.0] * len(expand)
    for values in squeezed:
        hidden = [max(0.0, sum(w * v for w, v in zip(row, values, strict=True))) for row in reduce]
        for i, row in enumerate(expand):
            sums[i] += sum(w * h for w, h in zip(row, hidden, strict=True))
    return [1.0 / (1.0 + math.exp(-value)) for value in sums]


def clip_positions(count: int, length: int, stride: int, start: int) -> list[int]:
    """Positions of the frames of a clip."""
    positions = []
    at = start
    for _ in range(length):
        positions.append(at if at < count else count - 1)
        at += stride
    return positions


def tracklet_means(rows: list[list[float]], owners: list[int], count: int) -> list[list[float]]:
    """Mean of the rows of each owner, scaled to length one."""
    means = []
    for owner in range(count):
        own = [row for row, of in zip(rows, owners, strict=True) if of == owner]
        mean = [sum(column) / len(own) for column in zip(*own, strict=True)]
        norm = math.sqrt(sum(value * value for value in mean))
        means.append([value / norm for value in mean])
    return means
