"""Augmentations for street frames: what moves boxes is drawn here, what changes pixels alone is albumentations'.

albumentations refuses boxes that leave the image, which full extents of people at the border do.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.frame_boxes import Geometry
from datasets.transforms import Augment, Transforms
from pipeline.errors import ConfigError

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # its import would ask the internet for a newer version

import albumentations as A

_GEOMETRY_STREAM = 1  # separates the two random streams of one seed
_SCALES = (0.6, 1.6)
_CUTOUT_FILL = (124.0, 116.0, 104.0)  # the mean colour of ImageNet, which models see as zero


@dataclass(frozen=True)
class FrameAugment:
    """A random geometry, then random changes of the pixels; both depend on the seed and the frame's size alone.

    Args:
        can_flip: whether every second frame is flipped.
        scales: smallest and largest factor; above 1 a window of the frame is enlarged to its size, below 1 the frame
            gets smaller.
        photometric: changes pixels and moves nothing.
    """

    can_flip: bool
    scales: tuple[float, float]
    photometric: Augment

    def geometry(self, size: tuple[int, int], seed: int) -> Geometry:
        """Draw the window of a frame.

        Args:
            size: height and width of the frame.
            seed: 0..2^64 - 1.
        """
        flip, scale, down, across = np.random.default_rng([seed, _GEOMETRY_STREAM]).random(4).tolist()
        low, high = np.log(self.scales)
        factor = float(np.exp(low + scale * (high - low)))  # enlarging and shrinking by 1.5 are equally probable
        enlarged, shrunk = max(factor, 1.0), min(factor, 1.0)
        height, width = (max(1, round(side / enlarged)) for side in size)
        top, left = int(down * (size[0] - height + 1)), int(across * (size[1] - width + 1))
        out = (max(1, round(size[0] * shrunk)), max(1, round(size[1] * shrunk)))
        return Geometry((top, left, height, width), out, self.can_flip and flip < 0.5)


def _strong() -> Transforms:
    same = (1.0, 1.0)
    return [
        A.RandomBrightnessContrast(0.4, 0.4, brightness_by_max=False, p=0.8),
        A.ColorJitter(same, same, saturation=(0.5, 1.5), hue=(-0.06, 0.06), p=0.5),
        A.RandomGamma(gamma_limit=(60, 150), p=0.3),
        A.ToGray(p=0.1),
        A.GaussianBlur(blur_limit=0, sigma_limit=(0.3, 1.5), p=0.3),
        A.GaussNoise(std_range=(0.01, 0.06), p=0.2),
        A.CoarseDropout(
            num_holes_range=(1, 6),
            hole_height_range=(0.03, 0.2),
            hole_width_range=(0.02, 0.1),
            fill=_CUTOUT_FILL,
            p=0.5,
        ),
    ]


def _light() -> Transforms:
    return [A.RandomBrightnessContrast(0.15, 0.15, brightness_by_max=False, p=0.5)]


_FIXED = (1.0, 1.0)
# Whether frames flip, the range of scales, the changes of pixels.
# Made anew for each augmentation: two that shared transforms would share, and disturb, their random generator.
_PRESETS: dict[str, tuple[bool, tuple[float, float], Callable[[], Transforms]]] = {
    "none": (False, _FIXED, list),
    "weak": (True, _FIXED, list),
    "standard": (True, _SCALES, _light),
    "strong": (True, _SCALES, _strong),
}
FRAME_PRESETS = tuple(_PRESETS)


def build_frame_transform(preset: str, *, scales: tuple[float, float] | None = None) -> FrameAugment:
    """Build the augmentation of a preset.

    'none' changes nothing; 'weak' flips; 'standard' also scales by 0.6 to 1.6 (enlarged frames are cropped) and changes
    the light a little; 'strong' has the geometry of 'standard' with strong colour changes, grey, blur, noise and
    cut-out holes on top.

    Args:
        preset: one of FRAME_PRESETS.
        scales: smallest and largest factor, 0.1..10; None takes the preset's.

    Raises:
        ConfigError: an unknown preset or a range outside its limits.

    Reference:
        The weak and the strong view follow Liu et al., "Unbiased Teacher for Semi-Supervised Object Detection", ICLR
        2021; the ranges are ours.
    """
    if preset not in _PRESETS:
        raise ConfigError(f"frame augmentation {preset!r}", f"one of {', '.join(_PRESETS)}")
    can_flip, preset_scales, transforms = _PRESETS[preset]
    chosen = preset_scales if scales is None else scales
    if not 0.1 <= chosen[0] <= chosen[1] <= 10:
        raise ConfigError(f"scales {tuple(chosen)}", "a smallest and a largest factor in 0.1..10")
    return FrameAugment(can_flip, (float(chosen[0]), float(chosen[1])), Augment(transforms()))
