"""Loop twins of the background of fixed cameras."""

import math
import statistics


def loop_background(frames):
    """Return median and median distance from it of every pixel and channel, as nested lists."""
    height, width = frames.shape[1:3]
    picture, spread = [], []
    for y in range(height):
        picture.append([[statistics.median(int(f[y, x, c]) for f in frames) for c in range(3)] for x in range(width)])
        spread.append([
            statistics.fmean(
                statistics.median(abs(int(f[y, x, c]) - picture[y][x][c]) for f in frames) for c in range(3)
            )
            for x in range(width)
        ])  # fmt: skip
    return picture, spread


def loop_share(plane, box):
    """Count the foreground among the known pixels that a box touches, one by one."""
    changed = known = 0
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            is_touched = math.floor(box[0]) <= x < math.ceil(box[2]) and math.floor(box[1]) <= y < math.ceil(box[3])
            if is_touched and plane[y, x] != 2:
                known += 1
                changed += int(plane[y, x] == 1)
    return changed / known if known else math.nan


def loop_regions(plane):
    """Close gaps of a pixel, walk through touching pixels, and draw a margin of a quarter around sixteen or more."""
    height, width = plane.shape

    def around(y, x):
        return [(b, a) for b in range(y - 1, y + 2) for a in range(x - 1, x + 2) if 0 <= b < height and 0 <= a < width]

    grown = {(y, x) for y in range(height) for x in range(width) if any(plane[b, a] == 1 for b, a in around(y, x))}
    left = {(y, x) for y in range(height) for x in range(width) if all(place in grown for place in around(y, x))}
    found = []
    while left:
        part, todo = [], [left.pop()]
        while todo:
            y, x = todo.pop()
            part.append((y, x))
            touching = [place for place in around(y, x) if place in left]
            left.difference_update(touching)
            todo.extend(touching)
        top, low = min(y for y, _ in part), max(y for y, _ in part) + 1
        near, far = min(x for _, x in part), max(x for _, x in part) + 1
        down, across = (low - top) / 4, (far - near) / 4
        if len(part) >= 16:
            found.append([near - across, top - down, far + across, low + down])
    return found
