"""Slow twins of the small parts of reading footage: loops over lines, pixels and moments."""

import itertools
import statistics


def one_field(image):
    """Fill every other line with the mean of its neighbours."""
    result = image.copy()
    for row in range(1, len(image), 2):
        for column in range(image.shape[1]):
            for channel in range(3):
                above = int(image[row - 1, column, channel])
                below = int(image[row + 1, column, channel]) if row + 1 < len(image) else above
                result[row, column, channel] = (above + below + 1) // 2
    return result


def motion_share(before, now):
    """Count pixels that differ from the median change."""
    changes = [float(b) - float(a) for a, b in zip(before.ravel(), now.ravel(), strict=True)]
    middle = statistics.median(changes)
    return sum(abs(change - middle) > 12 for change in changes) / len(changes)


def spread_choice(motions, *, limit, interval, step):
    """Keep a list of (slot, motion, number) and take out one at a time."""
    kept = []
    for number, motion in enumerate(motions):
        slot = int(number * step // interval)
        if kept and kept[-1][0] == slot:
            if motion > kept[-1][1]:
                kept[-1] = (slot, motion, number)
            continue
        kept.append((slot, motion, number))
        if len(kept) <= limit:
            continue
        pool = [entry for entry in kept if entry[1] < 0.001] or kept
        if len(pool) == 1:
            kept.remove(pool[0])
            continue
        gaps = [(later[0] - earlier[0], place) for place, (earlier, later) in enumerate(itertools.pairwise(pool))]
        place = min(gaps)[1]
        earlier, later = pool[place], pool[place + 1]
        kept.remove(earlier if earlier[1] < later[1] else later)
    return [number for _, _, number in kept]
