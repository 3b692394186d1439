"""Round a trained student to eight bits, let it learn that way, and leave it as a network that runs in int8."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import LoadedModel, load_model
from pipeline.config.references import ArtifactRefName, Components, DataRef
from pipeline.config.schema import StageConfig
from pipeline.models.camera_statistics import CameraStatistics, fit_camera_statistics
from pipeline.models.quantisation.network import quantised_network, quantisers_of
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.training.domain_batches import unclustered_batches
from pipeline.training.embedder_file import add_cameras, add_match, check_int8_packages, load_embedder, save_int8
from pipeline.training.extraction import extract_embeddings
from pipeline.training.match_calibration import SeenCrops, spread_crops, transferred
from pipeline.training.player import Player
from pipeline.training.quantising import QuantiseTask, check_identities
from pipeline.training.relabel import TargetCrops
from pipeline.training.resuming import train_on
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.scoring import images_per_second
from pipeline.training.settings import AugmentSettings, BatchSettings, OptimizerSettings

_FILE = "int8.onnx"


class QuantiseConfig(StageConfig):
    """Settings of quantisation-aware training; the student in float32 teaches its rounded copy."""

    kind: Literal["quantise"]
    student: ArtifactRefName
    source: DataRef
    target: DataRef
    steps: int = Field(200, ge=0)  # 0 rounds without learning
    source_batch: BatchSettings = BatchSettings()
    target_batch: BatchSettings = BatchSettings()
    # The copy starts where the student ended: it is mended, not trained.
    optimizer: OptimizerSettings = OptimizerSettings(lr=2e-4)
    augment: AugmentSettings = AugmentSettings()
    objectives: Annotated[dict[str, dict[str, Any]], Components("objectives")] = Field(
        default={
            "cross_entropy": {"weight": 0.5, "smoothing": 0.1},
            "kd": {"temperature": 4.0},
            "embedding": {"on": ["source", "target"]},
        }
    )
    calibration: int = Field(128, ge=2)  # crops of each domain that the first steps are chosen by
    frozen_share: float = Field(0.2, ge=0, le=1)  # of the steps, at the end, in which the levels stay where they are

    @model_validator(mode="after")
    def _two_domains(self) -> "QuantiseConfig":
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source}; name the data of the new cameras as target")
        if not self.objectives:
            raise ValueError("there is no objective, and nothing to learn from")
        return self


def run(context: StageContext) -> StageResult:
    """Round, learn, convert; leave the network that runs in int8 as 'best'."""
    config: QuantiseConfig = context.config
    check_int8_packages(writes=True)
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    build.seed_everything(context.seed)

    # 1. The student in float32, and the crops of both domains at its size.
    loaded = load_model(Path(context.inputs[config.student].path))
    source, target, facts = _crops(context, size=loaded.model.size)
    model: ReIDModel = build.placed(loaded.model, runtime, device)  # type: ignore[assignment]
    teacher = model.eval().requires_grad_(False)

    # 2. Its rounded copy, which learns from it.
    task = _task(context, teacher, source, target, device=device)
    batches = partial(
        unclustered_batches, source, target, sizes={SOURCE: config.source_batch, TARGET: config.target_batch},
        seed=context.seed % 2**31, workers=runtime.workers,
    )  # fmt: skip
    train_on(context, task, lambda steps: batches(steps=steps), total=config.steps)

    # 3. The network in int8, and how it compares.
    return _result(context, task.player.mean, loaded, target=target, facts=facts)


def _crops(context: StageContext, *, size: tuple[int, int]) -> tuple[CropDataset, TargetCrops, dict[str, Any]]:
    config, data = context.config, context.run_config.data
    source, source_cache = load_pixels(build.reid_data(data[config.source], labelled=True), size=size)
    target, target_cache = load_pixels(build.reid_data(data[config.target], labelled=False), size=size)
    augment = build_transform(size=size, **config.augment.arguments())
    facts = {config.source: source.facts(labels_read=True), config.target: target.facts(labels_read=False)}
    return (
        CropDataset(source_cache, class_labels(source)[0], camera_indices(source), augment),
        TargetCrops(CropDataset(target_cache, None, camera_indices(target), augment), target.cameras),
        facts,
    )


def _task(
    context: StageContext, teacher: ReIDModel, source: CropDataset, target: TargetCrops, *, device: torch.device
) -> QuantiseTask:
    config, runtime = context.config, context.run_config.runtime
    pixels = torch.cat([_pixels(crops, config.calibration) for crops in (source, target.crops)])
    network = quantised_network(teacher, pixels.to(device))
    # The copy comes from a network that rests.
    network.requires_grad_(True)
    objectives = build.objectives(config.objectives, student=teacher.shape, teacher=teacher.shape)
    assert source.labels is not None, "source crops are labelled"
    check_identities(objectives, teacher.num_classes, identities=int(source.labels.max()) + 1)
    player = Player(
        network, extras=objectives.modules().to(device), taps=objectives.maps,
        precision=build.precision(runtime, device), **config.optimizer.player(total_steps=config.steps),
    )  # fmt: skip
    freeze_from = config.steps - round(config.frozen_share * config.steps)
    return QuantiseTask(player, teacher, objectives, device=device, freeze_from=freeze_from)


def _pixels(crops: CropDataset, count: int) -> torch.Tensor:
    """Return crops at equal distances in the listing, as they are."""
    chosen = np.unique(np.linspace(0, len(crops) - 1, min(count, len(crops))).astype(np.int64))
    return crops.collect([(int(i), 0) for i in chosen], is_augmented=False).images


def _result(
    context: StageContext, network: ReIDModel, loaded: LoadedModel, *, target: TargetCrops, facts: dict[str, Any]
) -> StageResult:
    path, config = context.attempt / _FILE, context.config
    meta = {"stage": context.name, "role": "best", "student": config.student, "steps": config.steps}
    if distributed.rank() == 0:
        save_int8(path, network, spec=loaded.spec, meta=meta)
    distributed.barrier()
    int8 = load_embedder(path).model
    plain, rounded = (extract_embeddings(model, target.crops) for model in (loaded.model, int8))
    statistics = None
    if loaded.cameras is not None:
        statistics = fit_camera_statistics(rounded, target.cameras, names=target.names)
    if distributed.rank() == 0:
        if statistics is not None:
            add_cameras(path, statistics)
        _leave_thresholds(path, loaded, target, embeddings=(plain, rounded), statistics=statistics)
    distributed.barrier()
    lengths = np.linalg.norm(plain, axis=1) * np.linalg.norm(rounded, axis=1)
    metrics = {
        **meta, "rounded": len(quantisers_of(network)),
        "cosine": float(((plain * rounded).sum(1) / np.maximum(lengths, 1e-12)).mean()),
        "bytes": {"float32": Path(context.inputs[config.student].path).stat().st_size, "int8": path.stat().st_size},
        "images_per_second": {
            "float32": round(images_per_second(loaded.model.cpu()), 1), "int8": round(images_per_second(int8), 1),
        },
    }  # fmt: skip
    return StageResult(outputs={"best": Output(_FILE, meta)}, metrics=metrics, data=facts)


def _leave_thresholds(
    path: Path, loaded: LoadedModel, target: TargetCrops, *, embeddings: tuple[np.ndarray, np.ndarray],
    statistics: CameraStatistics | None,
) -> None:  # fmt: skip
    """Put the student's thresholds, as they are for the rounded copy, into the copy's file."""
    if loaded.match is None:
        return
    nobody = np.zeros(len(target.cameras), np.int64)
    chosen = spread_crops(nobody, target.cameras)
    # The student's own statistics may be of several targets; these crops are of this one.
    own = None if loaded.cameras is None else fit_camera_statistics(embeddings[0], target.cameras, names=target.names)
    before, after = (
        SeenCrops(raw[chosen], nobody[chosen], target.cameras[chosen], cameras)
        for raw, cameras in zip(embeddings, (own, statistics), strict=True)
    )
    add_match(path, transferred(loaded.match, before, after))


STAGE = Stage("quantise", 1, QuantiseConfig, ("best",), run)
