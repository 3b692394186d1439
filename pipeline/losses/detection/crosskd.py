"""Cross-head distillation: the teacher's frozen head reads the student's features, and what it says is compared."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.connectors import conv_connector
from pipeline.losses.detection.dense_response import confident_scores, score_loss
from pipeline.losses.detection.dense_rows import logit_rows
from pipeline.losses.detection.levels import Levels, matched_strides, side_by_side
from pipeline.losses.detection.objective import check_kinds
from pipeline.losses.detection.statistics import EPS, channel_statistics
from pipeline.losses.vectors import at_least_float32


class CrossHead(Protocol):
    """Has two towers of ``depth`` convolutions, one for the person and one for the box."""

    depth: int


class CrossPredictor(Protocol):
    """A frozen one-stage teacher whose head can go on from somebody else's towers."""

    head: CrossHead

    def cross_predict(self, towers: Mapping[int, Tensor], layer: int) -> tuple[Mapping[int, Tensor], Any]:
        """Return (B, 1, h, w) person logits, and boxes, by stride.

        Args:
            towers: (B, 2F, h, w) by stride after convolution `layer`: the person tower's channels, then the box's.
            layer: convolutions already done.
        """
        ...


def align_statistics(student: Tensor, teacher: Tensor, *, valid: Tensor) -> Tensor:
    """Return the student's maps with the teacher's mean and deviation in every channel, over images and valid cells.

    Args:
        student: (B, C, h, w).
        teacher: (B, C, h, w); no gradient is sent to it.
        valid: (B, h, w) bool, cells of the frames.

    Returns:
        (B, C, h, w); a channel of the student that does not vary becomes the teacher's mean.

    Reference:
        Wang et al. CrossKD: cross-head knowledge distillation for object detection. CVPR 2024. Ours differs: padding
        takes no part in the statistics.
    """
    mean, deviation = channel_statistics(student, valid)
    their_mean, their_deviation = channel_statistics(teacher.detach(), valid)
    return (student - mean) / (deviation + EPS) * their_deviation + their_mean


class CrossKD(nn.Module):
    """Objective: `score_loss` between what the teacher's head says of the student's features and of its own.

    The student's own predictions stay with the annotations alone, so the two targets do not fight each other.

    Args:
        levels: strides to compare; None takes all of the student.
        beta: exponent > 0 of the disagreement.
        min_score: teacher's probability from which on a cell counts towards the divisor.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Reference:
        Wang et al. CVPR 2024. Ours differs: the features cross over behind the last layer of the tower and not in
        its middle, one 1x1 connector shared by all levels stands between where widths differ, only the classification
        branch crosses, and the divisor is the teacher's confidence, so no annotations are needed.
    """

    reads: ClassVar[tuple[str, ...]] = ("dense", "towers")
    kinds: ClassVar[tuple[str, ...]] = ("fcos",)
    needs_targets: bool = False

    def __init__(
        self,
        *,
        levels: Levels = None,
        beta: float = 1.0,
        min_score: float = 0.05,
        student_shape: DetectorShape,
        teacher_shape: DetectorShape,
    ) -> None:
        super().__init__()
        check_kinds("crosskd", self.kinds, student_shape, teacher_shape)
        if beta <= 0:
            raise ConfigError(f"beta of crosskd is {beta}", "a number above 0")
        if not 0 <= min_score < 1:
            raise ConfigError(f"min_score of crosskd is {min_score}", "0 or above and below 1")
        self.strides = matched_strides("crosskd", levels, student_shape, teacher_shape)
        self.connector = conv_connector(student_shape.penultimate_width, teacher_shape.penultimate_width)
        self.beta, self.min_score = beta, min_score
        self._teacher: tuple[CrossPredictor, ...] = ()

    def bind_teacher(self, teacher: Any) -> None:
        """Keep the frozen teacher whose head reads the student's features.

        Args:
            teacher: a `CrossPredictor` without trainable parameters.

        Raises:
            ConfigError: it has no head that can do so.
        """
        if not (hasattr(teacher, "cross_predict") and hasattr(getattr(teacher, "head", None), "depth")):
            raise ConfigError(
                f"crosskd has a teacher of type {type(teacher).__name__}", "a one-stage detector (kind fcos)"
            )
        trainable = [name for name, p in teacher.named_parameters() if p.requires_grad]
        assert not trainable, f"crosskd would train the teacher's {trainable[0]}"
        # A tuple keeps the teacher out of the registry of submodules: it is neither saved nor optimised with us.
        self._teacher = (teacher,)

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; its sizes tell padding apart.
        """
        assert self._teacher, f"crosskd has {len(self._teacher)} teachers; call bind_teacher first"
        stacked, valid = {}, {}
        for stride in self.strides:
            ours = self.connector(at_least_float32(student.towers[stride]))
            level = side_by_side(ours, teacher.towers[stride], stride, batch)
            aligned = align_statistics(level.student, level.teacher, valid=level.valid)
            # The box tower's half is empty, for only what the head says of the person is compared.
            stacked[stride] = torch.cat([aligned, torch.zeros_like(aligned)], dim=1)
            valid[stride] = level.valid
        head = self._teacher[0]
        crossed, _ = head.cross_predict(stacked, head.head.depth)
        logits = torch.cat([logit_rows(crossed[s], valid[s]) for s in self.strides])
        answers = torch.cat([logit_rows(teacher.dense_logits[s].detach(), valid[s]) for s in self.strides])
        weights = confident_scores(answers, min_score=self.min_score)
        return score_loss(logits, answers, weights=weights, beta=self.beta)
