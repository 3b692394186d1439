"""Last stride 1: keep the final map at one sixteenth of the image instead of one thirty-second."""

import copy

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError

TARGET_REDUCTION = 16


def feature_reduction(trunk: nn.Module, size: tuple[int, int]) -> int:
    """Return how many times smaller than the image the final map is.

    Args:
        trunk: network that returns a map (B, C, h, w).
        size: (height, width) of the probe image.
    """
    return round(size[0] / _probe(trunk, size).shape[-2])


def remove_last_stride(trunk: nn.Module, size: tuple[int, int]) -> None:
    """Set the stride of the last down-sampling to 1 in place, without dilation and without changing any weight.

    Which layers those are is found by running a probe image: every strided layer whose output is as small as the
    final map. A network that is already at one sixteenth is left alone.

    Args:
        trunk: network that returns a map (B, C, h, w).
        size: (height, width) of the probe image, multiples of 32.

    Raises:
        ConfigError: the down-sampling is done by a layer whose stride cannot be 1 (a patch embedding, a blur).

    Reference:
        Sun et al. Beyond part models: person retrieval with refined part pooling. ECCV 2018.
    """
    before = feature_reduction(trunk, size)
    if before <= TARGET_REDUCTION:
        return
    layers = _last_strided(trunk, size)
    for parent, name, layer in layers:
        setattr(parent, name, _without_stride(layer))
    try:
        after = feature_reduction(trunk, size)
    except RuntimeError:
        # The two branches of a block no longer fit together.
        after = before
    if after * 2 == before:
        return
    for parent, name, layer in layers:
        setattr(parent, name, layer)
    network = getattr(trunk, "body", trunk)
    raise ConfigError(
        f"last_stride 1 is not possible for {type(network).__name__}: its last down-sampling cannot be undone",
        "a trunk that shrinks by strided convolutions",
        "Set last_stride to 2, or take a ResNet, MobileNet, EfficientNet, RegNet or OSNet.",
    )


def _probe(trunk: nn.Module, size: tuple[int, int]) -> Tensor:
    parameter = next(trunk.parameters())
    was_training = trunk.training
    trunk.eval()
    with torch.no_grad():
        output = trunk(torch.zeros(1, 3, *size, device=parameter.device, dtype=parameter.dtype))
    trunk.train(was_training)
    return output


def _last_strided(trunk: nn.Module, size: tuple[int, int]) -> list[tuple[nn.Module, str, nn.Module]]:
    """Return (parent, name, layer) of every strided layer that produces the final resolution."""
    seen: list[tuple[nn.Module, int, int]] = []
    strided = (nn.Conv2d, nn.AvgPool2d, nn.MaxPool2d)

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append((module, inputs[0].shape[-2], output.shape[-2]))

    handles = [m.register_forward_hook(hook) for m in trunk.modules() if isinstance(m, strided)]
    final = _probe(trunk, size).shape[-2]
    for handle in handles:
        handle.remove()
    shrinking = {id(module) for module, before, after in seen if after == final and before == 2 * final}
    return [
        (parent, name, child)
        for parent in trunk.modules()
        for name, child in parent.named_children()
        if id(child) in shrinking
    ]


def _without_stride(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.AvgPool2d):
        # The shortcut of a ResNet-D averages 2 x 2 before a 1 x 1 convolution; without the stride nothing is left.
        return nn.Identity()
    changed = copy.copy(layer)
    changed.stride = (1, 1)  # type: ignore[assignment]
    return changed
