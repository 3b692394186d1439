"""The slow twins of the search for a structure: loops over entries, and all combinations one by one."""

import itertools
import math


def relative_error(predicted, wanted):
    """mean |Y - Y'| / std(Y) over lists of numbers."""
    mean = sum(wanted) / len(wanted)
    variance = 0.0
    error = 0.0
    for ours, theirs in zip(predicted, wanted, strict=True):
        error += abs(ours - theirs)
        variance += (theirs - mean) ** 2
    return error / len(wanted) / math.sqrt(variance / len(wanted))


def squared_error(predicted, wanted):
    """|Y - Y'|^2 / K of each image, averaged."""
    total = 0.0
    for ours, theirs in zip(predicted, wanted, strict=True):
        total += sum((a - b) ** 2 for a, b in zip(ours, theirs, strict=True)) / len(theirs)
    return total / len(wanted)


def best_combination(ranks, macs, budget):
    """(rank, macs, picks) of the best one within the budget, of equal ones the cheapest; None without any."""
    best = None
    for picks in itertools.product(*(range(len(own)) for own in ranks)):
        cost, rank, before = 0, 0.0, 0
        for table, own, pick in zip(macs, ranks, picks, strict=True):
            cost += int(table[before][pick])
            rank += own[pick]
            before = pick
        if cost <= budget and (best is None or (rank, cost, picks) < best):
            best = (rank, cost, picks)
    return best
