"""The image operations of augmentation policies, each with what its largest magnitude means."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image
from torchvision.transforms import functional as F

Picture = Image.Image


@dataclass(frozen=True)
class Operation:
    """One operation and its reach.

    Args:
        apply: changes a picture by a value.
        reach: the value at magnitude 1.0 of the scale.
        is_signed: whether the value's sign is drawn.
    """

    apply: Callable[[Picture, float], Picture]
    reach: float = 0.0
    is_signed: bool = False

    def __call__(self, picture: Picture, share: float, *, is_negative: bool) -> Picture:
        """Return the changed picture.

        Args:
            picture: RGB.
            share: of the reach, 0 or above.
            is_negative: whether a signed value is negative.
        """
        value = self.reach * share
        return self.apply(picture, -value if self.is_signed and is_negative else value)


def _affine(
    picture: Picture, *, shear: tuple[float, float] = (0, 0), translate: tuple[float, float] = (0, 0)
) -> Picture:
    degrees = [math.degrees(math.atan(part)) for part in shear]
    width, height = picture.size
    moved = [int(translate[0] * width), int(translate[1] * height)]
    # Shears turn about the upper left corner, as published.
    return F.affine(
        picture, angle=0.0, translate=moved, scale=1.0, shear=degrees, center=[0, 0] if any(shear) else None
    )


def _factor(value: float) -> float:
    # Past the scale's end a factor would turn negative, and the picture inside out.
    return max(0.0, 1.0 + value)


_LONG = 150.0 / 331.0  # of a side, as published
_COLOUR = 0.9
OPERATIONS: Mapping[str, Operation] = {
    "Identity": Operation(lambda picture, value: picture),
    "ShearX": Operation(lambda picture, value: _affine(picture, shear=(value, 0)), 0.3, is_signed=True),
    "ShearY": Operation(lambda picture, value: _affine(picture, shear=(0, value)), 0.3, is_signed=True),
    "TranslateX": Operation(lambda picture, value: _affine(picture, translate=(value, 0)), _LONG, is_signed=True),
    "TranslateY": Operation(lambda picture, value: _affine(picture, translate=(0, value)), _LONG, is_signed=True),
    "Rotate": Operation(lambda picture, value: F.rotate(picture, value), 30.0, is_signed=True),
    "Brightness": Operation(lambda p, value: F.adjust_brightness(p, _factor(value)), _COLOUR, is_signed=True),
    "Color": Operation(lambda p, value: F.adjust_saturation(p, _factor(value)), _COLOUR, is_signed=True),
    "Contrast": Operation(lambda p, value: F.adjust_contrast(p, _factor(value)), _COLOUR, is_signed=True),
    "Sharpness": Operation(lambda p, value: F.adjust_sharpness(p, _factor(value)), _COLOUR, is_signed=True),
    "Posterize": Operation(lambda p, value: F.posterize(p, max(1, 8 - round(value))), 4.0),
    "Solarize": Operation(lambda p, value: F.solarize(p, max(0.0, 255.0 - value)), 255.0),
    "AutoContrast": Operation(lambda picture, value: F.autocontrast(picture)),
    "Equalize": Operation(lambda picture, value: F.equalize(picture)),
    "Invert": Operation(lambda picture, value: F.invert(picture)),
}
RAND_AUGMENT = tuple(name for name in OPERATIONS if name != "Invert")
# Clothing is the evidence of re-ID: no operation that replaces colours, no strong ones, and people stay upright.
REID_REACH: Mapping[str, float] = {
    "Identity": 0.0, "ShearX": 0.1, "TranslateX": 0.1, "TranslateY": 0.1, "Rotate": 10.0, "Brightness": 0.3,
    "Contrast": 0.3, "Color": 0.2, "Sharpness": 0.5,
}  # fmt: skip
