"""Levels of two pyramids side by side: matched by stride, brought to one width, without the padding."""

from dataclasses import dataclass

from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.connectors import conv_connector
from pipeline.losses.detection.masks import valid_cells
from pipeline.losses.vectors import at_least_float32

Levels = tuple[int, ...] | None


@dataclass(frozen=True)
class Level:
    """One level of both detectors.

    Args:
        stride: pixels along a side of a cell.
        student: (B, C, h, w) in fp32, after the connector.
        teacher: (B, C, h, w) in fp32, without gradient.
        valid: (B, h, w) bool, cells of the frames.
    """

    stride: int
    student: Tensor
    teacher: Tensor
    valid: Tensor


def matched_strides(
    name: str, levels: Levels, student_shape: DetectorShape, teacher_shape: DetectorShape
) -> tuple[int, ...]:
    """Return the ascending strides on which two detectors are compared.

    Args:
        name: of the objective, for the message.
        levels: strides to use; None takes all of the student.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Raises:
        ConfigError: one of the two has no level of such a stride, or no level is chosen.
    """
    ours, theirs = list(student_shape.strides), list(teacher_shape.strides)
    wanted = ours if levels is None else sorted(set(levels))
    common = sorted(set(ours) & set(theirs))
    if not wanted or any(stride not in common for stride in wanted):
        raise ConfigError(
            f"{name} compares levels of strides {wanted}; the student has {ours}, the teacher {theirs}",
            "strides that both have",
            f"Choose among levels: {common}." if common else "Build one of the pyramids with the other's strides.",
        )
    return tuple(wanted)


def side_by_side(student: Tensor, teacher: Tensor, stride: int, batch: DetectionBatch) -> Level:
    """Return the maps of both detectors on one level, which must have the same grid.

    Args:
        student: (B, C, h, w).
        teacher: (B, C', h, w); its gradient is cut off.
        stride: of the level.
        batch: with the sizes of the frames.
    """
    grids = tuple(student.shape[2:]), tuple(teacher.shape[2:])
    assert grids[0] == grids[1], f"cells at stride {stride}: {grids[0]} of the student, {grids[1]} of the teacher"
    valid = valid_cells(batch.sizes.to(student.device), stride, (student.shape[2], student.shape[3]))
    return Level(stride, at_least_float32(student), at_least_float32(teacher.detach()), valid)


class PyramidLevels(nn.Module):
    """The matched levels of two pyramids, with a 1x1 connector on each where the widths differ.

    Args:
        name: of the objective, for messages.
        levels: strides to use; None takes all of the student.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Raises:
        ConfigError: a stride is missing in one of the two.
    """

    def __init__(
        self, name: str, levels: Levels, *, student_shape: DetectorShape, teacher_shape: DetectorShape
    ) -> None:
        super().__init__()
        self.strides = matched_strides(name, levels, student_shape, teacher_shape)
        widths = student_shape.pyramid_width, teacher_shape.pyramid_width
        self.connectors = nn.ModuleDict({str(stride): conv_connector(*widths) for stride in self.strides})

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> list[Level]:
        """Return the levels of one batch in the order of the strides.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; its sizes tell padding apart.
        """
        levels = []
        for stride in self.strides:
            ours = self.connectors[str(stride)](at_least_float32(student.pyramid[stride]))
            levels.append(side_by_side(ours, teacher.pyramid[stride], stride, batch))
        return levels
