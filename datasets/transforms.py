"""Augmentations of single images, person crops first of all; the only module that knows albumentations."""

import hashlib
import os
import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from datasets.policies import build_policy
from pipeline.errors import ConfigError

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # its import would ask the internet for a newer version

import albumentations as A


class Transform(Protocol):
    """One of albumentations' transforms, or what behaves as one."""

    def set_random_state(self, numpy_generator: np.random.Generator, python_generator: random.Random, /) -> Any:
        """Draw from these generators."""

    def __call__(self, *, image: np.ndarray) -> dict[str, Any]:
        """Return the changed image under 'image'."""


Transforms = list[Any]
# An erased box gets the mean colour of ImageNet, which models see as zero.
_ERASE_FILL = (124.0, 116.0, 104.0)


class Augment:
    """A fixed list of random transforms whose outcome depends on (image, seed) alone.

    Args:
        transforms: transforms that keep the image's size and type.
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        # Seeding a Compose gives each transform its own generator with the same seed (correlated draws, 15 us each);
        # here all share one pair of generators, which is set anew for every image.
        self._numpy = np.random.Generator(np.random.PCG64(0))
        self._state = dict(self._numpy.bit_generator.state)
        self._python = random.Random(0)
        self._transforms = transforms
        for transform in transforms:
            transform.set_random_state(self._numpy, self._python)

    def __call__(self, image: np.ndarray, seed: int) -> np.ndarray:
        """Return the augmented image.

        Args:
            image: (H, W, 3) uint8 RGB; not changed.
            seed: 0..2^64 - 1.

        Returns:
            (H, W, 3) uint8.
        """
        if not self._transforms:
            return image
        mixed = hashlib.blake2b(seed.to_bytes(8, "little"), digest_size=16).digest()
        self._state["state"]["state"] = int.from_bytes(mixed, "little")
        self._numpy.bit_generator.state = self._state
        self._python.seed(seed)
        for transform in self._transforms:
            image = transform(image=image)["image"]
        return image


def _no_transforms(size: tuple[int, int], erasing: float | None, colour: float | None) -> Transforms:
    return [*_colour(colour or 0.0), *_erasing(erasing or 0.0)]


def _weak_transforms(size: tuple[int, int], erasing: float | None, colour: float | None) -> Transforms:
    return [*_flip_and_shift(size), *_colour(colour or 0.0), *_erasing(erasing or 0.0)]


def _reid_transforms(size: tuple[int, int], erasing: float | None, colour: float | None) -> Transforms:
    return [
        *_flip_and_shift(size),
        *_colour(1.0 if colour is None else colour),
        *_erasing(0.5 if erasing is None else erasing),
    ]


def _strong_transforms(size: tuple[int, int], erasing: float | None, colour: float | None) -> Transforms:
    strength = 1.0 if colour is None else colour
    transforms = [*_flip_and_shift(size), *_colour(1.7 * strength, p=0.8)]
    if strength > 0:
        spread = min(30.0 * strength, 90.0)
        transforms += [
            _saturation_and_hue(min(0.25 * strength, 0.9), min(0.03 * strength, 0.5)),
            A.RandomGamma(gamma_limit=(100 - spread, 100 + spread), p=0.3),
            A.ToGray(p=0.05),
        ]
    sigma = size[0] / 128
    return [
        *transforms,
        A.GaussianBlur(blur_limit=0, sigma_limit=(0.3 * sigma, 1.0 * sigma), p=0.15),
        *_erasing(0.5 if erasing is None else erasing),
    ]


def _shift_transforms(size: tuple[int, int], erasing: float | None, colour: float | None) -> Transforms:
    return [*_pad_and_crop(size, pad=_eighth(size)), *_colour(colour or 0.0), *_erasing(erasing or 0.0)]


def _flip_crop_transforms(size: tuple[int, int], erasing: float | None, colour: float | None) -> Transforms:
    return [A.HorizontalFlip(p=0.5), *_shift_transforms(size, erasing, colour)]


def _resized_crop_transforms(size: tuple[int, int], erasing: float | None, colour: float | None) -> Transforms:
    crop = A.RandomResizedCrop(size=size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), p=1.0)
    return [A.HorizontalFlip(p=0.5), crop, *_colour(colour or 0.0), *_erasing(erasing or 0.0)]


PRESETS: dict[str, Callable[[tuple[int, int], float | None, float | None], Transforms]] = {
    "none": _no_transforms,
    "weak": _weak_transforms,
    "reid": _reid_transforms,
    "strong": _strong_transforms,
    "shift": _shift_transforms,
    "flip_crop": _flip_crop_transforms,
    "resized_crop": _resized_crop_transforms,
}


def build_transform(
    preset: str,
    *,
    size: tuple[int, int],
    erasing: float | None = None,
    colour: float | None = None,
    policy: str | None = None,
    magnitude: float | None = None,
    operations: int | None = None,
) -> Augment:
    """Build the augmentation of a preset.

    'none' changes nothing; 'weak' flips and shifts (pad, then crop); 'reid' adds mild colour changes and erasing;
    'strong' has wider colour changes, gamma, grey and blur besides. For images of classes: 'shift' moves by up to an
    eighth (digits must not be mirrored), 'flip_crop' flips and moves (the recipe of CIFAR), 'resized_crop' flips and
    cuts out a part of any size (that of ImageNet). A policy comes after these and before the erasing.

    Args:
        preset: a key of PRESETS.
        size: height and width of the crops.
        erasing: probability of random erasing, 0..1; None takes the preset's (0.5 in reid and strong, else 0).
        colour: factor on the colour changes, 0..3 (0 = none); None takes the preset's (1 in reid and strong, else 0).
        policy: a key of POLICIES, or None.
        magnitude: of the policy; None takes its own.
        operations: of the policy; None takes its own.

    Raises:
        ConfigError: an unknown preset or a number outside its range.

    Reference:
        Zhong et al., "Random Erasing Data Augmentation", AAAI 2020; pad-and-crop and probabilities as in Luo et al.,
        "Bag of Tricks and A Strong Baseline for Deep Person Re-identification", CVPRW 2019, padding in proportion.
    """
    if preset not in PRESETS:
        raise ConfigError(f"augmentation {preset!r}", f"one of {', '.join(PRESETS)}")
    if erasing is not None and not 0 <= erasing <= 1:
        raise ConfigError(f"erasing {erasing}", "a probability in 0..1")
    if colour is not None and not 0 <= colour <= 3:
        raise ConfigError(f"colour {colour}", "a factor in 0..3")
    transforms = PRESETS[preset](size, erasing, colour)
    if policy is not None:
        erased = [transform for transform in transforms if isinstance(transform, A.Erasing)]
        others = [transform for transform in transforms if not isinstance(transform, A.Erasing)]
        transforms = [*others, build_policy(policy, magnitude=magnitude, operations=operations), *erased]
    elif magnitude is not None or operations is not None:
        raise ConfigError("magnitude or operations without a policy", "a policy, such as randaugment")
    return Augment(transforms)


def _flip_and_shift(size: tuple[int, int]) -> Transforms:
    height = size[0]
    return [A.HorizontalFlip(p=0.5), *_pad_and_crop(size, pad=max(1, round(10 * height / 256)))]


def _pad_and_crop(size: tuple[int, int], *, pad: int) -> Transforms:
    height, width = size
    return [A.Pad(padding=pad, fill=0, p=1.0), A.RandomCrop(height=height, width=width, p=1.0)]


def _eighth(size: tuple[int, int]) -> int:
    return max(1, round(size[0] / 8))


def _colour(strength: float, *, p: float = 0.5) -> Transforms:
    if strength == 0:
        return []
    limit = min(0.15 * strength, 0.9)
    # Brightness moves by a share of the image's mean: dark crops stay dark.
    return [A.RandomBrightnessContrast(limit, limit, brightness_by_max=False, p=p)]


def _saturation_and_hue(saturation: float, hue: float) -> A.BasicTransform:
    same = (1.0, 1.0)  # a colour jitter passes over the parts that change nothing; brightness is cheaper elsewhere
    return A.ColorJitter(same, same, saturation=(1 - saturation, 1 + saturation), hue=(-hue, hue), p=0.3)


def _erasing(probability: float) -> Transforms:
    if probability == 0:
        return []
    return [A.Erasing(scale=(0.02, 0.33), ratio=(0.3, 3.3), fill=_ERASE_FILL, p=probability)]
