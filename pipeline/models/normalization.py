"""IBN: instance and batch normalisation side by side in ResNet-like trunks, built from plain batch norms."""

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError

IBN_VARIANTS = ("none", "a", "b")


class InstanceBatchNorm(nn.Module):
    """Normalise the first half of the channels by instance and the rest by batch.

    Args:
        source: plain batch norm whose scale, shift and running statistics are taken over.
    """

    def __init__(self, source: nn.BatchNorm2d) -> None:
        super().__init__()
        self.split = source.num_features // 2
        rest = source.num_features - self.split
        self.instance_norm = nn.InstanceNorm2d(self.split, eps=source.eps, affine=True)
        self.batch_norm = nn.BatchNorm2d(rest, eps=source.eps, momentum=source.momentum)
        with torch.no_grad():
            self.instance_norm.weight.copy_(source.weight[: self.split])
            self.instance_norm.bias.copy_(source.bias[: self.split])
            self.batch_norm.weight.copy_(source.weight[self.split :])
            self.batch_norm.bias.copy_(source.bias[self.split :])
            for name in ("running_mean", "running_var"):
                getattr(self.batch_norm, name).copy_(getattr(source, name)[self.split :])

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, h, w)."""
        first, rest = x[:, : self.split], x[:, self.split :]
        return torch.cat([self.instance_norm(first.contiguous()), self.batch_norm(rest.contiguous())], dim=1)


def apply_ibn(network: nn.Module, variant: str) -> nn.Module:
    """Turn a ResNet-like network (``bn1``, ``layer1`` .. ``layer4``) into its IBN variant, in place.

    Variant a replaces the first norm of every block of layers 1 to 3 by half instance and half batch norm. Variant b
    uses instance norm in the stem and after the residual sum that ends layers 1 and 2.

    Args:
        network: timm ResNet, pretrained or not.
        variant: ``none``, ``a`` or ``b``.

    Returns:
        The same network.

    Raises:
        ConfigError: the variant is unknown or the network has no such layers.

    Reference:
        Pan et al. Two at once: enhancing learning and generalization capacities via IBN-Net. ECCV 2018.
        We start from the weights of plain batch norms; the paper trains from scratch.
    """
    if variant not in IBN_VARIANTS:
        raise ConfigError(f"ibn is {variant!r}", f"one of {', '.join(IBN_VARIANTS)}")
    if variant == "none":
        return network
    stages = [getattr(network, f"layer{i}", None) for i in (1, 2, 3)]
    if not all(isinstance(stage, nn.Sequential) and hasattr(stage[0], "bn1") for stage in stages):
        raise ConfigError(
            f"ibn {variant!r} cannot be applied to {type(network).__name__}",
            "a ResNet-like trunk with layer1 to layer4",
            "Use a timm ResNet, or osnet_ibn_x1_0 / osnet_ain_x1_0 for a small network, or set ibn to none.",
        )
    if variant == "a":
        for stage in stages:
            for block in stage:  # type: ignore[union-attr]
                block.bn1 = InstanceBatchNorm(_plain(block.bn1, "bn1"))
        return network
    network.bn1 = instance_from_batch_norm(_plain(network.bn1, "bn1"))
    for stage in stages[:2]:
        _norm_after_sum(stage[-1])  # type: ignore[index]
    return network


def instance_from_batch_norm(source: nn.BatchNorm2d) -> nn.InstanceNorm2d:
    """Return an instance norm with the scale and shift of a batch norm.

    Args:
        source: plain batch norm; its running statistics are dropped.
    """
    norm = nn.InstanceNorm2d(source.num_features, eps=source.eps, affine=True)
    with torch.no_grad():
        norm.weight.copy_(source.weight)
        norm.bias.copy_(source.bias)
    return norm


def _plain(norm: object, name: str) -> nn.BatchNorm2d:
    if type(norm) is not nn.BatchNorm2d:
        raise ConfigError(
            f"the layer {name} is a {type(norm).__name__}", "a plain BatchNorm2d", "Set ibn to none for this trunk."
        )
    return norm


def _norm_after_sum(block: nn.Module) -> None:
    # The last activation of a residual block follows the sum, so a norm put before it sees the sum.
    activation = "act3" if hasattr(block, "act3") else "act2"
    last_norm = block.bn3 if hasattr(block, "bn3") else block.bn2
    assert isinstance(last_norm, nn.BatchNorm2d), f"unexpected last norm {type(last_norm).__name__}"
    norm = nn.InstanceNorm2d(last_norm.num_features, eps=last_norm.eps, affine=True)
    setattr(block, activation, nn.Sequential(norm, getattr(block, activation)))
