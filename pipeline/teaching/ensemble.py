"""Several frozen teachers that speak as one."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.types import NetworkShape, Taps

Average = Literal["probabilities", "logits"]


def pooled_logits(logits: Sequence[Tensor], *, temperature: float = 4.0, average: Average = "probabilities") -> Tensor:
    """Return logits L whose softened softmax is the mean opinion of several networks.

    `probabilities`: ``L = T log mean_m softmax(z_m / T)``, so that softmax(L / T) is the arithmetic mean at T.
    `logits`: ``L = mean_m z_m``, whose softmax is the normalised geometric mean at every temperature.

    Args:
        logits: of each network, (B, C) over the same identities.
        temperature: T > 0 at which probabilities are averaged; take that of the objective which reads them.
        average: what is averaged.

    Returns:
        (B, C), fp32 at least.

    Reference:
        Hinton, Vinyals, Dean. Distilling the knowledge in a neural network. 2015 (either mean). Implementation.
    """
    stacked = torch.stack([values.float() if values.dtype != torch.float64 else values for values in logits])
    if average == "logits":
        return stacked.mean(0)
    softened = F.log_softmax(stacked / temperature, dim=2)
    return temperature * (torch.logsumexp(softened, dim=0) - math.log(len(logits)))


def joined_embeddings(embeddings: Sequence[Tensor]) -> Tensor:
    """Return the unit embeddings side by side, divided by the root of their number.

    Widths may differ, so embeddings can't be averaged; the cosine of two joined ones is the mean of all cosines.

    Args:
        embeddings: of each network, (B, D_m).

    Returns:
        (B, sum of D_m), of length one.
    """
    return torch.cat([F.normalize(values.float(), dim=1) for values in embeddings], dim=1) / len(embeddings) ** 0.5


class EnsembleTeacher(nn.Module):
    """Answers and embeds as one re-ID network does; never learns.

    Args:
        members: re-ID networks over the same identities; each resizes and normalises for itself.
        temperature: at which probabilities are averaged.
        average: `probabilities` or `logits`.

    Raises:
        ConfigError: the classifiers differ in their number of identities, or only some members have one.
    """

    def __init__(
        self, members: Sequence[nn.Module], *, temperature: float = 4.0, average: Average = "probabilities"
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.temperature = temperature
        self.average: Average = average
        classes = [member.num_classes for member in members]
        if len(set(classes)) > 1:
            raise ConfigError(
                f"the teachers know {', '.join(map(str, classes))} identities", "classifiers over the same identities",
                "Train all teachers on the same source.",
            )  # fmt: skip
        self.num_classes = classes[0]
        self.widths: list[int] = [member.embedding_width for member in members]  # type: ignore[misc]

    @property
    def embedding_width(self) -> int:
        """Sum of the members' widths."""
        return sum(self.widths)

    @property
    def shape(self) -> NetworkShape:
        """What objectives have to know; an ensemble has no feature maps of its own."""
        return NetworkShape(width=self.embedding_width, num_classes=self.num_classes, maps={})  # type: ignore[arg-type]

    def forward(self, images: Tensor, taps: tuple[str, ...] = ()) -> Taps:
        """Return what all members say together.

        Args:
            images: (B, 3, H, W) uint8 pixels.
            taps: must be empty.

        Raises:
            ConfigError: feature maps are asked for.
        """
        if taps:
            raise ConfigError(
                f"maps {', '.join(taps)} of {len(self.members)} teachers", "objectives on logits or embeddings",
                "Maps of several networks can't be averaged: take one teacher, or kd and relation.",
            )  # fmt: skip
        said: list[Taps] = [member(images) for member in self.members]
        spoken = [one.logits for one in said if one.logits is not None]
        return Taps(
            embedding=joined_embeddings([one.embedding for one in said]),
            bn_embedding=joined_embeddings([one.bn_embedding for one in said]),
            logits=pooled_logits(spoken, temperature=self.temperature, average=self.average) if spoken else None,
        )
