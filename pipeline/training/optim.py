"""Optimizers, the learning-rate schedule, and optimizer state as plain named tensors."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from pipeline.errors import CheckpointError


def warmup_cosine(step: int, *, total: int, warmup: int, floor: float = 0.01) -> float:
    """Return the factor on the base rate: linear warm-up, then half a cosine down to `floor`.

    Args:
        step: 0-based update.
        total: number of updates of the stage.
        warmup: updates of linear growth.
        floor: last factor, in 0..1.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, total - warmup)
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))


def build_optimizer(module: nn.Module, *, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW over the trainable parameters; vectors (norms, biases, GeM's p) are not decayed.

    Args:
        module: everything that learns together.
        lr: base learning rate.
        weight_decay: decoupled decay of matrices and kernels.
    """
    matrices = [p for p in module.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in module.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, weight_decay=weight_decay)


def build_sgd(module: nn.Module, *, lr: float, weight_decay: float, momentum: float, nesterov: bool) -> torch.optim.SGD:
    """Return stochastic gradient descent over the trainable parameters, all of them decayed as in the papers.

    Args:
        module: everything that learns together.
        lr: base learning rate.
        weight_decay: added to the gradient, that of vectors included.
        momentum: in 0..1.
        nesterov: look ahead by the momentum.
    """
    learning = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.SGD(learning, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set one rate for all groups."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as 'position.key' → tensor, in the order of its parameters."""
    tensors: dict[str, Tensor] = {}
    for position, parameter in enumerate(_parameters(optimizer)):
        for key, value in sorted(optimizer.state.get(parameter, {}).items()):
            if value is None:
                continue  # descent without momentum keeps an empty place for it
            tensors[f"{position}.{key}"] = value if isinstance(value, Tensor) else torch.tensor(float(value))
    return tensors


def load_optimizer_tensors(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `optimizer_tensors` returned.

    Raises:
        CheckpointError: the state belongs to other parameters.
    """
    parameters = list(_parameters(optimizer))
    for name, value in tensors.items():
        position, key = name.split(".", 1)
        if int(position) >= len(parameters):
            raise CheckpointError(
                f"optimizer state for parameter {position} of {len(parameters)}",
                "the state of the same network",
                "Start the stage again with --restart.",
            )
        parameter = parameters[int(position)]
        # AdamW's step counter stays on the CPU; moments live beside their parameter.
        place = value.clone() if value.ndim == 0 else value.to(parameter.device).clone()
        optimizer.state[parameter][key] = place


def _parameters(optimizer: torch.optim.Optimizer) -> Iterable[Tensor]:
    for group in optimizer.param_groups:
        yield from group["params"]
