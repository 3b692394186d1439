"""Distillation of regions: what is pooled at the same boxes from both pyramids."""

from typing import ClassVar

from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.connectors import conv_connector
from pipeline.losses.detection.objective import check_kinds
from pipeline.losses.vectors import at_least_float32


def region_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean over regions of the mean of ``(s - t)^2`` over their elements.

    Args:
        student: (R, C, s, s) pooled regions.
        teacher: (R, C, s, s) regions pooled at the same boxes; no gradient is sent to them.

    Returns:
        Scalar >= 0; 0 without regions.

    Reference:
        Chen, Ai et al. Learning lightweight pedestrian detector with hierarchical knowledge distillation. ICIP 2019
        (region level: the flattened pooled tensor that enters the head; the mean over elements is ours).
    """
    return (student - teacher.detach()).square().sum() / max(student.numel(), 1)


def check_regions(name: str, student_shape: DetectorShape, teacher_shape: DetectorShape) -> None:
    """Check that both detectors pool regions onto the same number of cells.

    Args:
        name: of the objective, for the message.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Raises:
        ConfigError: they don't.
    """
    sizes = student_shape.region_size, teacher_shape.region_size
    if sizes[0] != sizes[1]:
        raise ConfigError(
            f"{name} compares regions of {sizes[0]}x{sizes[0]} cells of the student with {sizes[1]}x{sizes[1]} of the "
            "teacher",
            "the same number of cells",
            "Give both detectors one region size.",
        )


def both_regions(name: str, student: DetectorTaps, teacher: DetectorTaps) -> tuple[Tensor, Tensor]:
    """Return the regions of both detectors in fp32, the teacher's without gradient.

    Args:
        name: of the objective, for the message.
        student: taps with regions.
        teacher: taps with regions at the same boxes.
    """
    ours, theirs = student.regions, teacher.regions
    assert ours is not None, f"{name} needs regions of the student, which is asked for {sorted(student.pyramid)} only"
    assert theirs is not None, f"{name} needs regions of the teacher, which is asked for {sorted(teacher.pyramid)} only"
    assert len(ours) == len(theirs), f"{name}: {len(ours)} regions of the student, {len(theirs)} of the teacher"
    return at_least_float32(ours), at_least_float32(theirs.detach())


class Region(nn.Module):
    """Objective: `region_loss`, with a 1x1 connector where the widths differ.

    Args:
        student_shape: of the student.
        teacher_shape: of the teacher.
    """

    reads: ClassVar[tuple[str, ...]] = ("regions",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = False

    def __init__(self, *, student_shape: DetectorShape, teacher_shape: DetectorShape) -> None:
        super().__init__()
        check_kinds("region", self.kinds, student_shape, teacher_shape)
        check_regions("region", student_shape, teacher_shape)
        self.connector = conv_connector(student_shape.pyramid_width, teacher_shape.pyramid_width)

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; not read.
        """
        ours, theirs = both_regions("region", student, teacher)
        return region_loss(self.connector(ours), theirs)
