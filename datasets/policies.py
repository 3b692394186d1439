"""Augmentation policies: which operations an image goes through, and how far; drawn from the image's seed alone."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from torchvision.transforms import AutoAugment as PublishedTable
from torchvision.transforms import AutoAugmentPolicy

from datasets.policy_ops import OPERATIONS, RAND_AUGMENT, REID_REACH, Operation
from pipeline.errors import ConfigError

# Magnitudes of RandAugment count to 30, entries of AutoAugment's tables to 9.
TOP_MAGNITUDE, TOP_ENTRY = 30.0, 9.0
MOST_MAGNITUDE = 60.0
# What is done to one image: operation, share of its reach, whether its sign is negative.
Drawn = list[tuple[str, float, bool]]


class Policy(ABC):
    """A random choice of operations; takes part in a list of transforms like one of albumentations.

    Args:
        operations: by name.
    """

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self.operations = operations
        self._random = random.Random(0)

    def set_random_state(self, numpy_generator: np.random.Generator, python_generator: random.Random) -> None:
        """Draw from the generator that the list seeds for every image.

        Args:
            numpy_generator: not drawn from.
            python_generator: drawn from.
        """
        self._random = python_generator

    @abstractmethod
    def draw(self, generator: random.Random) -> Drawn:
        """Return what is done to one image.

        Args:
            generator: drawn from.
        """

    def __call__(self, *, image: np.ndarray) -> dict[str, Any]:
        """Return the changed image under 'image'.

        Args:
            image: (H, W, 3) uint8 RGB; not changed.
        """
        picture = Image.fromarray(image)
        for name, share, is_negative in self.draw(self._random):
            picture = self.operations[name](picture, share, is_negative=is_negative)
        return {"image": np.asarray(picture)}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the operations out, which are functions without a name; they are looked up again."""
        return {key: value for key, value in vars(self).items() if key != "operations"} | {"names": self.reaches}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Look the operations up again."""
        reaches = state.pop("names")
        vars(self).update(state, operations=_with_reach(reaches))

    @property
    def reaches(self) -> dict[str, float]:
        """The reach of each operation by name."""
        return {name: operation.reach for name, operation in self.operations.items()}


class RandAugment(Policy):
    """A fixed number of operations, each drawn evenly, all at one magnitude.

    Args:
        operations: to draw from, by name.
        number: operations an image.
        magnitude: 0 changes next to nothing, 30 is the published end of the scale.

    Reference:
        Cubuk et al. RandAugment: practical automated data augmentation with a reduced search space. CVPR Workshops
        2020. Past 30 the scale goes on in a straight line, for curves of what too much of it does; that is ours.
    """

    def __init__(self, operations: Mapping[str, Operation], *, number: int, magnitude: float) -> None:
        super().__init__(operations)
        self._names, self._number, self._share = sorted(operations), number, magnitude / TOP_MAGNITUDE

    def draw(self, generator: random.Random) -> Drawn:
        """Return what is done to one image.

        Args:
            generator: drawn from.
        """
        return [(generator.choice(self._names), self._share, generator.random() < 0.5) for _ in range(self._number)]


class AutoAugment(Policy):
    """One of 25 learnt pairs of operations, each with its probability and magnitude.

    Args:
        table: pairs of (operation, probability, entry 0..9 of its magnitude scale or None).

    Reference:
        Cubuk et al. AutoAugment: learning augmentation strategies from data. CVPR 2019; tables as in torchvision.
    """

    def __init__(self, table: Sequence[Any]) -> None:
        super().__init__(OPERATIONS)
        self._table = tuple(table)

    def draw(self, generator: random.Random) -> Drawn:
        """Return what is done to one image.

        Args:
            generator: drawn from.
        """
        pair = generator.choice(self._table)
        chosen = [(name, (entry or 0) / TOP_ENTRY, generator.random(), generator.random() < 0.5, probability)
                  for name, probability, entry in pair]  # fmt: skip
        return [(name, share, sign) for name, share, chance, sign, probability in chosen if chance < probability]


def _with_reach(reaches: Mapping[str, float]) -> dict[str, Operation]:
    return {name: replace(OPERATIONS[name], reach=reach) for name, reach in reaches.items()}


def _random_policy(reaches: Mapping[str, float]) -> Callable[[float | None, int | None], Policy]:
    def build(magnitude: float | None, number: int | None) -> Policy:
        strength = 9.0 if magnitude is None else magnitude
        return RandAugment(_with_reach(reaches), number=2 if number is None else number, magnitude=strength)

    return build


def _learnt_policy(name: str, table: AutoAugmentPolicy) -> Callable[[float | None, int | None], Policy]:
    def build(magnitude: float | None, number: int | None) -> Policy:
        if magnitude is not None or number is not None:
            raise ConfigError(f"{name} with a magnitude or a number of operations", "neither: its table says both")
        return AutoAugment(PublishedTable(table).policies)

    return build


POLICIES: dict[str, Callable[[float | None, int | None], Policy]] = {
    "autoaugment": _learnt_policy("autoaugment", AutoAugmentPolicy.IMAGENET),
    "autoaugment_cifar": _learnt_policy("autoaugment_cifar", AutoAugmentPolicy.CIFAR10),
    "randaugment": _random_policy({name: OPERATIONS[name].reach for name in RAND_AUGMENT}),
    "randaugment_reid": _random_policy(REID_REACH),
}


def build_policy(name: str, *, magnitude: float | None = None, operations: int | None = None) -> Policy:
    """Build a policy.

    'autoaugment' and 'autoaugment_cifar' are the published tables for ImageNet and CIFAR-10; 'randaugment' has the
    published 14 operations; 'randaugment_reid' has those that leave clothing as it is, with short reaches of our own.

    Args:
        name: a key of POLICIES.
        magnitude: of randaugment, 0..60; None is 9, the published end of the scale is 30.
        operations: of randaugment, at least 1; None is 2.

    Raises:
        ConfigError: an unknown name, a number outside its range, or one that the policy does not have.
    """
    if name not in POLICIES:
        raise ConfigError(f"augmentation policy {name!r}", f"one of {', '.join(POLICIES)}")
    if magnitude is not None and not 0 <= magnitude <= MOST_MAGNITUDE:
        raise ConfigError(f"magnitude {magnitude}", f"a number in 0..{MOST_MAGNITUDE:g}")
    if operations is not None and operations < 1:
        raise ConfigError(f"operations {operations}", "at least 1")
    return POLICIES[name](magnitude, operations)
