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
from pipeline.training.detection.domains import speak_for
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
    ) -> None:
        self.teacher, self.student, self.objectives = teacher, student, objectives
        self.pseudo, self.style, self.device = pseudo, style, device
        self.beta = 1.0
        # None while boxes on target frames are not believed yet.
        self.limits: Limits | None = None
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
            shown[TARGET] = replace(local["strong"], targets=self._boxes(local["weak"], self.limits))
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

    def _boxes(self, weak: DetectionBatch, limits: Limits | None) -> tuple[BoxTargets, ...] | None:
        """Return what the mean network finds on the weak view, as targets; None while nobody believes it."""
        if limits is None:
            return None
        settings = self.pseudo
        speaker = self.finder.speaker(TARGET).eval()
        with timed("forward", self.device.type):
            found = speaker.detect(
                weak.images, weak.sizes, score_threshold=0.02, nms_threshold=settings.nms, max_detections=settings.most
            )
        seen = weak.foreground if self.is_moving else None
        planes = [None] * len(found) if seen is None else seen.cpu().numpy()
        calibration = self.finder.calibration
        targets = [pseudo_targets(one, calibration, limits, plane) for one, plane in zip(found, planes, strict=True)]
        targets = [replace(target, weights=settings.weight * target.weights) for target in targets]
        move = [(t.boxes.to(self.device), t.weights.to(self.device), t.ignored.to(self.device)) for t in targets]
        return tuple(BoxTargets(*tensors) for tensors in move)

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps of both networks."""
        tensors: dict[str, Tensor] = {}
        for name, side in self.sides.items():
            if side.player is not None:
                tensors |= {f"{name}.{key}": value for key, value in side.player.state().items()}
            tensors[f"{name}.calibration"] = torch.tensor(side.calibration.numbers, dtype=torch.float64)
        limits = [] if self.limits is None else [self.limits.keep, self.limits.ignore]
        tensors["is_moving"] = torch.tensor(self.is_moving)
        return {**tensors, "limits": torch.tensor(limits, dtype=torch.float64)}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        limits = tensors["limits"].tolist()
        self.limits = Limits(*limits) if limits else None
        self.is_moving = bool(tensors["is_moving"])
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
