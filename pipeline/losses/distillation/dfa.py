"""DFA: the maps of a teacher's blocks, added up with weights, are what a student's map follows in each stage."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.losses.detection.connectors import conv_transform
from pipeline.losses.distillation.maps import channels_of, check_layers, matched_sizes
from pipeline.losses.vectors import at_least_float32
from pipeline.types import NetworkShape, ReIDBatch, Taps

AlphaParam = Literal["softmax", "free"]
Aggregation = Literal["searched", "uniform", "last"]
# Weight of each map by its name, by stage.
Weights = Mapping[str, Mapping[str, float]]


def alphas(parameters: Tensor, *, param: AlphaParam = "softmax") -> Tensor:
    """Return ``softmax(a)``, or ``a / sum |a|``, whose weights may be negative.

    Args:
        parameters: (n,) what the search moves.
        param: ``softmax`` or ``free``; without its norm a free one would shrink to nothing, where the loss is 0.

    Returns:
        (n,) weights; of ``softmax`` they add up to 1, of ``free`` their absolute values do.
    """
    if param == "softmax":
        return F.softmax(parameters, dim=0)
    return parameters / parameters.abs().sum().clamp(min=1e-12)


def aggregate(maps: Sequence[Tensor], weights: Tensor | Sequence[float]) -> Tensor:
    """Return ``sum_j alpha_j F_j``, at least in fp32.

    Args:
        maps: n maps, (B, C, h, w) each.
        weights: (n,) alpha.

    Returns:
        (B, C, h, w).
    """
    assert len(maps) == len(weights), f"{len(maps)} maps and {len(weights)} weights"
    assert len({tuple(one.shape) for one in maps}) == 1, f"maps of {[tuple(one.shape) for one in maps]}"
    return sum((weight * at_least_float32(one) for weight, one in zip(weights, maps, strict=True)), torch.zeros(()))


def st_loss(connected: Tensor, aggregated: Tensor) -> Tensor:
    """Return the student-to-teacher loss, ``|c(F) - A|^2`` averaged over all entries.

    Args:
        connected: (B, C, h, w) the student's map behind its connector.
        aggregated: (B, C, h, w) of the teacher; the gradient reaches it, and with it the weights that are searched.

    Returns:
        Scalar >= 0; 0 without images.
    """
    return F.mse_loss(connected, aggregated) if connected.numel() else (connected.sum() + aggregated.sum()) * 0.0


def ts_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the teacher-to-student loss: cross-entropy of what the rest of the student makes of the aggregated map.

    Args:
        logits: (B, C) of a student that was fed ``c'(A)`` in place of its own map.
        labels: (B,) int64 classes.

    Returns:
        Scalar >= 0; 0 without images.
    """
    return F.cross_entropy(at_least_float32(logits), labels, reduction="sum") / max(len(labels), 1)


def bridge_loss(st: Tensor, ts: Tensor, *, g_st: float = 1.0, g_ts: float = 1.0) -> Tensor:
    """Return ``g_st ST + g_ts TS``: easy to follow on the one side, worth to be followed on the other.

    Args:
        st: scalar of `st_loss`.
        ts: scalar of `ts_loss`.
        g_st: factor >= 0; ST alone chooses whatever the student resembles already.
        g_ts: factor >= 0.

    Reference:
        Guan et al. Differentiable feature aggregation search for knowledge distillation. ECCV 2020. A
        re-implementation with gaps: the authors' code has not been published, and both factors are ours.
    """
    return g_st * st + g_ts * ts


def stage_factors(count: int) -> list[float]:
    """Return ``2^-(G - 1 - i)`` of the stages i = 0..G-1: the last one counts once, each before it half as much.

    Args:
        count: G.
    """
    return [2.0 ** (1 + i - count) for i in range(count)]


