"""Slow twin: how plausible a gap between two cameras is, pair by pair and bin by bin."""

import math


def gaps_by_loops(labels, cameras, seconds, one, other):
    """Return all gaps from camera `one` to camera `other`, and those inside clusters; absolute ones in one camera."""
    everyone, inside = [], []
    for i in range(len(labels)):
        for j in range(len(labels)):
            if cameras[i] != one or cameras[j] != other or (one == other and j <= i):
                continue
            if math.isnan(seconds[i]) or math.isnan(seconds[j]):
                continue
            gap = seconds[j] - seconds[i]
            gap = abs(gap) if one == other else gap
            everyone.append(gap)
            if labels[i] >= 0 and labels[i] == labels[j]:
                inside.append(gap)
    return everyone, inside


def silverman(values):
    values, n = sorted(values), len(values)
    mean = sum(values) / n

    def quantile(share):
        place = share * (n - 1)
        low = math.floor(place)
        return values[low] + (place - low) * (values[min(low + 1, n - 1)] - values[low])

    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / n)
    return max(1.0, 0.9 * min(spread, (quantile(0.75) - quantile(0.25)) / 1.34) * n**-0.2)


def probability_by_loops(labels, cameras, seconds, one, other, gap, *, is_own=False, bins=256, prior=20.0):
    """Return the probability of one gap; `one` is not the larger camera number."""
    everyone, inside = gaps_by_loops(labels, cameras, seconds, one, other)
    if not inside:
        return 0.5
    bandwidth = silverman(inside)
    start, stop = min(inside) - 4 * bandwidth, max(inside) + 4 * bandwidth
    width = (stop - start) / bins
    near, around = (_counts(values, start, stop, bins) for values in (inside, everyone))

    def kernel_sum(counts, place):
        return sum(
            number * math.exp(-0.5 * ((there - place) * width / max(bandwidth, width)) ** 2)
            for there, number in counts.items()
        )

    def ratio(place, without):
        n, q = len(inside) - without, kernel_sum(around, place) / len(everyone)
        return max(0.0, kernel_sum(near, place) - without) / n / q if n > 0 and q > 0 else 1.0

    # Every gap of the background with its ratio, smallest first; beyond the bins it is 0.
    beyond = len(everyone) - sum(around.values())
    below = sorted([0.0] * beyond + [ratio(there, 0) for there, number in around.items() for _ in range(number)])
    wrong = min(1.0, below[math.ceil(0.25 * len(everyone)) - 1])
    place = math.floor((gap - start) / width)
    if not 0 <= place < bins:
        return prior / (len(inside) * (1 - wrong) + 2 * prior)
    n = len(inside) - is_own
    evidence = n * max(0.0, ratio(place, is_own) - wrong)
    return (evidence + prior) / (evidence + n * (1 - wrong) + 2 * prior)


def _counts(values, start, stop, bins):
    counts = {}
    for value in values:
        if start <= value <= stop:
            there = min(bins - 1, math.floor((value - start) / ((stop - start) / bins)))
            counts[there] = counts.get(there, 0) + 1
    return counts
