"""The self-paced reliability rule with sets of members instead of counts."""


def members(labels, i):
    return {i} if labels[i] < 0 else {j for j in range(len(labels)) if labels[j] == labels[i]}


def loop_overlap(labels, others, i):
    first, second = members(labels, i), members(others, i)
    return len(first & second) / len(first | second)


def loop_reliability(labels, tight, loose):
    count = range(len(labels))
    return [loop_overlap(labels, loose, i) for i in count], [loop_overlap(labels, tight, i) for i in count]


def loop_reliable(labels, tight, loose, threshold=None):
    """Return (stays, threshold); works on 1 - IoU with minima, as the rule was published."""
    count = range(len(labels))
    independence = [1 - loop_overlap(labels, loose, i) for i in count]
    compactness = [1 - loop_overlap(labels, tight, i) for i in count]
    clusters = sorted({label for label in labels if label >= 0})
    smallest = {c: min(independence[i] for i in count if labels[i] == c) for c in clusters}
    tightest = {c: min(compactness[i] for i in count if labels[i] == c) for c in clusters}
    if threshold is None:
        several = sorted(smallest[c] for c in clusters if sum(label == c for label in labels) > 1)
        threshold = several[min(len(several) - 1, round(len(several) * 0.9))] if several else 1.0
    stays = [
        labels[i] >= 0 and smallest[labels[i]] <= threshold and compactness[i] <= tightest[labels[i]] for i in count
    ]
    return stays, threshold
