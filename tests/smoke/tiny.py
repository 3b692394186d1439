"""A run of all stages that takes seconds, as a tree of plain values, and ways to run it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.build import COMPONENTS, data_digest
from pipeline.build import data as build_data
from pipeline.config.load import check_config
from pipeline.config.schema import RunConfig
from pipeline.config.sources import Source
from pipeline.config.strict_yaml import write_yaml
from pipeline.errors import PipelineError
from pipeline.runner import RunOptions, run
from stages import STAGES
from tools import run as run_tool

SIZE = [32, 16]
PEOPLE = {"identities": 6, "cameras": 3, "shots": 3, "size": SIZE, "seed": 1}
BATCH = {"identities": 4, "instances": 2}
MODELS = {
    "student_direct": "direct.best",
    "teacher_direct": "pretrain.best",
    "teacher_adapted": "adapt.teacher",
    "student_adapted": "adapt.best",
    "student_supervised": "ceiling.best",
}


def make_tree(**adapt: Any) -> dict[str, Any]:
    """Return a run of all stages; `adapt` changes the settings of its adaptation."""
    model = {"arch": "timm/resnet18", "size": SIZE, "embedding": 16}
    train = {"kind": "source_pretrain", "data": "source", "steps": 4, "batch": BATCH}
    return {
        "schema": 1,
        "name": "tiny",
        "seed": 17,
        "runtime": {"device": "cpu", "threads": 1, "checkpoint_every_steps": 2},
        "data": {
            "source": {"kind": "world", "domain": "sunny_plaza", **PEOPLE},
            "target": {"kind": "world", "domain": "winter_station", **PEOPLE},
            "probe": {"kind": "world", "domain": "winter_station", "split": "query_gallery", **PEOPLE},
        },
        "models": {
            "big": {**model, "ibn": "b", "args": {"channels": [8, 8, 16, 16], "layers": [1, 1, 1, 1]}},
            "small": {**model, "args": {"channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1]}},
        },
        "stages": {
            "pretrain": {**train, "train": "big"},
            "direct": {**train, "train": "small"},
            "adapt": {**make_adaptation(), **adapt},
            "ceiling": {
                **train,
                "train": "small",
                "init": "direct.best",
                "data": ["source", "target"],
                "is_ceiling": True,
            },
            "score": {"kind": "evaluate", "data": "probe", "models": dict(MODELS)},
        },
    }


def make_adaptation() -> dict[str, Any]:
    """Return the settings of the adaptation."""
    return {
        "kind": "progressive_kd",
        "teacher": "pretrain.best",
        "train": "small",
        "init": "direct.best",
        "source": "source",
        "target": "target",
        "rounds": 2,
        "steps": 3,
        "source_batch": BATCH,
        "target_batch": BATCH,
        "clustering": {"k1": 6, "k2": 2, "eps": 0.7},
    }


def only(tree: dict[str, Any], *stages: str) -> dict[str, Any]:
    """Return the tree with some of its stages."""
    return {**tree, "stages": {name: tree["stages"][name] for name in stages}}


def make_config(tree: Mapping[str, Any]) -> RunConfig:
    """Return the tree as a typed configuration."""
    return check_config(Source(dict(tree)), STAGES, COMPONENTS)


def run_tree(tree: Mapping[str, Any], folder: Path, **options: Any) -> dict[str, str]:
    """Run in this process and return the state of each stage as it was before; data is read anew."""
    build_data._read.cache_clear()
    choices = RunOptions(**options)
    verdicts = run(make_config(tree), STAGES, run_dir=folder, data_digest=data_digest, options=choices)
    return {name: verdict.state for name, verdict in verdicts.items()}


def run_killed(tree: Mapping[str, Any], folder: Path, *kills: tuple[type, int]) -> None:
    """Run once for each kill, a task and the number of the step before which the power goes; the tasks stay whole."""
    for task, at in kills:
        step = task.step  # type: ignore[attr-defined]

        def dying(self, batches, number, step=step, at=at):
            if number == at:
                raise PipelineError("the power went", "power")
            return step(self, batches, number)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(task, "step", dying)
            with pytest.raises(PipelineError, match="power"):
                run_tree(tree, folder)


def run_command(tree: Mapping[str, Any], folder: Path, *words: str) -> int:
    """Run the command of a user in this process and return its exit code; data is read anew."""
    build_data._read.cache_clear()
    config = folder.parent / f"{folder.name}.yaml"
    config.write_text(write_yaml(dict(tree)))
    return run_tool.main([str(config), "--run-dir", str(folder), *words])


def attempt_of(folder: Path, stage: str) -> Path:
    """Return the current attempt of a stage."""
    return folder / stage / (folder / stage / "CURRENT").read_text().strip()


def manifest_of(folder: Path, stage: str) -> dict[str, Any]:
    """Return the manifest of a stage's current attempt."""
    return json.loads((attempt_of(folder, stage) / "manifest.json").read_text())


def rows_of(folder: Path, stage: str, event: str) -> list[dict[str, Any]]:
    """Return the logged rows of one kind."""
    lines = (attempt_of(folder, stage) / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["event"] == event]


def weights_of(folder: Path, *stages: str) -> dict[str, str]:
    """Return the hash of every weights file of these stages."""
    return {
        f"{stage}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for stage in stages
        for path in sorted(attempt_of(folder, stage).glob("*.safetensors"))
    }


def write_crops(folder: Path, names: list[str]) -> Path:
    """Write one small picture of its own under each name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name) + sum(map(ord, name))).integers(0, 256, (20, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return folder


def market_names(persons: int = 6, cameras: int = 2, shots: int = 2) -> list[str]:
    """Return names in the style of Market-1501."""
    return [
        f"{person + 1:04d}_c{camera + 1}s1_{100 * person + shot:06d}_00.png"
        for person in range(persons)
        for camera in range(cameras)
        for shot in range(shots)
    ]
