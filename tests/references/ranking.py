"""Slow ranking evaluators: a loop over sorted Python lists, and the matrix form that public evaluators share."""

import math

import numpy as np


def loop_distance(query, row, metric):
    if metric == "euclidean":
        return math.sqrt(sum((float(a) - float(b)) ** 2 for a, b in zip(query, row, strict=True)))
    lengths = [math.sqrt(sum(float(a) ** 2 for a in vector)) for vector in (query, row)]
    return 1.0 - sum(float(a) * float(b) for a, b in zip(query, row, strict=True)) / (lengths[0] * lengths[1])


def loop_hits(distances, query, gallery, cameras="discard_same", ties="stable"):
    """Return the kept rows of one query as booleans in ranked order; query and gallery rows are (id, camera)."""
    kept = []
    for index, (distance, (person, camera)) in enumerate(zip(distances, gallery, strict=True)):
        is_match = person == query[0] and person >= 0
        known = query[1] >= 0 and camera >= 0
        if person < 0 or (cameras == "discard_same" and is_match and known and camera == query[1]):
            continue
        second = {"stable": 0, "pessimistic": int(is_match), "optimistic": int(not is_match)}[ties]
        kept.append((distance, second, index, is_match))
    return [is_match for _, _, _, is_match in sorted(kept)]


def loop_average_precision(hits, ap):
    """Walk down the ranked list as the evaluation code of Market-1501 does, or sum the precision at the hits."""
    area, found, old_recall, old_precision, steps = 0.0, 0, 0.0, 1.0, []
    for rank, is_hit in enumerate(hits, 1):
        found += is_hit
        recall, precision = found / sum(hits), found / rank
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
        if is_hit:
            steps.append(precision)
    return area if ap == "trapezoid" else sum(steps) / len(steps)


def loop_ranking(distances, query, gallery, *, ap="step", cameras="discard_same", ties="stable", top_k=(1, 5, 10)):
    """Return mAP, CMC, mINP and the number of skipped queries from a (Q, G) table of distances."""
    values, first, inp, skipped = [], [], [], 0
    for row, who in zip(distances, query, strict=True):
        hits = loop_hits(row, who, gallery, cameras, ties)
        if not any(hits):
            skipped += 1
            continue
        values.append(loop_average_precision(hits, ap))
        first.append(hits.index(True) + 1)
        last = max(rank for rank, is_hit in enumerate(hits, 1) if is_hit)
        inp.append(sum(hits) / last)
    mean = lambda numbers: sum(numbers) / len(numbers)  # noqa: E731
    cmc = {k: mean([rank <= k for rank in first]) for k in top_k}
    return {"mAP": mean(values), "cmc": cmc, "mINP": mean(inp), "skipped": skipped}


def published_form(distances, query_ids, gallery_ids, query_cameras, gallery_cameras, top_k=(1, 5, 10)):
    """Evaluate by one stable argsort of the whole matrix, cumulative sums and precision at the hits."""
    order = np.argsort(distances, axis=1, kind="stable")
    matches = gallery_ids[order] == query_ids[:, None]
    curves, precisions, inverse = [], [], []
    for row in range(len(query_ids)):
        junk = matches[row] & (gallery_cameras[order[row]] == query_cameras[row])
        kept = matches[row][~junk]
        if not kept.any():
            continue
        curves.append([kept[:k].any() for k in top_k])
        cumulative = np.cumsum(kept)
        precisions.append((cumulative / np.arange(1, len(kept) + 1))[kept].mean())
        inverse.append(kept.sum() / (np.flatnonzero(kept)[-1] + 1))
    cmc = dict(zip(top_k, np.mean(curves, axis=0), strict=True))
    return {"mAP": np.mean(precisions), "cmc": cmc, "mINP": np.mean(inverse)}
