"""Distillation of what a two-stage head says of each region: its classes and its box offsets."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.bounded import bounded_regression_loss
from pipeline.losses.detection.matching import inside_frame, matched_offsets
from pipeline.losses.detection.objective import check_kinds, targets_of
from pipeline.losses.detection.soft_cross_entropy import soft_cross_entropy_loss
from pipeline.losses.vectors import at_least_float32

BoxTerm = Literal["bounded", "teacher", "none"]
PERSON = 1


class RegionResponse:
    """Objective: weighted cross-entropy against the teacher's classes, plus the bounded regression of its boxes.

    ``L = L_soft + box_weight L_b`` over the same regions of both detectors.

    Args:
        temperature: T > 0 of the classes.
        background_weight: of the background class, a person has 1.
        boxes: ``bounded`` compares with annotated boxes where the teacher is better; ``teacher``, for frames without
            any, goes to the teacher's own box in proportion to its person probability; ``none`` leaves boxes out.
        margin: by which a student's squared error has to be below the teacher's.
        box_weight: of the box term.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Reference:
        Chen, Choi, Yu, Han, Chandraker. Learning efficient object detection models with knowledge distillation. NIPS
        2017. Ours differs: the cross-entropy and regression against annotations stay with the detector's own loss, and
        the box term is averaged over regions that overlap the part of a person inside the frame by half or more.
    """

    reads: ClassVar[tuple[str, ...]] = ("region_logits",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn",)
    needs_targets: bool = True

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        background_weight: float = 1.5,
        boxes: BoxTerm = "bounded",
        margin: float = 0.2,
        box_weight: float = 0.5,
        student_shape: DetectorShape,
        teacher_shape: DetectorShape,
    ) -> None:
        check_kinds("region_response", self.kinds, student_shape, teacher_shape)
        if temperature <= 0:
            raise ConfigError(f"the temperature of region_response is {temperature}", "a number above 0")
        for name, value in (("background_weight", background_weight), ("margin", margin), ("box_weight", box_weight)):
            if value < 0:
                raise ConfigError(f"{name} of region_response is {value}", "0 or above")
        if boxes not in ("bounded", "teacher", "none"):
            raise ConfigError(f"boxes of region_response is {boxes!r}", "bounded, teacher or none")
        self.temperature, self.margin, self.box_weight = temperature, margin, box_weight
        self.class_weights = (background_weight, 1.0)
        self.boxes: BoxTerm = boxes
        self.needs_targets = boxes == "bounded"

    def __call__(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch."""
        ours, theirs = student.region_logits, teacher.region_logits
        assert ours is not None, f"region_response needs logits of the student at {len(student.rois)} lists of boxes"
        assert theirs is not None, f"region_response needs logits of the teacher at {len(teacher.rois)} lists of boxes"
        assert ours.shape == theirs.shape, f"region_response: logits {tuple(ours.shape)} and {tuple(theirs.shape)}"
        total = soft_cross_entropy_loss(ours, theirs, class_weights=self.class_weights, temperature=self.temperature)
        if self.boxes == "none" or self.box_weight == 0:
            return total
        return total + self.box_weight * self._box_term(student, teacher, batch)

    def _box_term(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        assert student.region_deltas is not None, f"region_response needs offsets, boxes is {self.boxes}"
        assert teacher.region_deltas is not None, f"region_response needs offsets, boxes is {self.boxes}"
        assert teacher.region_logits is not None, f"region_response needs logits, boxes is {self.boxes}"
        ours, theirs = at_least_float32(student.region_deltas), at_least_float32(teacher.region_deltas.detach())
        if self.boxes == "teacher":
            truth = theirs
            weights = at_least_float32(teacher.region_logits.detach()).softmax(1)[:, PERSON]
        else:
            targets = targets_of("region_response", batch)
            matched = [
                matched_offsets(rois, inside_frame(target, size))
                for rois, target, size in zip(student.rois, targets, batch.sizes, strict=True)
            ]
            truth, weights = (torch.cat(column).to(ours.device) for column in zip(*matched, strict=True))
        return bounded_regression_loss(ours, theirs, truth, weights=weights, margin=self.margin)
