"""Focal and global distillation: people and background apart, weighted by the teacher's attention, plus relations."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.context_block import ContextBlock
from pipeline.losses.detection.levels import Level, Levels, PyramidLevels
from pipeline.losses.detection.masks import CHUNK, box_cells, masked_softmax
from pipeline.losses.detection.objective import check_kinds, trusted_boxes


def attention(maps: Tensor, *, valid: Tensor, temperature: float = 0.5) -> tuple[Tensor, Tensor]:
    """Return ``n softmax_cells(mean_c |F| / T)`` and ``C softmax_channels(mean_cells |F| / T)``, n the valid cells.

    Args:
        maps: (B, C, h, w).
        valid: (B, h, w) bool, cells of the frames.
        temperature: T > 0.

    Returns:
        (B, h, w) attention of cells, which sums to n, 0 in the padding; (B, C) attention of channels, sum C.
    """
    size = maps.abs() * valid[:, None]
    cells = valid.flatten(1).sum(1, keepdim=True)
    spatial = cells * masked_softmax(size.mean(1).flatten(1) / temperature, valid.flatten(1))
    channels = size.flatten(2).sum(2) / cells.clamp(min=1)
    return spatial.view(valid.shape), maps.shape[1] * (channels / temperature).softmax(1)


def focal_masks(boxes: Sequence[Tensor], *, stride: int, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weight of each cell as part of a person and as background.

    Args:
        boxes: for each image (N, 4) xyxy in pixels, possibly none.
        stride: pixels along a side of a cell.
        valid: (B, h, w) bool, cells of the frames.

    Returns:
        (B, h, w) foreground: 1 / (number of cells of the smallest box over the cell), 0 where there is none;
        (B, h, w) background: 1 / (number of background cells of the image), 0 on people. Both are 0 in the padding.
    """
    foreground = torch.zeros(valid.shape, device=valid.device)
    for image, of_image in enumerate(boxes):
        rows, columns, cells = box_cells(of_image, stride, (valid.shape[1], valid.shape[2]))
        for at in range(0, len(of_image), CHUNK):
            part = slice(at, at + CHUNK)
            covered = rows[part, :, None] & columns[part, None, :]
            shares = (covered / cells[part, None, None].clamp(min=1)).amax(0)
            foreground[image] = torch.maximum(foreground[image], shares.float())
    background = valid & (foreground == 0)
    counts = background.sum((1, 2), keepdim=True).clamp(min=1)
    return foreground * valid, background / counts


def focal_loss(student: Tensor, teacher: Tensor, *, weights: Tensor, valid: Tensor, temperature: float = 0.5) -> Tensor:
    """Return ``sum M A_spatial A_channel (s - t)^2 / B`` with the attention A of the teacher.

    Args:
        student: (B, C, h, w).
        teacher: (B, C, h, w); no gradient is sent to it.
        weights: (B, h, w) M >= 0 of each cell.
        valid: (B, h, w) bool, cells of the frames.
        temperature: of the attention.
    """
    target = teacher.detach()
    spatial, channels = attention(target, valid=valid, temperature=temperature)
    weighted = (student - target).square() * (weights * spatial)[:, None] * channels[:, :, None, None]
    return weighted.sum() / max(len(student), 1)


def attention_loss(student: Tensor, teacher: Tensor, *, valid: Tensor, temperature: float = 0.5) -> Tensor:
    """Return the sum of the absolute differences of both attentions, divided by the images.

    Args:
        student: (B, C, h, w).
        teacher: (B, C, h, w); no gradient is sent to it.
        valid: (B, h, w) bool, cells of the frames.
        temperature: of the attention.
    """
    ours = attention(student, valid=valid, temperature=temperature)
    theirs = attention(teacher.detach(), valid=valid, temperature=temperature)
    return sum((a - b).abs().sum() for a, b in zip(ours, theirs, strict=True)) / max(len(student), 1)  # type: ignore[return-value]


class FGD(nn.Module):
    """Objective: sum over levels of ``focal + attention + relation``, each with its own factor.

    Args:
        levels: strides to compare; None takes all of the student.
        foreground: factor of cells on people; the default factors are those for one-stage detectors, two-stage ones
            have about a twentieth (5e-5, 2.5e-5, 5e-5, 5e-7).
        background: factor of the other cells.
        attention: factor of `attention_loss`.
        relation: factor of the squared distance of both maps behind a context block each.
        temperature: of the attention.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Reference:
        Yang et al. Focal and global knowledge distillation for detectors. CVPR 2022. Ours differs: boxes are brought
        to cells by the stride and not by the ratio of sizes, padding takes no part, and the first index of a mask is
        the row (the released code writes the box's x range there).
    """

    reads: ClassVar[tuple[str, ...]] = ("pyramid",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = True

    def __init__(
        self,
        *,
        levels: Levels = None,
        foreground: float = 1e-3,
        background: float = 5e-4,
        attention: float = 1e-3,
        relation: float = 5e-6,
        temperature: float = 0.5,
        student_shape: DetectorShape,
        teacher_shape: DetectorShape,
    ) -> None:
        super().__init__()
        check_kinds("fgd", self.kinds, student_shape, teacher_shape)
        if temperature <= 0:
            raise ConfigError(f"the temperature of fgd is {temperature}", "a number above 0")
        self.factors = {
            "foreground": foreground, "background": background, "attention": attention, "relation": relation
        }  # fmt: skip
        for name, value in self.factors.items():
            if value < 0:
                raise ConfigError(f"{name} of fgd is {value}", "0 or above")
        self.levels = PyramidLevels("fgd", levels, student_shape=student_shape, teacher_shape=teacher_shape)
        self.temperature = temperature
        width, names = teacher_shape.pyramid_width, [str(stride) for stride in self.levels.strides]
        self.student_context = nn.ModuleDict({name: ContextBlock(width) for name in names})
        self.teacher_context = nn.ModuleDict({name: ContextBlock(width) for name in names})

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; its sizes tell padding apart, its boxes people.
        """
        levels = self.levels(student, teacher, batch)
        boxes = trusted_boxes("fgd", batch, levels[0].student.device)
        return torch.stack([self._level(level, boxes) for level in levels]).sum()

    def _level(self, level: Level, boxes: Sequence[Tensor]) -> Tensor:
        ours, theirs, factors = level.student, level.teacher, self.factors
        people, rest = focal_masks(boxes, stride=level.stride, valid=level.valid)
        weights = factors["foreground"] * people + factors["background"] * rest
        value = focal_loss(ours, theirs, weights=weights, valid=level.valid, temperature=self.temperature)
        value = value + factors["attention"] * attention_loss(
            ours, theirs, valid=level.valid, temperature=self.temperature
        )
        return value + factors["relation"] * self._relation(level)

    def _relation(self, level: Level) -> Tensor:
        name = str(level.stride)
        ours = self.student_context[name](level.student, level.valid)
        theirs = self.teacher_context[name](level.teacher, level.valid)
        return ((ours - theirs).square() * level.valid[:, None]).sum() / max(len(ours), 1)
