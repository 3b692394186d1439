"""The task of progressive distillation: the teacher adapts, then the student learns from it, in one step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.models.reid import ReIDModel
from pipeline.teaching.ensemble import EnsembleTeacher
from pipeline.teaching.responses import respond
from pipeline.teaching.routed import RoutedTeacher
from pipeline.training.camera_space import CameraSpace
from pipeline.training.ensemble_step import EnsembleVoice
from pipeline.training.loop import Batches
from pipeline.training.phases import Phase
from pipeline.training.player import Player, gathered
from pipeline.training.remembering import Memory, joined
from pipeline.training.rivals import Rivals
from pipeline.training.scoped import SOURCE, TARGET, ScopedObjectives
from pipeline.training.stopwatch import timed
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
        route: puts the frozen network into one stored state after the other; None = it stays as it is.
        memory: an earlier network that this one is not to forget; None = there is none.
        rivals: discriminators of its terms, which learn against it; found among the terms.
    """

    player: Player | None
    frozen: ReIDModel | None
    objectives: ScopedObjectives
    space: CameraSpace | None = None
    route: RoutedTeacher | None = None
    memory: Memory | None = None
    rivals: Rivals | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Give the discriminators of the terms their optimizers."""
        if self.player is not None:
            device = next(self.player.model.parameters()).device
            rivals = Rivals(self.objectives, device=device)
            self.rivals = rivals if rivals.terms else None

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
        on_switch: called where another state of the teacher's route begins to teach within a round.
    """

    def __init__(
        self,
        *,
        teacher: Side | None,
        student: Side,
        phase: Phase,
        device: torch.device,
        total_steps: int,
        on_switch: Callable[[], None] = lambda: None,
    ) -> None:
        self.teacher, self.student, self.phase = teacher, student, phase
        self.device, self.total_steps, self.on_switch = device, total_steps, on_switch
        self.beta = 1.0
        # Of several teachers that are heard otherwise than by their mean.
        several: object = None if teacher is None else teacher.frozen
        self._voice: EnsembleVoice | None = None
        if isinstance(several, EnsembleTeacher) and several.combine != "average":
            self._voice = EnsembleVoice(several)
        if teacher is not None and student.player is not None:
            speaker = teacher.speaker(phase)
            student.objectives.bind_networks(student.player.model, speaker if speaker is not None else teacher.mean)

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
        facts: dict[str, Tensor] = {}
        if self.teacher is not None and self.teacher.route is not None and self.teacher.route.enter(step):
            self.on_switch()
        if self.teacher is not None and self.phase.teacher_learns:
            weight = 1.0 - self.beta if self.phase.is_progressive else 1.0
            heard = self._students_answers(local) if self.phase.is_mutual else {}
            terms = _learn(self.teacher, local, whole, heard, weight=weight, progress=progress)
            total, parts = total + terms.total, {f"teacher.{k}": v for k, v in terms.parts.items()}
            facts = {f"teacher.{k}": v for k, v in terms.facts.items()}
        if self.phase.student_learns:
            answers, told = self._teachers_answers(local, whole, step)
            facts |= {f"teacher.{k}": v for k, v in told.items()}
            weight = self.beta if self.phase.is_progressive else 1.0
            terms = _learn(self.student, local, whole, answers, weight=weight, progress=progress)
            total, parts = total + terms.total, parts | {f"student.{k}": v for k, v in terms.parts.items()}
            facts |= {f"student.{k}": v for k, v in terms.facts.items()}
        return LossTerms(total, parts, facts)

    def _teachers_answers(
        self, local: Mapping[str, ReIDBatch], whole: Mapping[str, ReIDBatch], step: int
    ) -> tuple[dict[str, Taps], dict[str, Tensor]]:
        """Return what the teacher says of all rows, in its camera space, and facts to log."""
        speaker = self.teacher.speaker(self.phase) if self.teacher is not None else None
        if self.teacher is None or speaker is None or not self.student.objectives.needs_teacher:
            return {}, {}
        maps, space = self.student.objectives.heard_maps, self.teacher.space
        facts: dict[str, Tensor] = {}
        with timed("forward", self.device.type):
            if self._voice is None:
                said = {name: respond(speaker, batch.images, taps=maps) for name, batch in local.items()}
            else:
                said, facts = self._voice.answers(local, step)
                space = None if space is None else space.columns(self._voice.teacher.columns(step))
        return _standardised({name: gathered(taps) for name, taps in said.items()}, space, whole), facts

    def _students_answers(self, local: Mapping[str, ReIDBatch]) -> dict[str, Taps]:
        """On the source alone: without labels beside them they would only draw the teacher to the student."""
        assert self.teacher is not None, "only a teacher hears the student"
        player, maps = self.student.player, self.teacher.objectives.heard_maps
        assert player is not None, "the student learns"
        with timed("forward", self.device.type):
            said = respond(player.model, local[SOURCE].images, taps=maps)
        return {SOURCE: gathered(said)}

    @property
    def pairs(self) -> dict[str, "ProgressiveTask"]:
        """The pair of each target, by the target's name in a step's batches."""
        return {TARGET: self}

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
            if side.rivals is not None:
                tensors |= {f"{name}.rivals.{key}": value for key, value in side.rivals.state().items()}
            if side.route is not None:
                tensors |= {f"{name}.route.{key}": value for key, value in side.route.state().items()}
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        for name, side in self.sides.items():
            own = under(tensors, f"{name}.")
            if side.player is not None:
                side.player.load_state(own)
            if "space.mean" in own:
                side.space = CameraSpace(own["space.mean"].to(self.device), own["space.std"].to(self.device))
            if side.rivals is not None:
                side.rivals.load_state(under(own, "rivals."))
            if side.route is not None:
                side.route.load_state(under(own, "route."))


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
    if TARGET in whole and whole[TARGET].labels is None:
        objectives = objectives.without_target_labels
    readers = [objectives] if side.memory is None else [objectives, side.memory.objectives]
    if not any(reader.terms for reader in readers):
        return LossTerms(torch.zeros(()), {})
    for term in objectives.terms:
        if hasattr(term.objective, "set_progress"):
            term.objective.set_progress(progress)
    wanted = {name: batch for name, batch in local.items() if any(reader.reads(name) for reader in readers)}
    said = player.forward({name: batch.images for name, batch in wanted.items()})
    seen = _standardised(said, side.space, whole)
    terms = objectives(seen, answers, whole)
    if side.memory is not None:
        # On plain embeddings, because statistics of the cameras belong to one network and one round.
        terms = joined(terms, side.memory.terms(said, wanted, whole))
    rate = player.learn(terms.total, said, weight=weight, extras=objectives.modules())
    facts = dict(terms.facts)
    if side.rivals is not None:
        facts |= side.rivals.learn(said, answers, rate=rate)
    for memory in objectives.of_type(CentroidContrast):
        if memory.momentum < 1.0 and TARGET in seen and whole[TARGET].labels is not None:
            memory.update(seen[TARGET].bn_embedding, whole[TARGET].labels)
    return LossTerms(terms.total.detach(), terms.parts, facts)


def _standardised(
    taps: Mapping[str, Taps], space: CameraSpace | None, batches: Mapping[str, ReIDBatch]
) -> dict[str, Taps]:
    if space is None or TARGET not in taps:
        return dict(taps)
    return {**taps, TARGET: space.standardised(taps[TARGET], batches[TARGET].cameras)}
