"""FitNets: a student's intermediate map, through a regressor of its own, follows the teacher's."""

from collections.abc import Sequence
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.losses.detection.connectors import conv_transform
from pipeline.losses.distillation.maps import channels_of, check_layers, paired_maps
from pipeline.types import NetworkShape, ReIDBatch, Taps


def hint_loss(regressed: Tensor, hint: Tensor) -> Tensor:
    """Return ``|r - h|^2`` averaged over all entries.

    Args:
        regressed: (B, C, h, w) the student's map after its regressor.
        hint: (B, C, h, w) the teacher's map; no gradient is sent to it.

    Returns:
        Scalar >= 0; 0 without images.

    Reference:
        Romero et al. FitNets: hints for thin deep nets. ICLR 2015. An implementation of the hint loss; the paper halves
        the squared norm of each image instead of taking the mean, and trains with it in a first phase of its own.
    """
    return F.mse_loss(regressed, hint.detach()) if regressed.numel() else regressed.sum() * 0.0


class FitNets(nn.Module):
    """Objective: `hint_loss` behind a 1x1 convolution, the regressor, which the paper has even for equal channels.

    The regressor learns with the student and is left behind after training. Equal channels start it as the identity,
    others as an orthogonal map; that, the averaging of several layers, and pooling the larger of two maps instead of a
    larger kernel are ours.

    Args:
        layers: maps to match, each with a regressor of its own; the paper takes one in the middle.
        student_shape: of the student.
        teacher_shape: of the teacher.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    # Of the default; `layers` decides.
    reads: tuple[str, ...] = ("maps:stage3",)

    def __init__(
        self, *, layers: Sequence[str] = ("stage3",), student_shape: NetworkShape, teacher_shape: NetworkShape
    ) -> None:
        super().__init__()
        self.layers = check_layers("fitnets", layers)
        self.reads = tuple(f"maps:{layer}" for layer in self.layers)
        # A list, because the names of modules have dots, which the keys of a ModuleDict may not have.
        self.regressors = nn.ModuleList(
            conv_transform(
                channels_of("fitnets", student_shape, tap=layer, whose="student"),
                channels_of("fitnets", teacher_shape, tap=layer, whose="teacher"),
            )
            for layer in self.layers
        )

    def forward(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same images.
            batch: not read.
        """
        assert teacher is not None, "fitnets needs a teacher"
        total = student.embedding.new_zeros(())
        for layer, regressor in zip(self.layers, self.regressors, strict=True):
            ours, theirs = paired_maps(student, teacher, layer)
            total = total + hint_loss(regressor(ours), theirs)
        return total / len(self.layers)
