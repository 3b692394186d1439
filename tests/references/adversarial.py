"""Loop twins of adversarial distillation, on lists of Python floats."""

import math
from collections.abc import Sequence


def probability(score: float) -> float:
    return 1.0 / (1.0 + math.exp(-score))


def deception(scores: Sequence[float]) -> float:
    return sum(-math.log(probability(score)) for score in scores) / len(scores)


def discrimination(teacher: Sequence[float], student: Sequence[float]) -> float:
    right = sum(-math.log(probability(score)) for score in teacher) / len(teacher)
    return right + sum(-math.log(1.0 - probability(score)) for score in student) / len(student)
