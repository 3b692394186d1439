"""Self-distillation: exits after the earlier stages of a network learn from labels and from its deepest answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.losses.distillation.kd import kd_loss
from pipeline.losses.distillation.maps import channels_of, check_layers
from pipeline.losses.supervised.cross_entropy import cross_entropy_loss
from pipeline.losses.vectors import at_least_float32, unit_vectors
from pipeline.types import NetworkShape, ReIDBatch, Taps


def byot_loss(
    shallow: Taps,
    deepest: Taps,
    labels: Tensor | None,
    *,
    weights: Mapping[str, float],
    temperature: float = 3.0,
) -> Tensor:
    """Return what one exit learns, ``a CE(z, y) + b T^2 KL(p_deepest || p) + c |e - e_deepest|^2``, means over images.

    Args:
        shallow: logits (B, C) and BNNeck embedding (B, D) of the exit.
        deepest: the same of the whole network; no gradient is sent to them.
        labels: (B,) int64 in 0..C-1, -1 is left out; None where a is 0.
        weights: a as `labels`, b as `responses`, c as `features`.
        temperature: T > 0.

    Returns:
        Scalar >= 0.

    Reference:
        Zhang et al. Be your own teacher: improve the performance of convolutional neural networks via self
        distillation. ICCV 2019. An implementation of the loss of an exit; what e is, see `BYOT`.
    """
    apart = (at_least_float32(shallow.bn_embedding) - at_least_float32(deepest.bn_embedding.detach())).square()
    total = weights["features"] * apart.sum() / max(len(apart), 1)
    if weights["responses"]:
        assert shallow.logits is not None, "an exit has a classifier"
        assert deepest.logits is not None, "byot needs a network with a classifier"
        total = total + weights["responses"] * kd_loss(shallow.logits, deepest.logits, temperature=temperature)
    if weights["labels"]:
        assert shallow.logits is not None, "an exit has a classifier"
        assert labels is not None, "byot needs labels"
        total = total + weights["labels"] * cross_entropy_loss(shallow.logits, labels)
    return total


class Exit(nn.Module):
    """From the map of a stage to an embedding and logits: a convolution, the mean over positions, a neck.

    Args:
        channels: of the map.
        width: channels of the convolution.
        neck: makes embedding and logits of (B, width).
    """

    def __init__(self, channels: int, width: int, neck: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.neck = neck

    def forward(self, features: Tensor) -> Taps:
        """Return what the exit says of (B, channels, h, w)."""
        return Taps(*self.neck(self.body(at_least_float32(features)).mean((2, 3))))


class BYOT(nn.Module):
    """Objective: the sum of `byot_loss` over all exits, which learn with the network and are left behind.

    The deepest exit is the network itself, which learns by the other objectives. Its answers are heard without a
    gradient, so only the maps are read.

    Args:
        exits: maps by stage; None takes all stages but the last one.
        labels: weight of the cross-entropy; 0 for crops without labels.
        responses: weight of the deepest answers.
        features: weight of the distance to the deepest embedding.
        temperature: of the answers.
        student_shape: of the network.
        make_neck: makes a neck as the network has one of (features, embedding=, num_classes=).

    Reference:
        Zhang et al. Be your own teacher. ICCV 2019. A re-implementation with gaps: an exit has one convolution and a
        BNNeck instead of a chain of bottlenecks, and BNNeck embeddings of length one are compared, by a weight that is
        therefore larger than the published 0.03, instead of feature maps.
    """

    needs_teacher: ClassVar[bool] = False
    # Of the default; the settings decide.
    needs_labels: bool = True
    needs_identities: bool = True
    reads: tuple[str, ...] = ("labels", "maps:stage1", "maps:stage2", "maps:stage3")

    def __init__(
        self,
        *,
        exits: Sequence[str] | None = None,
        labels: float = 0.7,
        responses: float = 0.3,
        features: float = 0.5,
        temperature: float = 3.0,
        student_shape: NetworkShape,
        make_neck: Callable[..., nn.Module],
    ) -> None:
        super().__init__()
        self.weights = {"labels": labels, "responses": responses, "features": features}
        if min(self.weights.values()) < 0 or not sum(self.weights.values()) or temperature <= 0:
            raise ConfigError(
                f"byot with weights {self.weights} and temperature {temperature}",
                "weights of 0 or above, one of them above 0, and a temperature above 0",
            )
        if student_shape.num_classes is None and labels + responses:
            raise ConfigError("byot in a network without a classifier", "one, or `labels` and `responses` 0")
        self.layers, self.temperature = check_layers("byot", exits or _stages_but_last(student_shape)), temperature
        self.needs_labels = self.needs_identities = labels > 0
        self.reads = (*(("labels",) if labels else ()), *(f"maps:{layer}" for layer in self.layers))
        width = channels_of("byot", student_shape, tap="last", whose="student")
        # A list, because the names of modules have dots, which the keys of a ModuleDict may not have.
        self.exits = nn.ModuleList(
            Exit(
                channels_of("byot", student_shape, tap=layer, whose="student"), width,
                make_neck(width, embedding=student_shape.width, num_classes=student_shape.num_classes),
            )
            for layer in self.layers
        )  # fmt: skip

    @staticmethod
    def needs_identities_with(arguments: Mapping[str, Any]) -> bool:
        """Return whether the exits learn labels with these settings.

        Args:
            arguments: as the configuration gives them.
        """
        return bool(arguments.get("labels", 0.7))

    def forward(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the network.
            teacher: not read.
            batch: with labels where `labels` is above 0.
        """
        total = at_least_float32(student.embedding).sum() * 0.0
        if len(batch) < 2:
            # A single image has no batch statistics.
            return total
        deepest = Taps(student.embedding, unit_vectors(student.bn_embedding.detach()), student.logits)
        for layer, leave in zip(self.layers, self.exits, strict=True):
            said = leave(student.maps[layer])
            shallow = Taps(said.embedding, unit_vectors(said.bn_embedding), said.logits)
            total = total + byot_loss(
                shallow, deepest, batch.labels, weights=self.weights, temperature=self.temperature
            )
        return total


def _stages_but_last(shape: NetworkShape) -> list[str]:
    stages = [name for name in shape.maps if name.removeprefix("stage").isdigit()]
    if len(stages) < 2:
        raise ConfigError(
            f"byot in a network whose trunk names {len(stages)} stages", "two or more",
            "Name its modules as `exits`, such as [layer1, layer2].",
        )  # fmt: skip
    return stages[:-1]
