"""The task of detector distillation: the student learns from labels, from its teacher's insides, and on target frames
from boxes that a mean network found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from datasets.frame_boxes import Geometry
from pipeline.detection_types import BoxTargets, DetectionBatch, Detections, DetectorTaps
from pipeline.models.detection.detector import Detector, DetectorOutput
from pipeline.training.detection.calibration import Calibration
from pipeline.training.detection.domains import speak_for
from pipeline.training.detection.found import from_tensors, to_tensors
from pipeline.training.detection.objectives import DetectionObjectives
from pipeline.training.detection.player import DetectorPlayer, FrameView, in_float32, on_device, respond
from pipeline.training.detection.pseudo_boxes import Limits, pseudo_targets
from pipeline.training.detection.settings import PseudoBoxSettings
from pipeline.training.detection.still_cells import without_furniture
from pipeline.training.detection.style import restyled
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.stopwatch import timed
from pipeline.training.tensor_names import under
from pipeline.types import LossTerms


@dataclass
class DetectorSide:
    """One detector of the pair.

    Args:
        player: it, where it learns; else None.
        frozen: it, where it does not; else None.
        calibration: of its mean network's scores, renewed each round.
    """

    player: DetectorPlayer | None
    frozen: Detector | None
    calibration: Calibration = field(default_factory=Calibration)

    @property
    def mean(self) -> Detector:
        """The network to ask: the mean one where it learns."""
        model = self.player.mean if self.player is not None else self.frozen
        assert model is not None, "a side has either a player or a frozen network"
        return model

    def speaker(self, domain: str) -> Detector:
        """Return the network to ask about frames of a domain, set to that domain's statistics."""
        return speak_for(self.mean, domain)


