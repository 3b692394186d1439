"""What a stage is and what it is given: records only, no training code and no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.schema import RunConfig, StageConfig
from pipeline.manifest import ArtifactRef
from pipeline.metrics_log import MetricsLog
from pipeline.resume import ResumeStore


@dataclass(frozen=True)
class StageContext:
    """Everything that one stage needs for one attempt.

    Args:
        name: the stage's name in the configuration.
        config: the stage's settings, of the record's `config_type`.
        run_config: the whole configuration, for the models and data that the settings name.
        seed: derived from the run's seed and the stage's name.
        inputs: artifacts of other stages by reference (`pretrain.best`), verified.
        attempt: absolute folder that all outputs go to.
        resume: where to continue from, and where to leave the next point to continue from.
        metrics: the rows that become `metrics.jsonl`.
    """

    name: str
    config: Any
    run_config: RunConfig
    seed: int
    inputs: Mapping[str, ArtifactRef]
    attempt: Path
    resume: ResumeStore
    metrics: MetricsLog


@dataclass(frozen=True)
class Output:
    """One artifact that a stage hands over.

    Args:
        path: '/'-separated name inside the attempt.
        meta: what the next stage has to know about it; plain JSON values.
    """

    path: str
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StageResult:
    """What a finished stage reports.

    Args:
        outputs: artifacts by role; exactly the roles that the record provides.
        metrics: plain JSON values that become `summary.json`.
        data: by name of the data set: `digest` of the listing read, `labels_read`.
    """

    outputs: Mapping[str, Output] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A kind of stage.

    Args:
        kind: its name in the configuration.
        version: raised whenever the same settings and inputs would give another result.
        config_type: the settings' type.
        provides: roles of the artifacts that it leaves, but for those that its settings withhold.
        run: does the work.
    """

    kind: str
    version: int
    config_type: type[StageConfig]
    provides: tuple[str, ...]
    run: Callable[[StageContext], StageResult]
