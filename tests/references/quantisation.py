"""Rounding with a learned step, and who finds whom first, by plain loops."""

import math


def lsq(values, step, lower, upper, upstream):
    """Return rounded values, the gradient of each value and that of the step."""
    rounded, of_values, of_step = [], [], 0.0
    for value, slope in zip(values, upstream, strict=True):
        ratio = value / step
        rounded.append(round(min(max(ratio, lower), upper)) * step)
        if ratio < lower:
            of_values.append(0.0)
            of_step += slope * lower
        elif ratio > upper:
            of_values.append(0.0)
            of_step += slope * upper
        else:
            of_values.append(slope)
            of_step += slope * (round(ratio) - ratio)
    return rounded, of_values, of_step / math.sqrt(len(values) * upper)


def nearest(query, query_cameras, gallery, gallery_cameras):
    """Return the most similar row of another camera for each query, -1 without one."""
    found = []
    for vector, camera in zip(query, query_cameras, strict=True):
        best, place = -math.inf, -1
        for row, (other, seen_by) in enumerate(zip(gallery, gallery_cameras, strict=True)):
            similarity = sum(a * b for a, b in zip(vector, other, strict=True))
            if (camera < 0 or camera != seen_by) and similarity > best:
                best, place = similarity, row
        found.append(place)
    return found