class DFA(nn.Module):
    """Objective: sum over stages of ``2^-(G-1-i) st_loss``, with aggregation weights that stay as they are.

    A block's map counts in a stage where its shape is the stage's own; a stage with one such block has a single map. In
    each stage a 1x1 convolution brings the student's map to the teacher's channels; it learns with the student.

    Args:
        aggregation: ``searched`` takes the weights that a stage `dfa_search` found; ``uniform`` the mean of a stage's
            blocks, and ``last`` its last block, as controls.
        stages: those to match; null is all of the search, else all that both networks have.
        connector: ``conv``, or ``conv_bn`` with a batch norm behind the convolution.
        student_shape: of the student.
        teacher_shape: of the teacher.
        searched: weights that were found, or None.

    Reference:
        Guan et al. Differentiable feature aggregation search for knowledge distillation. ECCV 2020. A
        re-implementation with gaps: squared error on the outputs of blocks, where the authors' other code takes a
        margin loss before the activation; the start of the connector is ours.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    # Of the default with networks of four stages; `stages` and the two shapes decide.
    reads: tuple[str, ...] = ("maps:stage1", "maps:stage2", "maps:stage3", "maps:stage4")

    def __init__(
        self,
        *,
        aggregation: Aggregation = "uniform",
        stages: Sequence[str] | None = None,
        connector: Literal["conv", "conv_bn"] = "conv",
        student_shape: NetworkShape,
        teacher_shape: NetworkShape,
        searched: Weights | None = None,
    ) -> None:
        super().__init__()
        if aggregation == "searched" and searched is None:
            raise ConfigError(
                "dfa takes aggregation: searched, and no weights are given here", "the artifact of a dfa_search",
                "Name it in a progressive_kd, `aggregation: search.aggregation`, or take uniform or last.",
            )  # fmt: skip
        found = searched if aggregation == "searched" else None
        chosen = stages if stages is not None else list(found or _shared(student_shape, teacher_shape))
        self.groups: dict[str, dict[str, float]] = {}
        for stage in check_layers("dfa", chosen):
            for shape, whose in ((student_shape, "student"), (teacher_shape, "teacher")):
                channels_of("dfa", shape, tap=stage, whose=whose)
            blocks = teacher_shape.blocks.get(stage, (stage,))
            weights = control(blocks, aggregation) if found is None else _fitting(found, stage, blocks)
            self.groups[stage] = {name: weight for name, weight in weights.items() if weight != 0.0}
        self.reads = tuple(f"maps:{stage}" for stage in self.groups)
        self.connectors = nn.ModuleList(
            connect(student_shape.maps[stage], teacher_shape.maps[stage], has_norm=connector == "conv_bn")
            for stage in self.groups
        )
        self._last: dict[str, Tensor] = {}

    @property
    def hears(self) -> tuple[str, ...]:
        """The maps of the teacher, which are others than those of the student."""
        return tuple(name for weights in self.groups.values() for name in weights)

    def forward(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same images.
            batch: not read.
        """
        assert teacher is not None, "dfa needs a teacher"
        total = student.embedding.new_zeros((), dtype=torch.float32)
        self._last = {}
        factors = stage_factors(len(self.groups))
        for (stage, weights), factor, connector in zip(self.groups.items(), factors, self.connectors, strict=True):
            wanted = aggregate([teacher.maps[name].detach() for name in weights], list(weights.values()))
            ours, theirs = matched_sizes(student.maps[stage], wanted)
            loss = st_loss(connector(ours), theirs)
            self._last[stage] = loss.detach()
            total = total + factor * loss
        return total

    def facts(self) -> dict[str, Tensor]:
        """Return the loss of each stage in the last call, without its factor."""
        return dict(self._last)


def connect(entering: int, leaving: int, *, has_norm: bool) -> nn.Module:
    """Return a 1x1 convolution without bias from one width to another.

    Args:
        entering: channels that come in.
        leaving: channels that go out.
        has_norm: whether a batch norm follows.
    """
    convolution = conv_transform(entering, leaving)
    return nn.Sequential(convolution, nn.BatchNorm2d(leaving)) if has_norm else convolution


def control(blocks: Sequence[str], aggregation: Aggregation) -> dict[str, float]:
    """Return the weights of a control.

    Args:
        blocks: names of a stage's maps, the last one at the end.
        aggregation: ``uniform`` or ``last``.
    """
    if aggregation == "last":
        return {name: float(name == blocks[-1]) for name in blocks}
    return {name: 1.0 / len(blocks) for name in blocks}


def _shared(student: NetworkShape, teacher: NetworkShape) -> list[str]:
    both = [name for name in student.maps if name in teacher.maps and name.removeprefix("stage").isdigit()]
    # Where there is none, the check of the first says what there is instead.
    return both or ["stage1"]


def _fitting(found: Weights, stage: str, blocks: Sequence[str]) -> Mapping[str, float]:
    if stage not in found:
        raise ConfigError(
            f"dfa wants {stage}, which was not searched", f"one of {', '.join(found)}",
            "Name it in the groups of the dfa_search, or leave it out of the stages of dfa.",
        )  # fmt: skip
    if set(found[stage]) != set(blocks):
        raise ConfigError(
            f"{stage} was searched among the maps {', '.join(found[stage])}, and the teacher has {', '.join(blocks)}",
            "the teacher of the search, or one built alike", "Give the dfa_search the same teacher as this stage.",
        )  # fmt: skip
    return {name: float(found[stage][name]) for name in blocks}