class DetectorDistillationTask:
    """Steps of a student, and of a teacher that adapts with it, or does not, or is not there.

    Args:
        teacher: the teacher's side, or None: then the student adapts by its own boxes, and there are no terms.
        student: the student's side; it learns.
        objectives: the student's distillation terms.
        pseudo: how boxes on target frames are made.
        style: share of the source frames that the student sees in the colours of target frames.
        device: where it computes.
        min_height: lower people neither teach nor are background, in pixels of what the student sees.
    """

    def __init__(
        self,
        *,
        teacher: DetectorSide | None,
        student: DetectorSide,
        objectives: DetectionObjectives,
        pseudo: PseudoBoxSettings,
        style: float = 0.0,
        device: torch.device,
        min_height: float = 0.0,
    ) -> None:
        self.teacher, self.student, self.objectives = teacher, student, objectives
        self.pseudo, self.style, self.device, self.min_height = pseudo, style, device, min_height
        self.beta = 1.0
        # None while boxes on target frames are not believed yet.
        self.limits: Limits | None = None
        # What the finder found on each target frame.
        self.found: list[Detections] | None = None
        # Whether people move from frame to frame, so that what does not is furniture.
        self.is_moving = True
        if teacher is not None:
            objectives.bind_teacher(teacher.mean)

    @property
    def finder(self) -> DetectorSide:
        """The side whose boxes teach on target frames."""
        return self.student if self.pseudo.by == "student" or self.teacher is None else self.teacher

    def step(self, batches: Mapping[str, DetectionBatch], step: int) -> LossTerms:
        """Take the teacher's step where it learns, then the student's on the mean teacher's fresh answers.

        Args:
            batches: this rank's slices: 'source', and where there is a target 'weak' and 'strong', two views of the
                same frames with the same geometry.
            step: 0-based number of the step.
        """
        local = {name: on_device(batch, self.device) for name, batch in batches.items()}
        clean = {SOURCE: local[SOURCE]}
        shown = dict(clean)
        if "weak" in local:
            clean[TARGET] = local["weak"]
            shown[SOURCE] = restyled(local[SOURCE], local["weak"], share=self.style)
            shown[TARGET] = replace(local["strong"], targets=self._boxes(local["weak"]))
        total, parts = torch.zeros((), device=self.device), {}
        weight, learner = 1.0, None if self.teacher is None else self.teacher.player
        if learner is not None:
            said = learner.forward({name: FrameView(batch) for name, batch in shown.items()})
            loss, own = _own_losses(said)
            learner.learn(loss, said, weight=1.0 - self.beta)
            total, parts = total + loss.detach(), {f"teacher.{k}": v for k, v in own.items()}
            weight = self.beta
        terms = self._student_step(shown, clean, weight=weight)
        parts |= {f"student.{k}": v for k, v in terms.parts.items()}
        return LossTerms(total + terms.total, parts, {f"student.{k}": v for k, v in terms.facts.items()})

    def _student_step(
        self, shown: Mapping[str, DetectionBatch], clean: Mapping[str, DetectionBatch], *, weight: float
    ) -> LossTerms:
        player = self.student.player
        assert player is not None, "the student learns"
        wants = {name: self.objectives.wants(name) for name in shown}
        said = player.forward({name: FrameView(batch, wants[name]) for name, batch in shown.items()})
        loss, parts = _own_losses(said)
        taps = {name: in_float32(output.taps) for name, output in said.items()}
        # The teacher sees the clean view of a frame; both views have one geometry, so boxes and cells agree.
        answers: dict[str, DetectorTaps] = {}
        for name, batch in shown.items():
            if self.teacher is not None and self.objectives.reads(name):
                asked = FrameView(replace(clean[name], targets=batch.targets), wants[name], taps[name].rois or None)
                with timed("forward", self.device.type):
                    answers[name] = respond(self.teacher.speaker(name), asked)
                seen = clean[name].foreground
                if seen is not None and self.is_moving:
                    answers[name] = without_furniture(answers[name], seen)
        terms = self.objectives(taps, answers, shown)
        loss = loss + terms.total
        player.learn(loss, said, weight=weight)
        return LossTerms(loss.detach(), {**parts, **terms.parts}, terms.facts)

    def _boxes(self, weak: DetectionBatch) -> tuple[BoxTargets, ...] | None:
        """Return what was found on the frames, as targets of their views; None while nobody believes it."""
        if self.limits is None or self.found is None:
            return None
        assert weak.windows is not None, "views know their windows"
        planes = [None] * len(weak)
        if weak.foreground is not None and self.is_moving:
            planes = list(weak.foreground.numpy())
        targets = []
        for index, window, plane in zip(weak.indices.tolist(), weak.windows.tolist(), planes, strict=True):
            view = Geometry.of(window)
            target = pseudo_targets(self.found[index], self.limits, view, plane=plane, min_height=self.min_height)
            weights = (self.pseudo.weight * target.weights).to(self.device)
            targets.append(BoxTargets(target.boxes.to(self.device), weights, target.ignored.to(self.device)))
        return tuple(targets)

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps of both networks."""
        tensors: dict[str, Tensor] = {}
        for name, side in self.sides.items():
            if side.player is not None:
                tensors |= {f"{name}.{key}": value for key, value in side.player.state().items()}
            tensors[f"{name}.calibration"] = torch.tensor(side.calibration.numbers, dtype=torch.float64)
        limits = [] if self.limits is None else [self.limits.keep, self.limits.ignore]
        tensors["is_moving"] = torch.tensor(self.is_moving)
        tensors |= {f"found.{key}": value for key, value in to_tensors(self.found).items()}
        return {**tensors, "limits": torch.tensor(limits, dtype=torch.float64)}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        limits = tensors["limits"].tolist()
        self.limits = Limits(*limits) if limits else None
        self.is_moving = bool(tensors["is_moving"])
        self.found = from_tensors(under(tensors, "found."))
        for name, side in self.sides.items():
            own = under(tensors, f"{name}.")
            side.calibration = Calibration.of(own.pop("calibration").tolist())
            if side.player is not None:
                side.player.load_state(own)

    @property
    def sides(self) -> dict[str, DetectorSide]:
        """The detectors by name."""
        return {"student": self.student} if self.teacher is None else {"teacher": self.teacher, "student": self.student}


def _own_losses(said: Mapping[str, DetectorOutput]) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the sum of a detector's own losses over the domains, and its detached parts."""
    parts = {f"{name}.{key}": value.float() for name, output in said.items() for key, value in output.losses.items()}
    return torch.stack(list(parts.values())).sum(), {name: value.detach() for name, value in parts.items()}
