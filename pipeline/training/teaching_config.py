"""The settings of a stage with a teacher and a student: who they are, who learns when, who is heard."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.config.references import ArtifactRefName, Components, SilentDefault
from pipeline.config.schema import StageConfig
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.phases import MODES, Round, rounds_of
from pipeline.training.settings import OptimizerSettings
from pipeline.training.teacher_settings import EnsembleSettings, ProKTSettings, RouteSettings
from pipeline.training.teachers import steps_of_route
from pipeline.training.teaching_rules import (
    aggregation_problem,
    anchors_problem,
    is_route,
    listening_problem,
    memory_problem,
    prokt_problem,
    teacher_problem,
)

Objectives = Annotated[dict[str, dict[str, Any]], Components("objectives")]
Mode = Literal["joint", "two_stage", "distil_then_adapt", "kd_only", "uda_only", "as_published", "prokt"]


class TeachingConfig(StageConfig):
    """Settings of a teacher, a student, and the rounds in which they learn."""

    mode: Mode = "joint"
    # One network, a route of one, or several networks that speak as one.
    teacher: ArtifactRefName | Annotated[list[ArtifactRefName], Field(min_length=2)]
    init: ArtifactRefName | None = None
    rounds: int = Field(8, ge=1)
    steps: int = Field(40, ge=1)  # of each round
    teacher_optimizer: OptimizerSettings = OptimizerSettings(lr=8e-3)
    # Larger than the teacher's: beta scales it down in the rounds in which the rate is high.
    optimizer: OptimizerSettings = OptimizerSettings(lr=1.2e-2)
    # null takes the mode's own terms.
    teacher_objectives: Objectives | None = None
    objectives: Objectives | None = None
    # Of mode prokt, of a route as teacher, of several teachers; null takes their defaults where they are needed.
    prokt: ProKTSettings | None = None
    route: RouteSettings | None = None
    ensemble: EnsembleSettings | None = None
    # Weights that a dfa_search found, for an objective `dfa` with `aggregation: searched`.
    aggregation: ArtifactRefName | None = None
    # An earlier network, which the student is not to forget; an objective `lwf` hears it.
    remembers: Annotated[ArtifactRefName | None, SilentDefault(None)] = None
    # States of the teacher that the artifact `route` holds, from before the first round to the chosen one.
    anchors: int = Field(1, ge=1)

    @model_validator(mode="after")
    def _enough_rounds(self) -> "TeachingConfig":
        if any(round(phase.share * self.rounds) < 1 for phase in MODES[self.mode]):
            raise ValueError(f"mode {self.mode} needs at least 2 rounds")
        return self

    @model_validator(mode="after")
    def _fitting_teachers(self) -> "TeachingConfig":
        has = {"has_route": self.route is not None, "has_ensemble": self.ensemble is not None}
        problem = (
            teacher_problem(self.mode, self.teachers, **has)
            or prokt_problem(self.mode, has_prokt=self.prokt is not None)
            or self._idle_rate()
            or anchors_problem(self.mode, self.anchors, self.rounds - self.warmup_rounds)
            or listening_problem(self.mode, self.teacher_terms)
            or aggregation_problem(self.student_terms, self.aggregation)
            or memory_problem(self.student_terms, self.teacher_terms, self.remembers)
        )
        count = self.route_settings.anchors if self.route_settings is not None else None
        if not problem and count and count > steps_of_route(rounds_of(self.mode, self.rounds), self.steps):
            problem = f"route.anchors is {count}, which is more than the steps in which the student hears a teacher"
        if problem:
            raise ValueError(problem)
        return self

    def _idle_rate(self) -> str:
        """Say that the teacher's rate would have no effect; nothing where it has one."""
        rate, fields = self.teacher_optimizer.lr, type(self).model_fields
        defaults = (fields["teacher_optimizer"].default.lr, OptimizerSettings().lr)
        ratio = (self.prokt or ProKTSettings()).teacher_lr_ratio
        if self.mode != "prokt" or ratio is None or rate in defaults:
            return ""
        way_out = "drop it, or set the ratio to null"
        return f"teacher_optimizer.lr is {rate:g}, and prokt.teacher_lr_ratio takes its place; {way_out}"

    @property
    def teachers(self) -> list[str]:
        """Return the artifacts of all teachers."""
        return [self.teacher] if isinstance(self.teacher, str) else list(self.teacher)

    @property
    def teacher_terms(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the teacher's terms, the mode's own where none are given."""
        return TEACHER_TERMS[self.mode] if self.teacher_objectives is None else self.teacher_objectives

    @property
    def student_terms(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the student's terms, the mode's own where none are given."""
        if self.objectives is not None:
            return self.objectives
        # Embeddings of several teachers stand side by side, and no student has their common width.
        own = {name: arguments for name, arguments in STUDENT_TERMS[self.mode].items()
               if len(self.teachers) == 1 or name != "embedding"}  # fmt: skip
        return own if self.remembers is None else {**own, "lwf": {}}

    @property
    def prokt_settings(self) -> ProKTSettings | None:
        """Return the settings of mutual steps; None in modes without them."""
        return (self.prokt or ProKTSettings()) if any(phase.is_mutual for phase in MODES[self.mode]) else None

    @property
    def route_settings(self) -> RouteSettings | None:
        """Return the settings of a route; None where the teacher is not one."""
        return (self.route or RouteSettings()) if is_route(self.teachers[0]) else None

    @property
    def warmup_rounds(self) -> int:
        """Return the rounds of plain distillation before mutual steps."""
        settings = self.prokt_settings
        return 0 if settings is None else settings.warmup_rounds(self.rounds, is_fresh=self.init is None)

    @property
    def withheld_roles(self) -> tuple[str, ...]:
        """Return the roles of a single teacher where there are several."""
        return ("teacher", "route") if len(self.teachers) > 1 else ()

    @property
    def teacher_settings(self) -> OptimizerSettings:
        """Return the teacher's optimizer, in mode prokt with a rate that follows the student's."""
        if self.prokt_settings is None or self.prokt_settings.teacher_lr_ratio is None:
            return self.teacher_optimizer
        rate = self.prokt_settings.teacher_lr_ratio * self.optimizer.lr
        return self.teacher_optimizer.model_copy(update={"lr": rate})

    def schedule(self, *, states: int) -> list[Round]:
        """Return all rounds.

        Args:
            states: of the teacher's route; 1 where it has none.
        """
        repeats = self.route_settings.repeats(states) if self.route_settings is not None else 1
        return rounds_of(self.mode, self.rounds, warmup=self.warmup_rounds, repeats=repeats)
