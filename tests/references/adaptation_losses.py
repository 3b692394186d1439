"""Loop twins of the losses between domains, on lists of Python floats."""

import math
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]
VARIANCES = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 5, 10, 15, 20, 25, 30, 35, 100, 1e3, 1e4, 1e5, 1e6]


def squared(a: Sequence[float], b: Sequence[float]) -> float:
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))


def mmd(source: Matrix, target: Matrix, kernels: int = 5) -> float:
    rows = [*source, *target]
    mean = sum(squared(a, b) for a in rows for b in rows) / (len(rows) * (len(rows) - 1))
    widths = [mean / 2 ** (kernels // 2) * 2**k for k in range(kernels)]

    def kernel(a: Sequence[float], b: Sequence[float]) -> float:
        return sum(math.exp(-squared(a, b) / width) for width in widths)

    def average(first: Matrix, second: Matrix) -> float:
        return sum(kernel(a, b) for a in first for b in second) / (len(first) * len(second))

    return average(source, source) + average(target, target) - 2 * average(source, target)


def fixed_kernel_mmd(source: Matrix, target: Matrix) -> float:
    def average(first: Matrix, second: Matrix) -> float:
        values = [math.exp(-squared(a, b) / (2 * v)) for a in first for b in second for v in VARIANCES]
        return sum(values) / (len(first) * len(second))

    return average(source, source) + average(target, target) - 2 * average(source, target)


def pair_distances(features: Matrix, groups: Sequence[int]) -> tuple[list[list[float]], list[list[float]]]:
    units = []
    for row in features:
        length = math.sqrt(sum(x * x for x in row))
        units.append([x / length for x in row])
    within, between = [], []
    for i in range(len(units)):
        for j in range(i + 1, len(units)):
            if groups[i] < 0 or groups[j] < 0:
                continue
            (within if groups[i] == groups[j] else between).append([math.sqrt(squared(units[i], units[j]))])
    return within, between


def dmmd_scalar(source: Matrix, target: Matrix, source_groups: Sequence[int], target_groups: Sequence[int]) -> float:
    total = mmd(source, target)
    ours, theirs = pair_distances(source, source_groups), pair_distances(target, target_groups)
    for first, second in zip(ours, theirs, strict=True):
        if first and second:
            total += mmd(first, second)
    return total


def adversarial(source: Sequence[float], target: Sequence[float]) -> float:
    ones = sum(-math.log(1 / (1 + math.exp(-score))) for score in source) / len(source)
    zeros = sum(-math.log(1 - 1 / (1 + math.exp(-score))) for score in target) / len(target)
    return ones + zeros
