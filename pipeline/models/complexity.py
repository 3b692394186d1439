"""Size and cost of a network: parameters and multiply-adds."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(model: nn.Module, *, with_classifier: bool = False) -> int:
    """Count the numbers that a model stores as parameters; a tensor used twice counts once.

    Args:
        model: any network.
        with_classifier: also count modules named ``classifier``; they are thrown away after training.
    """
    classifier = {id(p) for name, p in model.named_parameters() if "classifier" in name.split(".")}
    return sum(p.numel() for p in model.parameters() if with_classifier or id(p) not in classifier)


def cost_of(model: nn.Module) -> tuple[int, int]:
    """Return parameters and multiply-adds of a network that embeds; an int8 network brings its own.

    Args:
        model: has a `size`.
    """
    known = getattr(model, "params", None), getattr(model, "macs", None)
    if isinstance(known[0], int) and isinstance(known[1], int):
        return known[0], known[1]
    return count_parameters(model), count_macs(model, model.size)  # type: ignore[arg-type]


def count_macs(model: nn.Module, size: tuple[int, int]) -> int:
    """Count the multiply-adds of convolutions and matrix products for one image.

    Normalisation, activation and pooling are not counted, as in the published numbers of most networks.

    Args:
        model: network that takes (1, 3, height, width); run in eval mode.
        size: (height, width) in pixels.

    Returns:
        Multiply-adds; one multiplication with one addition counts as one.
    """
    was_training = {module: module.training for module in model.modules()}
    device = next(model.parameters()).device
    model.eval()
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            forward = getattr(model, "embed", model)
            forward(torch.zeros(1, 3, *size, device=device))
    finally:
        for module, training in was_training.items():
            module.training = training
    return counter.get_total_flops() // 2
