"""Instance relationship graph: images are vertices, distances are edges, layers transform one graph into the next."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.logit_mse import logit_mse_loss
from pipeline.losses.distillation.logit_pairs import paired_logits
from pipeline.losses.distillation.maps import check_layers
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

Scale = Literal["mean", "max"]
# Distances of a batch in which all images are alike are 0 and stay so.
SMALLEST = 1e-12


def relative(distances: Tensor, *, scale: Scale, entries: int) -> Tensor:
    """Return distances divided by their maximum, or by their mean.

    Args:
        distances: >= 0, of any shape.
        scale: by which they are divided.
        entries: of which the mean is taken; those that are 0 by definition are left out.
    """
    if not distances.numel():
        return distances
    unit = distances.amax() if scale == "max" else distances.sum() / max(entries, 1)
    return distances / unit.clamp(min=SMALLEST)


def edges(features: Tensor, *, scale: Scale = "mean") -> Tensor:
    """Return the matrix of relative squared distances ``|a_i - a_j|^2`` between the images of a batch.

    Args:
        features: (B, ...), flattened.
        scale: `max` as published, or `mean` over all pairs, which one odd image does not decide.

    Returns:
        (B, B), at least fp32, with a diagonal of zeros.
    """
    flat = at_least_float32(features.flatten(1))
    count = len(flat)
    # Distances do not see the mean, and the products below lose fewer digits without it.
    flat = flat - flat.mean(0, keepdim=True) if count else flat
    lengths = flat.square().sum(1)
    squares = (lengths[:, None] + lengths[None, :] - 2.0 * (flat @ flat.T)).clamp(min=0.0)
    apart = 1.0 - torch.eye(count, device=flat.device, dtype=flat.dtype)
    return relative(squares * apart, scale=scale, entries=count * (count - 1))


def transformation(before: Tensor, after: Tensor, *, scale: Scale = "mean") -> Tensor:
    """Return for each image the relative squared distance between its maps in two layers.

    Both maps are brought to the smaller height, width and number of channels by averaging neighbours.

    Args:
        before: (B, C, h, w) of the earlier layer.
        after: (B, C', h', w') of the later one.
        scale: as in `edges`.

    Returns:
        (B,), at least fp32.
    """
    channels, height, width = (min(a, b) for a, b in zip(before.shape[1:], after.shape[1:], strict=True))
    if not before.numel() or not after.numel():
        return at_least_float32(before).flatten(1).sum(1)
    # Channels are one more axis of a picture with one channel.
    small = [
        F.adaptive_avg_pool3d(at_least_float32(maps)[:, None], (channels, height, width)).flatten(1)
        for maps in (before, after)
    ]
    return relative((small[0] - small[1]).square().sum(1), scale=scale, entries=len(before))


def graph_loss(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the mean squared difference of two sets of relative distances; 0 without images.

    Args:
        ours: of the student, of any shape.
        theirs: of the teacher; no gradient is sent to them.
    """
    return F.mse_loss(ours, theirs.detach()) if ours.numel() else ours.sum() * 0.0


class IRG:
    """Objective: vertices (logits), edges of the embedding and of maps, and the transformations between these maps.

    Args:
        layers: maps by stage, in their order; `[]` compares embeddings alone, for a teacher without maps.
        vertices: weight of the squared difference of logits; 0 reads none, for heads that can't be compared.
        edges: weight of the edges, averaged over the embedding and the maps.
        transformations: weight of the transformations, averaged over neighbouring layers; 0 with fewer than two.
        normalise: distances by their `mean` or their `max`.

    Reference:
        Liu et al. Knowledge distillation via instance relationship graph. CVPR 2019. A re-implementation: form and
        weights follow AberHu's Knowledge-Distillation-Zoo, which divides by the maximum and halves channels in pairs.
        The mean as default, any number of layers, which ones, and channels of any number are ours.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    # Of the default; the settings decide.
    reads: tuple[str, ...] = ("embedding", "logits", "maps:stage2", "maps:stage3")

    def __init__(
        self,
        *,
        layers: Sequence[str] = ("stage2", "stage3"),
        vertices: float = 0.1,
        edges: float = 5.0,
        transformations: float = 5.0,
        normalise: Scale = "mean",
    ) -> None:
        weights = {"vertices": vertices, "edges": edges, "transformations": transformations}
        if min(weights.values()) < 0 or not sum(weights.values()):
            raise ConfigError(f"the weights of irg are {weights}", "0 or above, and one of them above 0")
        self.layers = check_layers("irg", layers) if layers else ()
        if transformations and len(self.layers) < 2:
            raise ConfigError(
                f"irg compares transformations between layers, and its layers are {list(layers)}", "two or more",
                "Name two stages, or set `transformations: 0`.",
            )  # fmt: skip
        if self.layers and not edges and not transformations:
            raise ConfigError(f"irg has layers {list(layers)} and reads none of them", "`layers: []`")
        self.weights, self.normalise = weights, normalise
        vectors = (*(("embedding",) if edges else ()), *(("logits",) if vertices else ()))
        self.reads = (*vectors, *(f"maps:{layer}" for layer in self.layers))

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "irg needs a teacher"
        total = at_least_float32(student.embedding).sum() * 0.0
        if self.weights["vertices"]:
            total = total + self.weights["vertices"] * logit_mse_loss(*paired_logits("irg", student, teacher))
        if self.weights["edges"]:
            total = total + self.weights["edges"] * self._edges(student, teacher)
        if self.weights["transformations"]:
            total = total + self.weights["transformations"] * self._transformations(student, teacher)
        return total

    def _edges(self, student: Taps, teacher: Taps) -> Tensor:
        pairs = [(student.embedding, teacher.embedding)]
        pairs += [(student.maps[layer], teacher.maps[layer]) for layer in self.layers]
        ours, theirs = ([edges(side, scale=self.normalise) for side in sides] for sides in zip(*pairs, strict=True))
        return torch.stack([graph_loss(*pair) for pair in zip(ours, theirs, strict=True)]).mean()

    def _transformations(self, student: Taps, teacher: Taps) -> Tensor:
        steps = [
            [transformation(taps.maps[a], taps.maps[b], scale=self.normalise) for a, b in pairwise(self.layers)]
            for taps in (student, teacher)
        ]
        return torch.stack([graph_loss(*pair) for pair in zip(*steps, strict=True)]).mean()
