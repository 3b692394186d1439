"""What an objective between two detectors is, which detectors it fits, and the weighted sum of several."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from pipeline.detection_types import BoxTargets, DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.weighted import WeightedTerms
from pipeline.types import LossTerms

KINDS = ("faster_rcnn", "fcos")


@runtime_checkable
class DetectionObjective(Protocol):
    """Maps what two detectors say about one batch to an unweighted scalar in fp32.

    ``reads`` names the taps that it uses, among ``pyramid``, ``regions``, ``penultimate``, ``region_logits`` (with the
    deltas), ``dense`` (logits and boxes) and ``towers``; ``kinds`` the kinds of detector that have them;
    ``needs_targets`` says whether it looks at boxes, which its settings may decide.
    """

    reads: ClassVar[tuple[str, ...]]
    kinds: ClassVar[tuple[str, ...]]
    needs_targets: bool

    def __call__(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the unweighted scalar of one batch."""
        ...


def check_kinds(name: str, kinds: tuple[str, ...], *shapes: DetectorShape) -> None:
    """Check that an objective fits both detectors.

    Args:
        name: of the objective, for the message.
        kinds: of detector that it fits.
        *shapes: of the student and the teacher.

    Raises:
        ConfigError: one of them is of another kind.
    """
    for shape, role in zip(shapes, ("student", "teacher"), strict=True):
        if shape.kind not in kinds:
            raise ConfigError(
                f"{name} does not work on a {role} of kind {shape.kind}",
                " or ".join(kinds),
                "Leave the objective out, or choose another detector.",
            )


def check_same_kind(name: str, student_shape: DetectorShape, teacher_shape: DetectorShape) -> None:
    """Check that what the two heads say means the same.

    Args:
        name: of the objective, for the message.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Raises:
        ConfigError: one detector has one stage and the other two.
    """
    if student_shape.kind != teacher_shape.kind:
        raise ConfigError(
            f"{name} compares a student of kind {student_shape.kind} with a teacher of kind {teacher_shape.kind}",
            "two detectors of one kind",
            "Leave the objective out; those on the pyramid work between kinds.",
        )


def targets_of(name: str, batch: DetectionBatch) -> tuple[BoxTargets, ...]:
    """Return the targets of a batch for an objective that declared its need of them.

    Args:
        name: of the objective, for the message.
        batch: the batch.
    """
    assert batch.targets is not None, f"{name} needs boxes, this batch of {len(batch)} frames has none"
    return batch.targets


def trusted_boxes(name: str, batch: DetectionBatch, device: torch.device) -> list[Tensor]:
    """Return for each image the (N, 4) boxes whose weight is above 0.

    Args:
        name: of the objective, for the message.
        batch: the batch.
        device: where the boxes are wanted.
    """
    return [target.boxes[target.weights > 0].to(device) for target in targets_of(name, batch)]


class DetectionObjectiveSum(WeightedTerms[DetectionObjective]):
    """Weighted sum of named objectives between two detectors, with watch over the values.

    Args:
        terms: objective and weight by config key.

    Raises:
        ConfigError: a weight is negative or not finite.
    """

    def __init__(self, terms: Mapping[str, tuple[DetectionObjective, float]]) -> None:
        super().__init__(terms)

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the sorted names of the taps that any term reads."""
        return tuple(sorted({tap for objective in self.objectives.values() for tap in objective.reads}))

    @property
    def needs_targets(self) -> bool:
        """Return whether any term looks at boxes."""
        return any(objective.needs_targets for objective in self.objectives.values())

    def modules(self) -> nn.ModuleDict:
        """Return the terms that have parameters, so that they learn and are saved for a resume."""
        return nn.ModuleDict({name: o for name, o in self.objectives.items() if isinstance(o, nn.Module)})

    def bind_teacher(self, teacher: Any) -> None:
        """Give the teacher's network to the terms that use a part of it."""
        for objective in self.objectives.values():
            if hasattr(objective, "bind_teacher"):
                objective.bind_teacher(teacher)

    def __call__(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> LossTerms:
        """Evaluate every term.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels and, where regions are read, the same boxes.
            batch: the batch.

        Returns:
            The weighted sum, and the unweighted detached parts by config key.

        Raises:
            TrainingError: a term is not finite; the message holds all terms.
        """
        device = next(iter(student.pyramid.values())).device
        return self.evaluate(lambda objective: objective(student, teacher, batch), device)
