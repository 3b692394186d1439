"""What a network sees of RGB pixels: all of them, their luma, or a drawn night camera's near infrared."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
# Long waves count for most, and dark cloth reflects more of them than of light.
INFRARED, INFRARED_POWER = (0.7, 0.2, 0.1), 0.7


def mixed(pixels: Tensor, shares: Sequence[float]) -> Tensor:
    """Return a weighted sum of the channels, three times.

    Args:
        pixels: (B, 3, H, W) RGB in any unit.
        shares: of red, green and blue.
    """
    weights = torch.tensor(shares, device=pixels.device, dtype=pixels.dtype).view(1, 3, 1, 1)
    return (pixels * weights).sum(1, keepdim=True).expand_as(pixels)


def grey(pixels: Tensor) -> Tensor:
    """Return the luma ``0.299 R + 0.587 G + 0.114 B``, three times.

    Args:
        pixels: (B, 3, H, W) RGB in any unit.

    Reference:
        Gupta, Hoffman, Malik. Cross modal distillation for supervision transfer. CVPR 2016: pairs of two modalities of
        one view teach across them. Pairs made from RGB alone are ours.
    """
    return mixed(pixels, LUMA)


def infrared(pixels: Tensor) -> Tensor:
    """Return ``(0.7 R + 0.2 G + 0.1 B)^0.7``, three times: a stand-in for a night camera, not a model of its optics.

    Args:
        pixels: (B, 3, H, W) RGB in 0..1.
    """
    return mixed(pixels, INFRARED).clamp(min=0.0).pow(INFRARED_POWER)


def rgb(pixels: Tensor) -> Tensor:
    """Return the pixels as they are."""
    return pixels


SIGHTS: Mapping[str, Callable[[Tensor], Tensor]] = {"rgb": rgb, "grey": grey, "infrared": infrared}
