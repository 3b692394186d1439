"""The task of progressive distillation: the teacher adapts, then the student learns from it, in one step."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.models.reid import ReIDModel
from pipeline.teaching.responses import respond
from pipeline.training.camera_space import CameraSpace
from pipeline.training.loop import Batches
from pipeline.training.phases import Phase
from pipeline.training.player import Player, gathered
from pipeline.training.scoped import TARGET, ScopedObjectives
from pipeline.training.supervised import global_batch, on_device
from pipeline.training.tensor_names import under
from pipeline.types import LossTerms, ReIDBatch, Taps


@dataclass
class Side:
    """One network of the pair.

    Args:
        player: it, where it learns in some phase; else None.
        frozen: it, where it never learns; else None.
        objectives: its terms.
        space: where its target embeddings are compared; None = as they are.
    """

    player: Player | None
    frozen: ReIDModel | None
    objectives: ScopedObjectives
    space: CameraSpace | None = None

    @property
    def mean(self) -> ReIDModel:
        """The network to embed with: the mean one where it learns."""
        model = self.player.mean if self.player is not None else self.frozen
        assert model is not None, "a side has either a player or a frozen network"
        return model

    def speaker(self, phase: Phase) -> ReIDModel | None:
        """Return the network whose answers the student hears."""
        if phase.teaches == "nobody":
            return None
        return self.player.model if phase.teaches == "live" and self.player is not None else self.mean


class ProgressiveTask:
    """Steps of a teacher and a student on one source and one target batch.

    Args:
        teacher: the teacher's side, or None without a teacher.
        student: the student's side.
        phase: who learns and who teaches; set anew at the start of each phase.
        device: where it computes.
        total_steps: of all rounds, for schedules.
    """

    def __init__(
        self, *, teacher: Side | None, student: Side, phase: Phase, device: torch.device, total_steps: int
    ) -> None:
        self.teacher, self.student, self.phase = teacher, student, phase
        self.device, self.total_steps = device, total_steps
        self.beta = 1.0

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Take the teacher's step, then the student's on the moved teacher's fresh answers.

        Args:
            batches: this rank's slices of the source and the target batch.
            step: 0-based number of the step over all rounds.
        """
        local = {name: on_device(batch, self.device) for name, batch in batches.items()}
        whole = {name: global_batch(batch) for name, batch in local.items()}
        progress = step / max(1, self.total_steps)
        total = torch.zeros((), device=self.device)
        parts: dict[str, Tensor] = {}
        answers: dict[str, Taps] = {}
        if self.teacher is not None and self.phase.teacher_learns:
            weight = 1.0 - self.beta if self.phase.is_progressive else 1.0
            terms = _learn(self.teacher, local, whole, {}, weight=weight, progress=progress)
            total, parts = total + terms.total, {f"teacher.{k}": v for k, v in terms.parts.items()}
        if self.phase.student_learns:
            speaker = self.teacher.speaker(self.phase) if self.teacher is not None else None
            if speaker is not None and self.teacher is not None and self.student.objectives.needs_teacher:
                answers = {name: gathered(respond(speaker, batch.images, taps=self.student.objectives.maps))
                           for name, batch in local.items()}  # fmt: skip
                answers = _standardised(answers, self.teacher.space, whole)
            weight = self.beta if self.phase.is_progressive else 1.0
            terms = _learn(self.student, local, whole, answers, weight=weight, progress=progress)
            total, parts = total + terms.total, parts | {f"student.{k}": v for k, v in terms.parts.items()}
        return LossTerms(total, parts)

    @property
    def sides(self) -> dict[str, Side]:
        """The networks by name."""
        return {"student": self.student} if self.teacher is None else {"teacher": self.teacher, "student": self.student}

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps of both networks."""
        tensors: dict[str, Tensor] = {}
        for name, side in self.sides.items():
            if side.player is not None:
                tensors |= {f"{name}.{key}": value for key, value in side.player.state().items()}
            if side.space is not None:
                tensors |= {f"{name}.space.mean": side.space.mean, f"{name}.space.std": side.space.std}
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        for name, side in self.sides.items():
            own = under(tensors, f"{name}.")
            if side.player is not None:
                side.player.load_state(own)
            if "space.mean" in own:
                side.space = CameraSpace(own["space.mean"].to(self.device), own["space.std"].to(self.device))


def _learn(
    side: Side,
    local: Mapping[str, ReIDBatch],
    whole: Mapping[str, ReIDBatch],
    answers: Mapping[str, Taps],
    *,
    weight: float,
    progress: float,
) -> LossTerms:
    player, objectives = side.player, side.objectives if answers else side.objectives.without_teacher
    assert player is not None, "only a player learns"
    if whole[TARGET].labels is None:
        objectives = objectives.without_target_labels
    if not objectives.terms:
        return LossTerms(torch.zeros(()), {})
    for term in objectives.terms:
        if hasattr(term.objective, "set_progress"):
            term.objective.set_progress(progress)
    said = player.forward({name: batch.images for name, batch in local.items() if objectives.reads(name)})
    seen = _standardised(said, side.space, whole)
    terms = objectives(seen, answers, whole)
    player.learn(terms.total, said, weight=weight)
    for memory in objectives.of_type(CentroidContrast):
        if memory.momentum < 1.0 and TARGET in seen and whole[TARGET].labels is not None:
            memory.update(seen[TARGET].bn_embedding, whole[TARGET].labels)
    return LossTerms(terms.total.detach(), terms.parts)


def _standardised(
    taps: Mapping[str, Taps], space: CameraSpace | None, batches: Mapping[str, ReIDBatch]
) -> dict[str, Taps]:
    if space is None or TARGET not in taps:
        return dict(taps)
    return {**taps, TARGET: space.standardised(taps[TARGET], batches[TARGET].cameras)}
