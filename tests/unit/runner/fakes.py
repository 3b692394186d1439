"""Stages that compute nothing of value quickly, resume like real ones, and run files on which they run."""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.config.load import check_config
from pipeline.config.references import (
    ArtifactRefName,
    Components,
    DataRef,
    DroppableArtifactRefName,
    ModelRef,
    Operational,
)
from pipeline.config.schema import DataConfig, RunConfig, StageConfig
from pipeline.config.sources import Source
from pipeline.runner import RunOptions, run
from pipeline.stage import Output, Stage, StageContext, StageResult


class CountConfig(StageConfig):
    train: ModelRef
    data: DataRef
    steps: int = Field(default=20, ge=1)
    save_every: Operational[int] = 4
    objectives: Annotated[dict[str, dict[str, Any]], Components("objectives")] = Field(default_factory=dict)


class CombineConfig(StageConfig):
    teacher: ArtifactRefName
    target: DataRef
    rate: float = 1.0


class ScoreConfig(StageConfig):
    models: dict[str, DroppableArtifactRefName] = Field(min_length=1)
    data: DataRef


def count(context: StageContext, writes: bool = True) -> StageResult:
    """Fold a seeded hash `steps` times, leaving resume points on the way; only the first rank writes."""
    point = context.resume.latest()
    first = point.step if point else 0
    state = (point.directory / "state.txt").read_bytes() if point else str(context.seed).encode()
    for step in range(first, context.config.steps):
        state = hashlib.sha256(state + str(step).encode()).hexdigest().encode()
        context.metrics.write({"event": "step", "step": step, "loss": int(state[:6], 16)})
        if (step + 1) % context.config.save_every == 0:
            content = state
            context.resume.save(step + 1, lambda folder: (folder / "state.txt").write_bytes(content))  # noqa: B023
    if writes:
        (context.attempt / "best.bin").write_bytes(state)
        (context.attempt / "last.bin").write_bytes(state[::-1])
    name = context.config.data
    return StageResult(
        {"best": Output("best.bin", {"steps": context.config.steps}), "last": Output("last.bin")},
        {"state": state.decode()},
        {name: {"digest": data_digest(context.run_config.data[name]), "labels_read": True}},
    )


def combine(context: StageContext, writes: bool = True) -> StageResult:
    """Hash the teacher's file; only the first rank writes."""
    teacher = context.inputs[context.config.teacher]
    digest = hashlib.sha256(teacher.path.read_bytes() + str(context.config.rate).encode()).hexdigest()
    if writes:
        (context.attempt / "best.bin").write_text(digest)
    return StageResult(
        {"best": Output("best.bin")}, {"digest": digest}, {context.config.target: {"labels_read": False}}
    )


def score(context: StageContext) -> StageResult:
    """List what it was given; logs without ever asking for a resume point."""
    context.metrics.write({"event": "scored"})
    return StageResult(metrics={name: context.inputs[ref].sha256 for name, ref in context.config.models.items()})


STAGES = {
    "count": Stage("count", 1, CountConfig, ("best", "last"), count),
    "combine": Stage("combine", 1, CombineConfig, ("best",), combine),
    "score": Stage("score", 1, ScoreConfig, (), score),
}


SECOND_RANK = {
    **STAGES,
    "count": replace(STAGES["count"], run=partial(count, writes=False)),
    "combine": replace(STAGES["combine"], run=partial(combine, writes=False)),
}


def data_digest(data: DataConfig) -> str:
    """Return a digest of the settings instead of files."""
    return hashlib.sha256(repr(sorted(data.arguments.get("split", ""))).encode()).hexdigest()


def make_tree() -> dict[str, Any]:
    """Return a run of three stages as plain values."""
    return {
        "schema": 1,
        "name": "toy",
        "seed": 17,
        "data": {
            "source": {"kind": "folder", "root": "data/a", "split": "train"},
            "target": {"kind": "folder", "root": "data/b", "split": "all"},
        },
        "models": {"big": {"arch": "timm/resnet18", "size": [256, 128]}},
        "stages": {
            "pretrain": {"kind": "count", "train": "big", "data": "source"},
            "adapt": {"kind": "combine", "teacher": "pretrain.best", "target": "target"},
            "score": {"kind": "score", "models": {"a": "pretrain.best", "b": "adapt.best"}, "data": "target"},
        },
    }


def make_config(tree: dict[str, Any] | None = None) -> RunConfig:
    """Return the run as a typed configuration."""
    return check_config(Source(tree or make_tree()), STAGES, {})


def run_tree(folder: Path, tree: dict[str, Any] | None = None, **options: Any) -> dict[str, str]:
    """Run a tree and return the state of each stage as it was before."""
    stages = options.pop("stages", STAGES)
    verdicts = run(make_config(tree), stages, run_dir=folder, data_digest=data_digest, options=RunOptions(**options))
    return {name: verdict.state for name, verdict in verdicts.items()}


def read_outputs(folder: Path) -> dict[str, bytes]:
    """Return every output file of the current attempts, and the metrics, by stage and name."""
    names = ("best.bin", "last.bin", "summary.json", "metrics.jsonl")
    found = {}
    for stage in sorted(make_tree()["stages"]):
        attempt = folder / stage / (folder / stage / "CURRENT").read_text().strip()
        found |= {f"{stage}/{name}": (attempt / name).read_bytes() for name in names if (attempt / name).exists()}
    return found
