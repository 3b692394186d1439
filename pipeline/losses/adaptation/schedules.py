"""Weights and rates that change with the epoch or with progress."""

import math

from pipeline.errors import ConfigError


def exponential_weight(epoch: int, *, first: float, last: float, epochs: int) -> float:
    """Return ``first * exp(g (epoch - 1))`` with ``g = ln(last / first) / epochs``.

    The end value is not reached: the weight of the last epoch is one step below it.

    Args:
        epoch: 1..epochs.
        first: weight of epoch 1, above 0.
        last: weight that epoch ``epochs + 1`` would have, above 0.
        epochs: length of the schedule.

    Raises:
        ConfigError: a weight is not above 0, or there is no epoch.

    Reference:
        Nguyen-Meidine et al. Joint progressive knowledge distillation and unsupervised domain adaptation. IJCNN 2020.
    """
    if first <= 0 or last <= 0 or epochs < 1:
        raise ConfigError(f"exponential schedule from {first} to {last} over {epochs} epochs", "numbers above 0")
    return first * math.exp(math.log(last / first) / epochs * (epoch - 1))


def linear_weight(epoch: int, *, first: float, last: float, epochs: int) -> float:
    """Return the straight line from ``first`` at epoch 1 to ``last`` at the last epoch.

    Args:
        epoch: 1..epochs.
        first: weight of epoch 1.
        last: weight of the last epoch.
        epochs: length of the schedule; 1 gives ``last``.
    """
    if epochs <= 1:
        return last
    share = min(max((epoch - 1) / (epochs - 1), 0.0), 1.0)
    return first + (last - first) * share


def constant_weight(epoch: int, *, first: float, last: float, epochs: int) -> float:
    """Return ``last`` at every epoch; it takes the arguments of the other schedules.

    Args:
        epoch: not read.
        first: not read.
        last: the weight.
        epochs: not read.
    """
    return last


def annealed_rate(epoch: int, *, base: float, epochs: int, slope: float = 10.0, power: float = 0.75) -> float:
    """Return ``base / (1 + slope (epoch - 1) / (epochs + 1))^power``, the usual rate of adversarial adaptation.

    Args:
        epoch: 1..epochs.
        base: rate of epoch 1.
        epochs: length of the schedule.
        slope: how fast it falls.
        power: how the fall flattens.

    Reference:
        Ganin et al. Domain-adversarial training of neural networks. JMLR 2016.
    """
    return base / (1.0 + slope * (epoch - 1) / (epochs + 1)) ** power


def reversal_strength(progress: float) -> float:
    """Return ``2 / (1 + exp(-10 p)) - 1``: 0 at the start, close to 1 at the end.

    Args:
        progress: share of all steps that are done, 0..1, over the whole training and not over one epoch.
    """
    return 2.0 / (1.0 + math.exp(-10.0 * progress)) - 1.0


WEIGHT_SCHEDULES = {"constant": constant_weight, "linear": linear_weight, "exponential": exponential_weight}
