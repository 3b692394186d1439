"""Several frozen teachers that speak as one."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.teaching.combining import agreement_weights, member_of_step
from pipeline.types import NetworkShape, Taps

Average = Literal["probabilities", "logits"]
Combine = Literal["average", "random", "agreement"]


def pooled_logits(
    logits: Sequence[Tensor],
    *,
    temperature: float = 4.0,
    average: Average = "probabilities",
    weights: Tensor | None = None,
) -> Tensor:
    """Return logits L whose softened softmax is the mean opinion of several networks.

    `probabilities`: ``L = T log mean_m softmax(z_m / T)``, so that softmax(L / T) is the arithmetic mean at T.
    `logits`: ``L = mean_m z_m``, whose softmax is the normalised geometric mean at every temperature.

    Args:
        logits: of each network, (B, C) over the same identities.
        temperature: T > 0 at which probabilities are averaged; take that of the objective which reads them.
        average: what is averaged.
        weights: (M, B) of each network for each image, their sum over networks 1; None = equal ones.

    Returns:
        (B, C), fp32 at least.

    Reference:
        Hinton, Vinyals, Dean. Distilling the knowledge in a neural network. 2015 (either mean). Implementation.
    """
    stacked = torch.stack([values.float() if values.dtype != torch.float64 else values for values in logits])
    if average == "logits":
        return stacked.mean(0) if weights is None else (weights[:, :, None] * stacked).sum(0)
    softened = F.log_softmax(stacked / temperature, dim=2)
    if weights is not None:
        return temperature * torch.logsumexp(softened + weights[:, :, None].log(), dim=0)
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
        combine: how they teach a step: `average`; one of them, drawn at `random`; or logits weighted by `agreement`.
        seed: of what is drawn.

    Raises:
        ConfigError: the classifiers differ in their number of identities, or only some members have one.
    """

    def __init__(
        self,
        members: Sequence[nn.Module],
        *,
        temperature: float = 4.0,
        average: Average = "probabilities",
        combine: Combine = "average",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.combine: Combine = combine
        self.seed = seed
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
        return self._together([member(images) for member in self.members])

    @torch.no_grad()
    def teach(self, images: Tensor, *, step: int, labels: Tensor | None) -> tuple[Taps, Tensor | None]:
        """Return what the members say in one step of training, and the weights of their logits where they have some.

        Args:
            images: (B, 3, H, W) uint8 pixels.
            step: 0-based number of the step.
            labels: true ones, (B,) int64; None on a target.

        Returns:
            Taps in fp32, whose embeddings are the columns `columns(step)` of the joined ones; and (M, B) or None.
        """
        self.eval()
        if self.combine == "random":
            one: Taps = self.members[self.speaker(step)](images)
            # On the scale that it has among the others, to which statistics of the joined embeddings belong.
            share = len(self.members) ** -0.5
            vectors = [share * joined_embeddings([values]) for values in (one.embedding, one.bn_embedding)]
            return Taps(vectors[0], vectors[1], None if one.logits is None else one.logits.float()), None
        said: list[Taps] = [member(images) for member in self.members]
        spoken = [one.logits for one in said if one.logits is not None]
        weights = agreement_weights(spoken, labels) if self.combine == "agreement" and spoken else None
        return self._together(said, weights), weights

    def speaker(self, step: int) -> int:
        """Return the position of the member that is heard in a step where one is drawn."""
        return member_of_step(step, len(self.members), seed=self.seed)

    def columns(self, step: int) -> slice:
        """Return which columns of the joined embeddings are heard in a step."""
        if self.combine != "random":
            return slice(None)
        before = sum(self.widths[: self.speaker(step)])
        return slice(before, before + self.widths[self.speaker(step)])

    def _together(self, said: Sequence[Taps], weights: Tensor | None = None) -> Taps:
        spoken = [one.logits for one in said if one.logits is not None]
        settings = {"temperature": self.temperature, "average": self.average, "weights": weights}
        return Taps(
            embedding=joined_embeddings([one.embedding for one in said]),
            bn_embedding=joined_embeddings([one.bn_embedding for one in said]),
            logits=pooled_logits(spoken, **settings) if spoken else None,  # type: ignore[arg-type]
        )
