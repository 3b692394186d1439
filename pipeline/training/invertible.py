"""Which teachers images can be made of, whom the images show, and how a batch of them is shifted."""

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.models.norm_statistics import remembering_norms
from pipeline.models.reid import ReIDModel

# Of pixels in 0..1; what a night camera sees of them is a root, which has no slope at 0.
DARKEST = 1 / 512


def check_invertible(teacher: ReIDModel) -> None:
    """Refuse a teacher that remembers nothing of the images that it learned from.

    Args:
        teacher: any re-ID network.

    Raises:
        ConfigError: its trunk has no batch norm, or it has no classifier.
    """
    if not remembering_norms(teacher.trunk):
        raise ConfigError(
            f"a teacher whose {type(teacher.tap_root).__name__} has no batch norm, and so remembers no statistics",
            "a trunk with batch norms", "Let a stage of kind generate make the images of such a teacher.",
        )  # fmt: skip
    check_classifier(teacher)


def check_classifier(teacher: ReIDModel) -> None:
    """Refuse a teacher that tells no persons apart.

    Args:
        teacher: any re-ID network.

    Raises:
        ConfigError: it has no classifier.
    """
    if teacher.num_classes is None:
        raise ConfigError(
            "a teacher without a classifier", "one that knows persons", "Name the role best of a source_pretrain."
        )


def spread_persons(identities: int, instances: int, *, batch: int) -> tuple[Tensor, list[Tensor]]:
    """Return the person of each image, and which images each batch makes: every person once, then every one again.

    Args:
        identities: persons.
        instances: images of each.
        batch: images of a batch at most; all batches are about equally large.

    Returns:
        (identities * instances,) int64, and the positions of each batch.
    """
    labels = torch.arange(identities).repeat(instances)
    count = -(-len(labels) // batch)
    return labels, [torch.from_numpy(part) for part in np.array_split(np.arange(len(labels)), count)]


def moved(images: Tensor, *, share: float) -> Tensor:
    """Shift a batch by some pixels and mirror it or not; torch's global generator decides, a function of the step.

    Args:
        images: (B, C, H, W); what leaves on one side comes in on the other.
        share: largest shift, as a share of height and width.
    """
    height, width = images.shape[-2:]
    shifts = [int(torch.randint(-round(share * side), round(share * side) + 1, ())) for side in (height, width)]
    rolled = images.roll(shifts, dims=(2, 3))
    return rolled.flip(3) if bool(torch.rand(()) < 0.5) else rolled
