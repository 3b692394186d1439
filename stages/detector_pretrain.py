"""Train one detector on labelled frames: the teacher, the student alone, and, with target labels, the ceiling."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from datasets.batches import iterate_batches
from datasets.frame_loader import FrameDataset
from datasets.frame_merge import merge_frames
from datasets.frame_records import FrameData
from datasets.samplers import UniformSampler
from pipeline import build, distributed
from pipeline.checkpoint import load_detector, save_detector
from pipeline.config.references import ArtifactRefName, DataRef, DetectorRef
from pipeline.config.schema import StageConfig
from pipeline.models.detection.detector import Detector
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.training.detection.player import DetectorPlayer
from pipeline.training.detection.settings import DetectorOptimizerSettings, FrameSettings
from pipeline.training.detection.supervised import DetectorSupervisedTask
from pipeline.training.loop import Batches
from pipeline.training.resuming import train_on


class DetectorPretrainConfig(StageConfig):
    """Settings of supervised training of a detector on one or several labelled data sets."""

    kind: Literal["detector_pretrain"]
    train: DetectorRef
    data: DataRef | list[DataRef]
    init: ArtifactRefName | None = None
    steps: int = Field(ge=1)
    batch: int = Field(8, ge=1)
    optimizer: DetectorOptimizerSettings = DetectorOptimizerSettings()
    frames: FrameSettings = FrameSettings()
    # The ceiling is the only training that may read labels of target cameras; the manifest and the report say so.
    is_ceiling: bool = False

    @property
    def data_names(self) -> list[str]:
        """Return the names of all data sets."""
        return [self.data] if isinstance(self.data, str) else list(self.data)


def run(context: StageContext) -> StageResult:
    """Train, and leave the mean network as 'best' and the last weights as 'last'."""
    config: DetectorPretrainConfig = context.config
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    spec = build.model_spec(context.run_config.models[config.train])

    # 1. Frames: decoded once, all data sets in one list.
    parts = {name: build.frame_data(context.run_config.data[name], labelled=True) for name in config.data_names}
    frames = build.frame_dataset(merge_frames(list(parts.values())), size=spec["size"], **config.frames.model_dump())

    # 2. The network and its optimizer.
    model = _model(context, spec, device)
    player = DetectorPlayer(
        model, precision=build.precision(runtime, device), **config.optimizer.player(total_steps=config.steps)
    )
    task = DetectorSupervisedTask(player, device=device)

    # 3. Go on where a killed run stopped, then train.
    _train(context, task, frames)
    return _result(context, task.player, spec, parts=parts, frames=frames)


def _model(context: StageContext, spec: dict[str, Any], device: torch.device) -> Detector:
    build.seed_everything(context.seed)
    config: DetectorPretrainConfig = context.config
    if config.init is None:
        model = build.detector(**spec)
    else:
        loaded = load_detector(Path(context.inputs[config.init].path))
        loaded.check_spec(spec, wanted=config.train)
        model = loaded.model
    placed: Detector = build.placed(model, context.run_config.runtime, device)  # type: ignore[assignment]
    return placed


def _train(context: StageContext, task: DetectorSupervisedTask, frames: FrameDataset) -> None:
    config, runtime = context.config, context.run_config.runtime
    seed = context.seed % 2**31
    sampler = UniformSampler(len(frames), batch=config.batch, seed=seed)

    def batches(steps: range) -> Iterator[Batches]:
        loaded = iterate_batches(
            frames.collect, sampler, start=steps.start, stop=steps.stop, seed=seed, workers=runtime.workers,
            rank=distributed.rank(), world=distributed.world_size(),
        )  # fmt: skip
        return ({"source": batch} for batch in loaded)

    train_on(context, task, batches, total=config.steps)


def _result(
    context: StageContext,
    player: DetectorPlayer,
    spec: dict[str, Any],
    *,
    parts: dict[str, FrameData],
    frames: FrameDataset,
) -> StageResult:
    outputs = {}
    for role, model in {"best": player.mean, "last": player.model}.items():
        meta = {"stage": context.name, "role": role, "is_ceiling": context.config.is_ceiling}
        if distributed.rank() == 0:
            save_detector(context.attempt / f"{role}.safetensors", model, spec=spec, meta=meta)
        outputs[role] = Output(f"{role}.safetensors", meta)
    distributed.barrier()
    listing = {name: part.facts(labels_read=True) for name, part in parts.items()}
    metrics = {"steps": context.config.steps, "frames": len(frames), "boxes": sum(p.num_boxes for p in parts.values())}
    return StageResult(outputs=outputs, metrics=metrics, data=listing)


STAGE = Stage("detector_pretrain", 1, DetectorPretrainConfig, ("best", "last"), run)
