"""What the losses on feature maps share: maps of one size, and the check that a network has a map at all."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.vectors import at_least_float32
from pipeline.types import NetworkShape, Taps


def channels_of(name: str, shape: NetworkShape, *, tap: str, whose: str) -> int:
    """Return the channels of one map.

    Args:
        name: of the objective, for the message.
        shape: of the network.
        tap: name of the map.
        whose: "student" or "teacher", for the message.

    Raises:
        ConfigError: the network has no such map; the message lists what it has.
    """
    if tap not in shape.maps:
        # Plain module names stay out of the list: there are hundreds of them.
        stages = [known for known in shape.maps if known == "last" or known.removeprefix("stage").isdigit()]
        found = f"{name} reads the map {tap!r}, which the {whose} does not have"
        if not stages:
            raise ConfigError(
                found, "objectives on logits or embeddings", "Several networks that speak as one have no maps."
            )
        raise ConfigError(
            found,
            f"one of {', '.join(stages)}, or a module name of its trunk",
            f"Name maps that both networks have in the settings of {name}.",
        )
    return shape.maps[tap]


def check_layers(name: str, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers of a setting as a tuple.

    Args:
        name: of the objective, for the message.
        layers: names of maps.

    Raises:
        ConfigError: there is none, or one stands twice.
    """
    if not layers or len(set(layers)) < len(layers):
        raise ConfigError(f"the layers of {name} are {list(layers)}", "at least one map, each once, such as [stage3]")
    return tuple(layers)


def matched_sizes(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Return both maps at the smaller height and the smaller width, by adaptive average pooling, at least in fp32.

    Args:
        student: (B, C, h, w).
        teacher: (B, C', h', w').

    Returns:
        (B, C, H, W) and (B, C', H, W) with H = min(h, h') and W = min(w, w').
    """
    size = (min(student.shape[2], teacher.shape[2]), min(student.shape[3], teacher.shape[3]))
    pooled = [
        values if tuple(values.shape[2:]) == size else F.adaptive_avg_pool2d(values, size)
        for values in (at_least_float32(student), at_least_float32(teacher))
    ]
    return pooled[0], pooled[1]


def paired_maps(student: Taps, teacher: Taps, layer: str) -> tuple[Tensor, Tensor]:
    """Return one map of both networks at one size; the teacher's without gradient.

    Args:
        student: taps of the student.
        teacher: taps of the teacher on the same images.
        layer: name of the map.
    """
    return matched_sizes(student.maps[layer], teacher.maps[layer].detach())
