"""Distillation of what every cell says: its person logit and its box."""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.bounded import bounded_errors
from pipeline.losses.detection.dense_rows import BOXES_OF_KIND, box_rows, logit_rows
from pipeline.losses.detection.levels import Levels, matched_strides, side_by_side
from pipeline.losses.detection.objective import check_kinds, check_same_kind
from pipeline.losses.vectors import at_least_float32

BoxTerm = Literal["giou", "squared", "none"]


def confident_scores(teacher_logits: Tensor, *, min_score: float) -> Tensor:
    """Return the teacher's probabilities, and 0 where they are below a threshold.

    Args:
        teacher_logits: any shape.
        min_score: 0..1; thousands of background cells would outweigh the few that see a person.
    """
    scores = at_least_float32(teacher_logits.detach()).sigmoid()
    return scores * (scores >= min_score)


def score_loss(student_logits: Tensor, teacher_logits: Tensor, *, weights: Tensor, beta: float = 1.0) -> Tensor:
    """Return ``sum |p_t - p_s|^beta BCE(p_s, p_t) / sum w``: every cell, most where the two disagree.

    Args:
        student_logits: (N,).
        teacher_logits: (N,); no gradient is sent to them.
        weights: (N,) the teacher's confidence, whose sum stands for the number of people's cells; 1 where smaller.
        beta: exponent > 0 of the disagreement.

    Returns:
        Scalar >= 0; 0 where both say the same.

    Reference:
        Li et al. Generalized focal loss. NeurIPS 2020, with the teacher's probability as the quality, as in
        Wang et al. CrossKD. CVPR 2024.
    """
    student, target = at_least_float32(student_logits), at_least_float32(teacher_logits.detach()).sigmoid()
    entropy = F.binary_cross_entropy_with_logits(student, target, reduction="none")
    disagreement = (student.sigmoid() - target).abs().pow(beta)
    return (disagreement * entropy).sum() / weights.sum().clamp(min=1)


def giou_loss(student_boxes: Tensor, teacher_boxes: Tensor, *, weights: Tensor) -> Tensor:
    """Return the mean of ``1 - GIoU`` of both boxes of each cell, weighted by the teacher's confidence.

    Args:
        student_boxes: (N, 4) xyxy.
        teacher_boxes: (N, 4) xyxy from the same cell or anchor; no gradient is sent to them.
        weights: (N,) >= 0.

    Returns:
        Scalar >= 0, divided by the sum of the weights or 1, whichever is larger.

    Reference:
        Rezatofighi et al. Generalized intersection over union. CVPR 2019.
    """
    trusted = weights > 0
    losses = generalized_box_iou_loss(student_boxes[trusted], teacher_boxes.detach()[trusted])
    return (weights[trusted] * losses).sum() / weights.sum().clamp(min=1)


class DenseResponse:
    """Objective: `score_loss` plus the boxes, over all cells of all levels; a two-stage detector's are its proposals'.

    Args:
        levels: strides to compare; None takes all of the student.
        beta: exponent > 0 of the disagreement.
        min_score: below it a teacher's box is not listened to.
        boxes: ``giou`` compares decoded boxes; ``squared`` the four numbers as the head gives them, which is the
            bounded regression with the teacher as truth; ``none`` leaves boxes out.
        box_weight: of the box term.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Reference:
        Weights and losses as in Wang et al. CrossKD: cross-head knowledge distillation for object detection. CVPR
        2024, on the student's own predictions. Ours differs: the terms are divided by the teacher's confidence above
        ``min_score`` and not by the centreness of annotated boxes, so no annotations are needed.
    """

    reads: ClassVar[tuple[str, ...]] = ("dense",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = False

    def __init__(
        self,
        *,
        levels: Levels = None,
        beta: float = 1.0,
        min_score: float = 0.05,
        boxes: BoxTerm = "giou",
        box_weight: float = 1.0,
        student_shape: DetectorShape,
        teacher_shape: DetectorShape,
    ) -> None:
        check_kinds("dense_response", self.kinds, student_shape, teacher_shape)
        check_same_kind("dense_response", student_shape, teacher_shape)
        if beta <= 0:
            raise ConfigError(f"beta of dense_response is {beta}", "a number above 0")
        if not 0 <= min_score < 1:
            raise ConfigError(f"min_score of dense_response is {min_score}", "0 or above and below 1")
        if boxes not in ("giou", "squared", "none"):
            raise ConfigError(f"boxes of dense_response is {boxes!r}", "giou, squared or none")
        if box_weight < 0:
            raise ConfigError(f"box_weight of dense_response is {box_weight}", "0 or above")
        self.strides = matched_strides("dense_response", levels, student_shape, teacher_shape)
        self.beta, self.min_score, self.box_weight = beta, min_score, box_weight
        self.boxes: BoxTerm = boxes
        self.decode = BOXES_OF_KIND[student_shape.kind]

    def __call__(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch."""
        columns: list[list[Tensor]] = [[], [], [], []]
        for stride in self.strides:
            check_anchors("dense_response", student.dense_logits[stride], teacher.dense_logits[stride], stride)
            logits = side_by_side(student.dense_logits[stride], teacher.dense_logits[stride], stride, batch)
            columns[0].append(logit_rows(logits.student, logits.valid))
            columns[1].append(logit_rows(logits.teacher, logits.valid))
            if self.boxes != "none":
                boxes = side_by_side(student.dense_boxes[stride], teacher.dense_boxes[stride], stride, batch)
                columns[2].append(box_rows(boxes.student, boxes.valid))
                columns[3].append(box_rows(boxes.teacher, boxes.valid))
        ours, theirs = torch.cat(columns[0]), torch.cat(columns[1])
        weights = confident_scores(theirs, min_score=self.min_score)
        total = score_loss(ours, theirs, weights=weights, beta=self.beta)
        if self.boxes == "none" or self.box_weight == 0:
            return total
        return total + self.box_weight * self._box_term(torch.cat(columns[2]), torch.cat(columns[3]), weights)

    def _box_term(self, ours: Tensor, theirs: Tensor, weights: Tensor) -> Tensor:
        if self.boxes == "giou":
            return giou_loss(self.decode(ours), self.decode(theirs), weights=weights)
        errors = bounded_errors(ours, theirs, theirs, margin=1.0)
        return (weights * errors).sum() / weights.sum().clamp(min=1)


def check_anchors(name: str, student_logits: Tensor, teacher_logits: Tensor, stride: int) -> None:
    """Check that both detectors have the same number of anchors in a cell.

    Args:
        name: of the objective, for the message.
        student_logits: (B, A, h, w).
        teacher_logits: (B, A', h, w).
        stride: of the level.

    Raises:
        ConfigError: they have not.
    """
    if student_logits.shape[1] != teacher_logits.shape[1]:
        raise ConfigError(
            f"{name} compares {student_logits.shape[1]} anchors of the student with {teacher_logits.shape[1]} of the "
            f"teacher at stride {stride}",
            "the same anchors",
            "Build both detectors with the same anchors, or leave the objective out.",
        )
