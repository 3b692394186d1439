"""Distillation of what the classifier reads at each region."""

from typing import ClassVar

from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.losses.detection.connectors import linear_connector
from pipeline.losses.detection.objective import check_kinds
from pipeline.losses.vectors import at_least_float32


def penultimate_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean over regions of ``|s - t|^2 / F``.

    Args:
        student: (R, F) vectors.
        teacher: (R, F) vectors at the same boxes; no gradient is sent to them.

    Returns:
        Scalar >= 0; 0 without regions.

    Reference:
        Chen, Ai et al. Learning lightweight pedestrian detector with hierarchical knowledge distillation. ICIP 2019
        (their "logit" level is the output of the second fully connected layer; the division by F is ours).
    """
    return (student - teacher.detach()).square().sum() / max(student.numel(), 1)


class Penultimate(nn.Module):
    """Objective: `penultimate_loss`, with a linear connector where the widths differ.

    Args:
        student_shape: of the student.
        teacher_shape: of the teacher.
    """

    reads: ClassVar[tuple[str, ...]] = ("penultimate",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = False

    def __init__(self, *, student_shape: DetectorShape, teacher_shape: DetectorShape) -> None:
        super().__init__()
        check_kinds("penultimate", self.kinds, student_shape, teacher_shape)
        self.connector = linear_connector(student_shape.penultimate_width, teacher_shape.penultimate_width)

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; not read.
        """
        ours, theirs = student.penultimate, teacher.penultimate
        assert ours is not None, f"penultimate needs the student's vectors at {len(student.rois)} lists of boxes"
        assert theirs is not None, f"penultimate needs the teacher's vectors at {len(teacher.rois)} lists of boxes"
        assert len(ours) == len(theirs), f"penultimate: {len(ours)} and {len(theirs)} regions"
        return penultimate_loss(self.connector(at_least_float32(ours)), at_least_float32(theirs.detach()))
