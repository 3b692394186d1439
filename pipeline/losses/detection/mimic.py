"""Feature mimicry: regions of the student, always through a transform layer, follow the teacher's."""

from typing import ClassVar

from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.losses.detection.connectors import conv_transform
from pipeline.losses.detection.objective import check_kinds
from pipeline.losses.detection.region import both_regions, check_regions


def mimic_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return ``1 / (2 R) sum_i |u_i - v_i|^2 / m``, m the cells of a region.

    Args:
        student: (R, C, s, s) transformed regions.
        teacher: (R, C, s, s) regions pooled at the same boxes; no gradient is sent to them.

    Returns:
        Scalar >= 0; 0 without regions.

    Reference:
        Li, Jin, Yan. Mimicking very efficient network for object detection. CVPR 2017. We write the normalisation by
        the size of a proposal as one by the cells that it is pooled to.
    """
    cells = student.shape[2] * student.shape[3]
    return (student - teacher.detach()).square().sum() / (2 * max(len(student), 1) * cells)


class Mimic(nn.Module):
    """Objective: `mimic_loss` behind a 1x1 transform layer, which is there even where the widths are equal.

    Args:
        student_shape: of the student.
        teacher_shape: of the teacher.
    """

    reads: ClassVar[tuple[str, ...]] = ("regions",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = False

    def __init__(self, *, student_shape: DetectorShape, teacher_shape: DetectorShape) -> None:
        super().__init__()
        check_kinds("mimic", self.kinds, student_shape, teacher_shape)
        check_regions("mimic", student_shape, teacher_shape)
        self.transform = conv_transform(student_shape.pyramid_width, teacher_shape.pyramid_width)

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; not read.
        """
        ours, theirs = both_regions("mimic", student, teacher)
        return mimic_loss(self.transform(ours), theirs)
