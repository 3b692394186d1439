"""Loop twins of the aggregation of feature maps, on nested lists of Python floats, and of the held-out crops."""

import math
from collections.abc import Sequence

Map = Sequence[Sequence[Sequence[float]]]


def softmax(parameters: Sequence[float]) -> list[float]:
    total = sum(math.exp(value) for value in parameters)
    return [math.exp(value) / total for value in parameters]


def free(parameters: Sequence[float]) -> list[float]:
    return [value / sum(abs(other) for other in parameters) for value in parameters]


def aggregate(maps: Sequence[Sequence[Map]], weights: Sequence[float]) -> list:
    """maps[j][image][channel][y][x]"""
    return [
        [
            [
                [sum(w * one[b][c][y][x] for w, one in zip(weights, maps, strict=True)) for x in range(len(row))]
                for y, row in enumerate(channel)
            ]
            for c, channel in enumerate(image)
        ]
        for b, image in enumerate(maps[0])
    ]


def squared_error(first: Sequence[Map], second: Sequence[Map]) -> float:
    total, count = 0.0, 0
    for ours, theirs in zip(first, second, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            for left, right in zip(a, b, strict=True):
                for x, y in zip(left, right, strict=True):
                    total += (x - y) ** 2
                    count += 1
    return total / count


def cross_entropy(logits: Sequence[Sequence[float]], labels: Sequence[int]) -> float:
    return -sum(math.log(softmax(row)[label]) for row, label in zip(logits, labels, strict=True)) / len(labels)


def over_stages(losses: Sequence[float]) -> float:
    """The last stage counts once, each before it half as much as the next."""
    total = 0.0
    for loss in losses:
        total = total / 2 + loss
    return total


def check_held_out(labels: Sequence[int], cameras: Sequence[int], is_held_out: Sequence[bool], share: float) -> None:
    """Assert what has to hold for each person."""
    for person in sorted(set(labels)):
        own = [i for i, label in enumerate(labels) if label == person]
        out = [i for i in own if is_held_out[i]]
        if person < 0:
            assert not out
        elif len({cameras[i] for i in own}) > 1:
            assert len({cameras[i] for i in out}) == 1
            assert not {cameras[i] for i in own if not is_held_out[i]} & {cameras[i] for i in out}
        else:
            wanted = max(1, math.floor(share * len(own) + 0.5))
            assert len(out) == min(wanted, len(own) - 1)
