"""Dense, looping definitions of k-reciprocal Jaccard distances, plain, camera-aware and blended for re-ranking."""

import math

import numpy as np


def squared(features):
    rows = np.asarray(features, dtype=np.float64)
    return ((rows[:, None] - rows[None]) ** 2).sum(-1)


def ranked(distances, i, allowed):
    """Return the allowed rows by distance and position, row i itself first when it is allowed."""
    return sorted(allowed, key=lambda j: (j != i, distances[i, j], j))


def reciprocal_set(lists, i):
    return {j for j in lists[i] if i in lists[j]}


def plain_sets(lists, k1, extra):
    longer = [row[: k1 + extra] for row in lists]
    half = [row[: round(k1 / 2) + 1] for row in lists]
    sets = []
    for i in range(len(lists)):
        own = reciprocal_set(longer, i)
        grown = set(own)
        for candidate in own:
            theirs = reciprocal_set(half, candidate)
            if len(theirs & own) > 2 / 3 * len(theirs):
                grown |= theirs
        sets.append(grown)
    return sets


def encode(distances, sets, nearest):
    """Return the (N, N) weights after averaging over each row's nearest list."""
    count = len(sets)
    weights = np.zeros((count, count))
    for i, members in enumerate(sets):
        total = sum(math.exp(-distances[i, j]) for j in members)
        for j in members:
            weights[i, j] = math.exp(-distances[i, j]) / total
    return np.array([np.mean([weights[j] for j in row], axis=0) for row in nearest])


def compare(weights):
    count = len(weights)
    result = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            shared = np.minimum(weights[i], weights[j]).sum()
            result[i, j] = 1.0 - shared / (2.0 - shared)
    return np.maximum(result, 0.0)


def dense_jaccard(features, k1, k2, convention="clustering"):
    distances = squared(features)
    everyone = range(len(distances))
    lists = [ranked(distances, i, everyone) for i in everyone]
    sets = plain_sets(lists, k1, {"clustering": 0, "reranking": 1}[convention])
    return compare(encode(distances, sets, [row[:k2] for row in lists]))


def dense_camera_aware_jaccard(features, cameras, k1, k2):
    distances = squared(features)
    everyone = range(len(distances))
    intra = [ranked(distances, i, [j for j in everyone if cameras[j] == cameras[i]])[: k1[0] + 1] for i in everyone]
    inter = [ranked(distances, i, [j for j in everyone if cameras[j] != cameras[i]])[: k1[1] + 1] for i in everyone]
    sets = [reciprocal_set(intra, i) | reciprocal_set(inter, i) for i in everyone]
    nearest = [intra[i][: k2[0]] + inter[i][: k2[1]] for i in everyone]
    return compare(encode(distances, sets, nearest))


def dense_rerank(query, gallery, k1, k2, blend):
    distances = squared(np.concatenate([query, gallery]))
    distances = distances / distances.max(axis=1, keepdims=True)
    everyone = range(len(distances))
    lists = [ranked(distances, i, everyone) for i in everyone]
    jaccard = compare(encode(distances, plain_sets(lists, k1, 1), [row[:k2] for row in lists]))
    final = (1 - blend) * jaccard + blend * distances
    return final[: len(query), len(query) :]
