"""Loop twins of level, anchor, cell and box assignment; plain numbers and no cleverness."""

import math
from collections.abc import Mapping, Sequence

Box = Sequence[float]


def overlap_area(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def iou(a: Box, b: Box) -> float:
    shared = overlap_area(a, b)
    return shared / (area(a) + area(b) - shared)


def covered(box: Box, regions: Sequence[Box], overlap: float = 0.5) -> bool:
    if area(box) <= 0:
        return False
    return any(overlap_area(box, region) / area(box) >= overlap for region in regions)


def level(box: Box, strides: Sequence[int], factor: float) -> int:
    height = math.sqrt(area(box) / 0.41)
    for position, stride in enumerate(strides):
        if height <= factor * stride:
            return position
    return len(strides) - 1


def anchors(grid: tuple[int, int], stride: int, scales: Sequence[float], aspect: float) -> list[list[float]]:
    placed = []
    for row in range(grid[0]):
        for column in range(grid[1]):
            x, y = (column + 0.5) * stride, (row + 0.5) * stride
            for scale in scales:
                height = scale * stride
                width = aspect * height
                placed.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    return placed


def owners(
    boxes: Sequence[Box],
    ignored: Sequence[Box],
    size: tuple[int, int],
    grids: Mapping[int, tuple[int, int]],
    radius: float,
    factor: float,
) -> list[int]:
    """-1 background, -2 ignored or beyond the frame."""
    strides = list(grids)
    result = []
    for position, (stride, (rows, columns)) in enumerate(grids.items()):
        for row in range(rows):
            for column in range(columns):
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                best = -1
                for i, box in enumerate(boxes):
                    if level(box, strides, factor) != position:
                        continue
                    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
                    is_inside = box[0] < x < box[2] and box[1] < y < box[3]
                    is_near = abs(x - cx) < radius * stride and abs(y - cy) < radius * stride
                    home = (min(int(cy // stride), rows - 1), min(int(cx // stride), columns - 1))
                    is_owner = (is_inside and is_near) or home == (row, column)
                    if is_owner and (best < 0 or area(box) < area(boxes[best])):
                        best = i
                if best < 0:
                    right, bottom = min((column + 1) * stride, size[1]), min((row + 1) * stride, size[0])
                    cell = [column * stride, row * stride, right, bottom]
                    is_padding = column * stride >= size[1] or row * stride >= size[0]
                    best = -2 if is_padding or covered(cell, ignored) else -1
                result.append(best)
    return result


def matches(
    people: Sequence[Box], boxes: Sequence[Box], ignored: Sequence[Box], high: float, low: float, keep_best: bool
) -> list[int]:
    """-1 background, -2 ignored."""
    table = [[iou(person, box) for box in boxes] for person in people]
    result = []
    for j, box in enumerate(boxes):
        column = [row[j] for row in table]
        best = max(column, default=0.0)
        person = column.index(best) if column else -1
        is_somebodys_best = any(row[j] == max(row) for row in table)
        if best > 0 and (best >= high or (keep_best and is_somebodys_best)):
            result.append(person)
        elif best >= low and best > 0:
            result.append(-2)
        else:
            result.append(-2 if covered(box, ignored) else -1)
    return result
