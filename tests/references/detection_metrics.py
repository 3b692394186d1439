"""Slow detection metrics: loops over boxes as the papers write them; a frame is a dictionary of plain lists."""

import itertools
import math


def sides(box):
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def shared(a, b):
    return sides((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def loop_overlap(found, box, is_region, epsilon=0.0):
    """IoU, or the share of the detection for an ignore region; 0 where nothing is shared."""
    both = shared(found, box)
    whole = sides(found) if is_region else sides(found) + sides(box) - both
    return both / (whole + epsilon) if both > 0 else 0.0


def by_score(frame, limit=None):
    order = sorted(range(len(frame["scores"])), key=lambda i: -frame["scores"][i])
    return order[:limit]


def loop_match(found, boxes, ignore):
    """Caltech: walk over valid boxes, then over ignore regions; a later box wins a tie."""
    used, flags = set(), []
    order = sorted(range(len(boxes)), key=lambda j: ignore[j])
    for detection in found:
        best, pick = 0.5, None
        for j in order:
            if j in used or (pick is not None and not ignore[pick] and ignore[j]):
                continue
            overlap = loop_overlap(detection, boxes[j], ignore[j])
            if overlap >= best:
                best, pick = overlap, j
        if pick is None:
            flags.append(0)
        elif ignore[pick]:
            flags.append(-1)
        else:
            flags.append(1)
            used.add(pick)
    return flags


def loop_crowd_match(found, boxes, ignore):
    """CrowdHuman: strictly more than half, a denominator 1e-6 larger, the first box wins a tie."""
    used, flags = set(), []
    for detection in found:
        best, pick = 0.5, None
        for j, box in enumerate(boxes):
            if not ignore[j] and j not in used and loop_overlap(detection, box, False, 1e-6) > best:
                best, pick = loop_overlap(detection, box, False, 1e-6), j
        if pick is not None:
            used.add(pick)
            flags.append(1)
        else:
            regions = (b for b, out in zip(boxes, ignore, strict=True) if out)
            flags.append(-1 if any(loop_overlap(detection, b, True, 1e-6) > 0.5 for b in regions) else 0)
    return flags


def loop_curve(frames, flags, num_valid):
    """Return (fppi, miss) after each detection that is not ignored, and its flag, over all frames."""
    listed = [
        (-score, position, rank, flag)
        for position, (frame, row) in enumerate(zip(frames, flags, strict=True))
        for rank, (score, flag) in enumerate(zip(frame, row, strict=True))
        if flag >= 0
    ]
    points, true, false = [], 0, 0
    for *_, flag in sorted(listed):
        true, false = true + flag, false + (1 - flag)
        points.append((false / len(frames), 1 - true / num_valid, flag))
    return points


def loop_miss_rate(frames, height, visible, references):
    """MR^-2; a frame has boxes, heights, visible, ignore, found, scores."""
    scores, flags, num_valid = [], [], 0
    for frame in frames:
        columns = zip(frame["ignore"], frame["heights"], frame["visible"], strict=True)
        ignore = [o or not height[0] <= h <= height[1] or not visible[0] <= v <= visible[1] for o, h, v in columns]
        num_valid += ignore.count(False)
        tall = {i: frame["found"][i][3] - frame["found"][i][1] for i in by_score(frame, 1000)}
        kept = [i for i, h in tall.items() if height[0] / 1.25 <= h < height[1] * 1.25]
        flags.append(loop_match([frame["found"][i] for i in kept], frame["boxes"], ignore))
        scores.append([frame["scores"][i] for i in kept])
    points = loop_curve(scores, flags, num_valid)
    total = 0.0
    for reference in references:
        reached = [miss for fppi, miss, _ in points if fppi <= reference]
        total += math.log(max(reached[-1] if reached else 1.0, 1e-10))
    return math.exp(total / len(references))


def loop_crowdhuman(frames, references):
    """Return (AP, MR, JI)."""
    orders = [by_score(frame) for frame in frames]
    flags = [
        loop_crowd_match([frame["found"][i] for i in order], frame["boxes"], frame["ignore"])
        for frame, order in zip(frames, orders, strict=True)
    ]
    scores = [[frame["scores"][i] for i in order] for frame, order in zip(frames, orders, strict=True)]
    num_valid = sum(frame["ignore"].count(False) for frame in frames)
    points = loop_curve(scores, flags, num_valid)
    hits = list(itertools.accumulate(flag for *_, flag in points))
    curve = [(hit / num_valid, hit / rank) for rank, hit in enumerate(hits, 1)]
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(curve))
    logs = []
    for reference in references:
        reached = [miss for fppi, miss, _ in points if fppi >= reference]
        logs.append(math.log(max(reached[0] if reached else points[-1][1], 1e-10)))
    means = [loop_jaccard(frames, tenth / 10) for tenth in range(10)]
    return area, math.exp(sum(logs) / len(logs)), max(means)


def loop_jaccard(frames, threshold):
    values = []
    for frame in frames:
        found = [box for box, score in zip(frame["found"], frame["scores"], strict=True) if score > threshold]
        boxes = [box for box, out in zip(frame["boxes"], frame["ignore"], strict=True) if not out]
        regions = [box for box, out in zip(frame["boxes"], frame["ignore"], strict=True) if out]
        pairs = heaviest_pairs([[loop_overlap(d, b, False, 1e-6) for b in boxes] for d in found])
        inside = lambda box: any(loop_overlap(box, r, True, 1e-6) > 0.5 for r in regions)  # noqa: E731, B023
        left = [i for i, box in enumerate(found) if i in {row for row, _ in pairs} or not inside(box)]
        wanted = [j for j, box in enumerate(boxes) if j in {column for _, column in pairs} or not inside(box)]
        if left or wanted:
            values.append(len(pairs) / (len(left) + len(wanted) - len(pairs)))
    return sum(values) / len(values) if values else 0.0


def heaviest_pairs(overlaps, row=0, taken=()):
    """Try every one-to-one matching of pairs that overlap by more than half."""
    if row == len(overlaps):
        return []
    options = [heaviest_pairs(overlaps, row + 1, taken)]
    for column, overlap in enumerate(overlaps[row]):
        if overlap > 0.5 and column not in taken:
            options.append([(row, column), *heaviest_pairs(overlaps, row + 1, (*taken, column))])
    return max(options, key=lambda pairs: sum(overlaps[r][c] for r, c in pairs))


def loop_coco_ap(frames, threshold, areas=(0, 1e10)):
    """COCO's AP of one class at one IoU; ignore regions are crowds; None where no box counts."""
    scores, flags, num_valid = [], [], 0
    for frame in frames:
        crowd, boxes = frame["ignore"], frame["boxes"]
        out = [c or not areas[0] <= sides(b) <= areas[1] for c, b in zip(crowd, boxes, strict=True)]
        num_valid += out.count(False)
        order, used, row = by_score(frame, 100), set(), []
        for i in order:
            best, pick = threshold, None
            for j in sorted(range(len(boxes)), key=lambda j: out[j]):
                if (j in used and not crowd[j]) or (pick is not None and not out[pick] and out[j]):
                    continue
                overlap = loop_overlap(frame["found"][i], boxes[j], crowd[j])
                if overlap >= best:
                    best, pick = overlap, j
            if pick is None:
                row.append(0 if areas[0] <= sides(frame["found"][i]) <= areas[1] else -1)
            else:
                used.add(pick)
                row.append(-1 if out[pick] else 1)
        scores.append([frame["scores"][i] for i in order])
        flags.append(row)
    if not num_valid:
        return None
    hits = list(itertools.accumulate(flag for *_, flag in loop_curve(scores, flags, num_valid)))
    curve = [(hit / num_valid, hit / rank) for rank, hit in enumerate(hits, 1)]
    best = [max((p for r, p in curve if r >= step * 0.01), default=0.0) for step in range(101)]
    return sum(best) / 101
