"""Slow twins of the strip functions: plain loops."""

import math


def choose_strips(before, after, count):
    left = [i for i in range(len(before)) if math.isfinite(before[i]) and math.isfinite(after[i])]
    ordered = []
    while left:
        best = left[0]
        for i in left:
            if after[i] - before[i] > after[best] - before[best]:
                best = i
        ordered.append(best)
        left.remove(best)
    count = min(count, len(ordered))
    if count <= 1:
        return ordered[:count]
    return [ordered[round(place * (len(ordered) - 1) / (count - 1))] for place in range(count)]


def top_ranked(distances, junk, count):
    chosen = []
    for _ in range(count):
        best = None
        for i in range(len(distances)):
            if not junk[i] and i not in chosen and (best is None or distances[i] < distances[best]):
                best = i
        if best is not None:
            chosen.append(best)
    return chosen


def thin_out(x, y, limit):
    if len(x) <= limit:
        return list(x), list(y)
    size = math.ceil(len(x) / limit)
    parts = [range(start, min(start + size, len(x))) for start in range(0, len(x), size)]
    return [sum(x[i] for i in p) / len(p) for p in parts], [sum(y[i] for i in p) / len(p) for p in parts]
