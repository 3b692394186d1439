"""Loop versions of what happens to boxes: which train, which are ignored, how far they reach out of the frame."""


def choose(rows, size, min_height, min_visible):
    """rows: (box, visible, ratio, ignore); returns boxes that train and ignored regions."""
    height, width = size
    people, regions = [], []
    for box, visible, ratio, ignore in rows:
        inside = _cut(box, width, height)
        if _area(inside) <= 0:
            continue
        seen = _area(_cut(visible, width, height)) / _area(visible) if _area(visible) > 0 else 0.0
        if not ignore and box[3] - box[1] >= min_height and ratio * seen >= min_visible:
            people.append(_limit(box, width, height))
        else:
            regions.append(inside)
    return people, regions


def _cut(box, width, height):
    x1, y1, x2, y2 = box
    return [min(max(x1, 0), width), min(max(y1, 0), height), min(max(x2, 0), width), min(max(y2, 0), height)]


def _area(box):
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _limit(box, width, height):
    x1, x2 = _limit_side(box[0], box[2], width)
    y1, y2 = _limit_side(box[1], box[3], height)
    return [x1, y1, x2, y2]


def _limit_side(low, high, end):
    inside = min(high, end) - max(low, 0)
    before, after = max(0, -low), max(0, high - end)
    if before + after > inside:
        before, after = (part * inside / (before + after) for part in (before, after))
    return (-before if low < 0 else low), (end + after if high > end else high)
