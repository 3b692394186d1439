"""The settings of several students that learn from each other, and what of them does not fit together."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.build.tables import DEFAULT_DOMAINS, OBJECTIVES, needs_labels
from pipeline.config.references import ArtifactRefName, Components, DataRef, ModelRef
from pipeline.config.schema import StageConfig
from pipeline.training.mutual import name_of
from pipeline.training.scoped import TARGET
from pipeline.training.settings import AugmentSettings, BatchSettings, OptimizerSettings
from pipeline.training.teaching_rules import aggregation_problem, memory_problem

Terms = Mapping[str, Mapping[str, Any]]
# So many roles the stage has for its students.
MOST = 8


class MutualKDConfig(StageConfig):
    """Settings of mutual learning on labelled source and unlabelled target crops."""

    kind: Literal["mutual_kd"]
    # The students; one model may stand several times.
    train: Annotated[list[ModelRef], Field(min_length=2, max_length=MOST)]
    # One artifact for each student, in their order; without it all start from weights of their own.
    init: list[ArtifactRefName] | None = None
    source: DataRef
    target: DataRef
    steps: int = Field(400, ge=1)
    source_batch: BatchSettings = BatchSettings()
    target_batch: BatchSettings = BatchSettings()
    # Of each student.
    optimizer: OptimizerSettings = OptimizerSettings()
    augment: AugmentSettings = AugmentSettings()
    objectives: Annotated[dict[str, dict[str, Any]], Components("objectives")] = Field(
        default={
            "cross_entropy": {"smoothing": 0.1},
            "triplet": {"margin": 0.3, "weight": 0.5},
            "kd": {"temperature": 1.0},
        }
    )

    @model_validator(mode="after")
    def _fitting(self) -> "MutualKDConfig":
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source}; name the data of the new cameras as target")
        problem = beginnings_problem(self.train, self.init) or terms_problem(self.objectives)
        if problem:
            raise ValueError(problem)
        return self

    @property
    def withheld_roles(self) -> tuple[str, ...]:
        """Return the roles of students that are not there."""
        return tuple(name_of(position) for position in range(len(self.train), MOST))


def beginnings_problem(train: list[str], init: list[str] | None) -> str:
    """Say why students can't begin from these artifacts; nothing where they can.

    Args:
        train: models of the students.
        init: their artifacts, or None.
    """
    if init is None:
        return ""
    if len(init) != len(train):
        return f"init names {len(init)} artifacts, and train {len(train)} students; give one for each, or none at all"
    twice = sorted({name for name in init if init.count(name) > 1})
    return f"init names {twice[0]} twice; students that begin alike have nothing to tell each other" if twice else ""


def terms_problem(terms: Terms) -> str:
    """Say why students can't learn together by these terms; nothing where they can.

    Args:
        terms: of each student, as configured.
    """
    # Unknown names are told by the check of the components.
    uses = {name: str((arguments or {}).get("use", name)) for name, arguments in terms.items()}
    uses = {name: use for name, use in uses.items() if use in OBJECTIVES}
    if not hearing(terms):
        return "no objective hears the other students, who would learn each for itself; give `kd: {temperature: 1.0}`"
    for name, use in uses.items():
        if use == "adversarial":
            return f"{name} needs a teacher that rests, and students of mutual_kd move; take it in progressive_kd"
        domains = (terms[name] or {}).get("on") or DEFAULT_DOMAINS.get(use, (TARGET,))
        if needs_labels(use, terms[name] or {}) and TARGET in domains:
            return f"{name} reads labels, and nobody clusters the target here; put it on the source, `on: [source]`"
    return aggregation_problem(terms, None) or memory_problem(terms, {}, None)


def hearing(terms: Terms) -> list[str]:
    """Return the names of the terms that hear another network.

    Args:
        terms: as configured.
    """
    uses = {name: str((arguments or {}).get("use", name)) for name, arguments in terms.items()}
    return [name for name, use in uses.items() if getattr(OBJECTIVES.get(use), "needs_teacher", False)]
