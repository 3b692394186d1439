"""The settings of one student for several targets, and what of them does not fit together."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.config.references import ArtifactRefName, Components, DataRef, ModelRef, Operational
from pipeline.config.schema import StageConfig
from pipeline.training.beta import BetaSettings
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.match_people import MatchDataRef, check_match_data
from pipeline.training.multi_target_modes import (
    MULTI_TARGET_MODES,
    MULTI_TARGET_STUDENT_TERMS,
    MULTI_TARGET_TEACHER_TERMS,
)
from pipeline.training.scoped import SOURCE
from pipeline.training.selection import Across, SelectionSettings
from pipeline.training.settings import AugmentSettings, BatchSettings, OptimizerSettings
from pipeline.training.teaching_rules import aggregation_problem, is_route, listening_problem, memory_problem

Objectives = Annotated[dict[str, dict[str, Any]], Components("objectives")]


class MultiTargetKDConfig(StageConfig):
    """Settings of one student that learns from one teacher for each of several targets."""

    kind: Literal["multi_target_kd"]
    mode: Literal["joint", "two_stage", "mt_mtda"] = "joint"
    # By name of the target's data; one and the same source-only teacher may stand at every target.
    teachers: dict[str, ArtifactRefName]
    train: ModelRef
    init: ArtifactRefName | None = None
    source: DataRef
    # A step visits them in this order.
    targets: list[DataRef]
    rounds: int = Field(8, ge=1)
    # Of each round; in a step each teacher takes one update, and the student one for each target.
    steps: int = Field(40, ge=1)
    source_batch: BatchSettings = BatchSettings()
    # Of each target.
    target_batch: BatchSettings = BatchSettings()
    # False for teachers that have adapted to their targets before.
    teacher_learns: bool = True
    # null takes the mode's own.
    beta: BetaSettings | None = None
    teacher_optimizer: OptimizerSettings = OptimizerSettings(lr=8e-3)
    optimizer: OptimizerSettings = OptimizerSettings(lr=1.2e-2)
    augment: AugmentSettings = AugmentSettings()
    teacher_objectives: Objectives | None = None
    objectives: Objectives | None = None
    clustering: ClusteringSettings = ClusteringSettings()
    selection: SelectionSettings = SelectionSettings()
    # How the criteria of the targets become the one that chooses the round.
    criterion: Across = "mean"
    keep_rounds: Operational[bool] = False
    # Labelled people to take thresholds from, other than those who are trained on.
    match_data: MatchDataRef = None

    @model_validator(mode="after")
    def _several_targets(self) -> "MultiTargetKDConfig":
        check_match_data(self.match_data, [self.source, *self.targets])
        twice = sorted({name for name in self.targets if self.targets.count(name) > 1})
        if twice:
            raise ValueError(f"targets names {', '.join(twice)} twice; name each target once")
        if len(self.targets) < 2:
            raise ValueError("targets names fewer than two data sets; progressive_kd adapts to a single one")
        if self.source in self.targets:
            raise ValueError(f"{self.source} is the source and a target; name the data of the new cameras as targets")
        if SOURCE in self.targets:
            raise ValueError("a target cannot be called source, which is what logs call the labelled crops; rename it")
        return self

    @model_validator(mode="after")
    def _one_teacher_each(self) -> "MultiTargetKDConfig":
        without = [name for name in self.targets if name not in self.teachers]
        if without:
            raise ValueError(
                f"teachers has none for {', '.join(without)}; name the artifact that teaches there, such as "
                f"{without[0]}: pretrain.best"
            )
        strange = [name for name in self.teachers if name not in self.targets]
        if strange:
            raise ValueError(f"teachers names {', '.join(strange)}, which targets does not")
        routes = [reference for reference in self.teachers.values() if is_route(reference)]
        if routes:
            raise ValueError(f"{routes[0]} is a route of several states; name one network as the teacher of a target")
        # In no mode of this stage does a teacher hear the student, just as in this one.
        problem = (
            listening_problem("joint", self.teacher_objectives or {})
            or aggregation_problem(self.student_terms, None)
            or memory_problem(self.student_terms, self.teacher_terms, None)
        )
        if problem:
            raise ValueError(problem)
        is_shared = any(p.is_progressive for p in MULTI_TARGET_MODES[self.mode]) and self.teacher_learns
        if self.beta is not None and not is_shared:
            raise ValueError("beta does nothing where no step is shared by teacher and student; leave it out")
        if self.teacher_objectives is not None and not self.teacher_learns:
            raise ValueError("teacher_objectives does nothing with teacher_learns: false; leave it out")
        return self

    @property
    def teacher_terms(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the teachers' terms, the mode's own where none are given."""
        own = MULTI_TARGET_TEACHER_TERMS[self.mode]
        return own if self.teacher_objectives is None else self.teacher_objectives

    @property
    def student_terms(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the student's terms, the mode's own where none are given."""
        return MULTI_TARGET_STUDENT_TERMS[self.mode] if self.objectives is None else self.objectives

    @property
    def is_standardised(self) -> bool:
        """Return whether target embeddings are compared by camera; the published method compares plain ones."""
        return self.clustering.standardise and self.mode != "mt_mtda"
