"""Loop twins of the instance relationship graph, on nested lists of Python floats."""

from collections.abc import Sequence

Rows = Sequence[Sequence[float]]
Map = Sequence[Sequence[Sequence[float]]]


def edges(rows: Rows, scale: str) -> list[list[float]]:
    found = [[sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) for other in rows] for one in rows]
    apart = [found[i][j] for i in range(len(rows)) for j in range(len(rows)) if i != j]
    unit = max(apart) if scale == "max" else sum(apart) / len(apart)
    return [[value / unit for value in row] for row in found]


def mean_square(ours: Rows, theirs: Rows) -> float:
    squares = [(a - b) ** 2 for one, two in zip(ours, theirs, strict=True) for a, b in zip(one, two, strict=True)]
    return sum(squares) / len(squares)


def pooled(image: Map, sizes: tuple[int, int, int]) -> list[float]:
    """Average equal boxes of channels, rows and columns; every size divides its axis."""
    boxes = [len(image) // sizes[0], len(image[0]) // sizes[1], len(image[0][0]) // sizes[2]]
    found = []
    for c in range(sizes[0]):
        for y in range(sizes[1]):
            for x in range(sizes[2]):
                inside = [
                    image[c * boxes[0] + i][y * boxes[1] + j][x * boxes[2] + k]
                    for i in range(boxes[0])
                    for j in range(boxes[1])
                    for k in range(boxes[2])
                ]
                found.append(sum(inside) / len(inside))
    return found


def transformation(before: Sequence[Map], after: Sequence[Map], sizes: tuple[int, int, int], scale: str) -> list[float]:
    found = [
        sum((a - b) ** 2 for a, b in zip(pooled(one, sizes), pooled(other, sizes), strict=True))
        for one, other in zip(before, after, strict=True)
    ]
    unit = max(found) if scale == "max" else sum(found) / len(found)
    return [value / unit for value in found]
