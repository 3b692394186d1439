"""Slow twins: images contracted to tracklets, pairs seen at once, and clusters split where they hold such a pair."""

import math


def nodes_by_loops(ids):
    """Return the lists of images of each node, by first image."""
    nodes, number = [], {}
    for image, name in enumerate(ids):
        if name >= 0 and name in number:
            nodes[number[name]].append(image)
            continue
        number[name] = len(nodes)
        nodes.append([image])
    return nodes


def mean_direction(rows):
    total = [sum(row[d] for row in rows) for d in range(len(rows[0]))]
    length = math.sqrt(sum(value * value for value in total))
    return [value / length for value in total]


def overlaps_by_loops(cameras, intervals):
    """Return the pairs of one known camera whose closed intervals meet; None is no interval."""
    pairs = []
    for i in range(len(cameras)):
        for j in range(i + 1, len(cameras)):
            if cameras[i] != cameras[j] or cameras[i] < 0 or intervals[i] is None or intervals[j] is None:
                continue
            (start, end), (other_start, other_end) = intervals[i], intervals[j]
            if max(start, other_start) <= min(end, other_end):
                pairs.append((i, j))
    return pairs


def parted_by_loops(labels, dense, apart, eps, min_size):
    """Join the members of each broken cluster anew; `dense` holds infinity where two nodes are too far apart."""
    forbidden = {frozenset(pair) for pair in apart}
    result = []
    for label in sorted(set(labels) - {-1}):
        members = [i for i in range(len(labels)) if labels[i] == label]
        if not any(frozenset((i, j)) in forbidden for i in members for j in members):
            result.append(members)
            continue
        result += [group for group in _joined(members, dense, forbidden, eps) if len(group) >= min_size]
    numbered = [-1] * len(labels)
    for number, group in enumerate(sorted(result, key=min)):
        for i in group:
            numbered[i] = number
    return numbered


def _joined(members, dense, forbidden, eps):
    groups = [[i] for i in members]
    tried = sorted((dense[i][j], i, j) for i in members for j in members if i < j and dense[i][j] <= eps)
    for _, i, j in tried:
        one = next(group for group in groups if i in group)
        other = next(group for group in groups if j in group)
        if one is other or any(frozenset((a, b)) in forbidden for a in one for b in other):
            continue
        groups = [group for group in groups if group is not one and group is not other] + [one + other]
    return groups
