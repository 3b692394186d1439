"""Slow, literal versions of pairs, thresholds and open-set identification."""

import math


def cosine_distance(left, right):
    """Return 1 - cos, 1 where a vector has no direction."""
    dot = sum(float(a) * float(b) for a, b in zip(left, right, strict=True))
    norms = [math.sqrt(sum(float(a) ** 2 for a in vector)) for vector in (left, right)]
    return max(0.0, 1.0 - dot / (norms[0] * norms[1])) if all(norms) else 1.0


def pairs(features, ids, cameras, *, needs_common_camera=False):
    """Return the lists of pairs (i, j) of one person and of two people across cameras."""
    own, other = [], []
    for i in range(len(ids)):
        for j in range(i + 1, len(ids)):
            if ids[i] < 0 or ids[j] < 0 or (cameras[i] >= 0 and cameras[i] == cameras[j]):
                continue
            if ids[i] == ids[j]:
                own.append((i, j))
                continue
            first = {cameras[k] for k in range(len(ids)) if ids[k] == ids[i] and cameras[k] >= 0}
            second = {cameras[k] for k in range(len(ids)) if ids[k] == ids[j] and cameras[k] >= 0}
            if not needs_common_camera or first & second:
                other.append((i, j))
    return own, other


def threshold(impostors, rate):
    """Return the largest of the distances below which at most `rate` of them lie, or None below one pair in all."""
    if rate * len(impostors) < 1:
        return None
    fitting = [t for t in impostors if sum(d < t for d in impostors) <= rate * len(impostors) + 1e-6]
    return max(fitting)


def share_below(distances, limit):
    """Return the share of distances below a limit, None of none."""
    return sum(d < limit for d in distances) / len(distances) if distances else None


def open_set(distances, query_ids, query_cameras, gallery_ids, gallery_cameras, *, left_out):
    """Return by query: whether its person is in the gallery, its nearest own and its nearest other distance."""
    rows = []
    for q, row in enumerate(distances):
        kept = [g for g in range(len(gallery_ids)) if gallery_ids[g] >= 0 and gallery_ids[g] not in left_out]
        own = [
            row[g] for g in kept
            if gallery_ids[g] == query_ids[q] and (query_cameras[q] < 0 or gallery_cameras[g] != query_cameras[q])
        ]  # fmt: skip
        other = [row[g] for g in kept if gallery_ids[g] != query_ids[q]]
        rows.append((min(own, default=math.inf), min(other, default=math.inf)))
    return rows
