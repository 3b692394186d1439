"""Slow twin of boxes from masks: every pixel asks every figure, the nearest one wins."""


def boxes_by_pixels(masks, frame):
    """Return (full box, visible box or None, visible ratio) of each mask, the farthest first.

    `masks` holds sets of (column, row) pixels, also outside the frame; `frame` is height and width.
    """
    owner = {}
    for index, mask in enumerate(masks):
        for column, row in mask:
            if 0 <= row < frame[0] and 0 <= column < frame[1]:
                owner[column, row] = index
    seen = [set() for _ in masks]
    for pixel, index in owner.items():
        seen[index].add(pixel)
    return [
        (_bounds(mask), _bounds(part), len(part) / len(mask) if mask else 0.0)
        for mask, part in zip(masks, seen, strict=True)
    ]


def _bounds(pixels):
    if not pixels:
        return None
    columns, rows = [column for column, _ in pixels], [row for _, row in pixels]
    return min(columns), min(rows), max(columns) + 1, max(rows) + 1
