"""The task of detector distillation: the student learns from labels, from its teacher's insides, and on target frames
from boxes that a mean network found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pipeline.detection_types import BoxTargets, DetectionBatch, DetectorTaps
from pipeline.models.detection.detector import Detector, DetectorOutput
from pipeline.training.detection.calibration import Calibration
from pipeline.training.detection.joining import joined, padded_alike, parted
from pipeline.training.detection.learner import DetectorLearner, FrameView, in_float32, on_device, respond
from pipeline.training.detection.objectives import DetectionObjectives
from pipeline.training.detection.pseudo_boxes import pseudo_targets
from pipeline.training.detection.settings import PseudoBoxSettings
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.types import LossTerms


@dataclass
class DetectorSide:
    """One detector of the pair.

    Args:
        learner: it, where it learns; else None.
        frozen: it, where it does not; else None.
        calibration: of its mean network's scores, renewed each round.
        on_target: the frozen network with the target's batch-norm statistics, where there is a target.
    """

    learner: DetectorLearner | None
    frozen: Detector | None
    calibration: Calibration = field(default_factory=Calibration)
    on_target: Detector | None = None

    @property
    def mean(self) -> Detector:
        """The network to ask: the mean one where it learns."""
        model = self.learner.mean if self.learner is not None else self.frozen
        assert model is not None, "a side has either a learner or a frozen network"
        return model

    def speaker(self, domain: str) -> Detector:
        """Return the network to ask about frames of a domain."""
        return self.on_target if domain == TARGET and self.on_target is not None else self.mean


class DetectorDistillationTask:
    """Steps of a student, and of a teacher that adapts with it or does not.

    Args:
        teacher: the teacher's side.
        student: the student's side; it learns.
        objectives: the student's distillation terms.
        pseudo: how boxes on target frames are made.
        device: where it computes.
    """

    def __init__(
        self,
        *,
        teacher: DetectorSide,
        student: DetectorSide,
        objectives: DetectionObjectives,
        pseudo: PseudoBoxSettings,
        device: torch.device,
    ) -> None:
        self.teacher, self.student, self.objectives = teacher, student, objectives
        self.pseudo, self.device = pseudo, device
        self.beta = 1.0
        objectives.bind_teacher(teacher.mean)

    def step(self, batches: Mapping[str, DetectionBatch], step: int) -> LossTerms:
        """Take the teacher's step where it learns, then the student's on the mean teacher's fresh answers.

        Args:
            batches: this rank's slices: 'source', and where there is a target 'weak' and 'strong', two views of the
                same frames with the same geometry.
            step: 0-based number of the step.
        """
        local = {name: on_device(batch, self.device) for name, batch in batches.items()}
        names = [SOURCE, TARGET] if "weak" in local else [SOURCE]
        clean = dict(zip(names, padded_alike([local[key] for key in (SOURCE, "weak") if key in local]), strict=True))
        shown = dict(clean)
        if TARGET in names:
            pixels = padded_alike([clean[TARGET], local["strong"]])[1]
            shown[TARGET] = replace(pixels, targets=self._boxes(clean[TARGET]))
        total, parts = torch.zeros((), device=self.device), {}
        if self.teacher.learner is not None:
            said = self.teacher.learner.forward(FrameView(joined(list(shown.values()))))
            loss, own = _own_losses(said)
            self.teacher.learner.learn(loss, said, weight=1.0 - self.beta)
            total, parts = total + loss.detach(), {f"teacher.{k}": v for k, v in own.items()}
        weight = self.beta if self.teacher.learner is not None else 1.0
        loss, own = self._student_step(shown, clean, weight=weight)
        return LossTerms(total + loss, parts | {f"student.{k}": v for k, v in own.items()})

    def _student_step(
        self, shown: Mapping[str, DetectionBatch], clean: Mapping[str, DetectionBatch], *, weight: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        learner = self.student.learner
        assert learner is not None, "the student learns"
        wants = frozenset().union(*(self.objectives.wants(name) for name in shown))
        said = learner.forward(FrameView(joined(list(shown.values())), wants))
        loss, parts = _own_losses(said)
        counts = [len(batch) for batch in shown.values()]
        taps = dict(zip(shown, parted(in_float32(said.taps), counts), strict=True))
        # The teacher sees the clean view of a target frame; both views have one geometry, so boxes and cells agree.
        answers: dict[str, DetectorTaps] = {}
        for name, batch in shown.items():
            if self.objectives.reads(name):
                rois = taps[name].rois or None
                asked = FrameView(replace(clean[name], targets=batch.targets), self.objectives.wants(name), rois)
                answers[name] = respond(self.teacher.speaker(name), asked)
        terms = self.objectives(taps, answers, shown)
        loss = loss + terms.total
        learner.learn(loss, said, weight=weight)
        return loss.detach(), {**parts, **terms.parts}

    def _boxes(self, weak: DetectionBatch) -> tuple[BoxTargets, ...]:
        """Return what the mean teacher finds on the weak view, as targets."""
        settings = self.pseudo
        found = (
            self.teacher.speaker(TARGET)
            .eval()
            .detect(
                weak.images, weak.sizes, score_threshold=0.02, nms_threshold=settings.nms, max_detections=settings.most
            )
        )
        targets = [
            pseudo_targets(one, self.teacher.calibration, keep=settings.keep, ignore=settings.ignore) for one in found
        ]
        targets = [replace(target, weights=settings.weight * target.weights) for target in targets]
        move = [(t.boxes.to(self.device), t.weights.to(self.device), t.ignored.to(self.device)) for t in targets]
        return tuple(BoxTargets(*tensors) for tensors in move)

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps of both networks."""
        tensors: dict[str, Tensor] = {}
        for name, side in self._sides():
            if side.learner is not None:
                tensors |= {f"{name}.{key}": value for key, value in side.learner.state().items()}
            numbers = [side.calibration.slope, side.calibration.offset]
            tensors[f"{name}.calibration"] = torch.tensor(numbers, dtype=torch.float64)
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        for name, side in self._sides():
            own = {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}
            side.calibration = Calibration(*own.pop("calibration").tolist())
            if side.learner is not None:
                side.learner.load_state(own)

    def _sides(self) -> list[tuple[str, DetectorSide]]:
        return [("teacher", self.teacher), ("student", self.student)]


def _own_losses(said: DetectorOutput) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the sum of a detector's own losses, and its detached parts."""
    parts = {name: value.float() for name, value in said.losses.items()}
    return torch.stack(list(parts.values())).sum(), {name: value.detach() for name, value in parts.items()}
