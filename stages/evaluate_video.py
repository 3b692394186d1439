"""Measure models on labelled tracklets: networks of clips, and networks of crops averaged over frames."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from datasets.loader import CropDataset
from datasets.records import ReIDData, ReIDProbe
from datasets.tracklet_groups import tracklets_of
from pipeline import build
from pipeline.checkpoint import load_model
from pipeline.checkpoint_clip import is_clip_model, load_clip_model
from pipeline.config.references import DataRef, DroppableArtifactRefName
from pipeline.config.schema import StageConfig
from pipeline.metrics.bootstrap import bootstrap_interval
from pipeline.metrics.ranking_result import RankingResult
from pipeline.models.complexity import cost_of
from pipeline.models.reid import ReIDModel
from pipeline.models.video.clip_model import ClipModel
from pipeline.models.video.cost import clip_cost
from pipeline.stage import Stage, StageContext, StageResult
from pipeline.training.scoring import images_per_second, rank_tables
from pipeline.training.video.embedding import embed_clips, embed_frames
from pipeline.training.video.settings import ClipSettings
from pipeline.training.video.speed import frames_per_second
from pipeline.types import EmbeddingTable

Network = ClipModel | ReIDModel


class EvaluateVideoConfig(StageConfig):
    """Settings of an evaluation on tracklets; `models` maps a role in the report to an artifact."""

    kind: Literal["evaluate_video"]
    data: DataRef
    models: dict[str, DroppableArtifactRefName] = Field(min_length=1)
    domain: str = "target"
    clip: ClipSettings = ClipSettings()


def run(context: StageContext) -> StageResult:
    """Embed each tracklet, rank the gallery's for each that is asked for; leave one row for each model."""
    config: EvaluateVideoConfig = context.config
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    probe = build.reid_probe(context.run_config.data[config.data])
    cameras = tuple(sorted({*probe.query.cameras, *probe.gallery.cameras}))
    rows = []
    for role, reference in config.models.items():
        path = Path(context.inputs[reference].path)
        loaded: Network = load_clip_model(path).model if is_clip_model(path) else load_model(path).model
        model: Network = build.placed(loaded, runtime, device).eval()  # type: ignore[assignment]
        query, gallery = (_table(context, model, part, cameras=cameras) for part in (probe.query, probe.gallery))
        result = rank_tables(query, gallery)
        rows.append(_row(context, role, model, result, path=path))
    listing = {config.data: _listing(probe)}
    metrics = {"domain": config.domain, "semantics": dict(result.semantics), "rows": rows, "notes": []}
    return StageResult(outputs={}, metrics=metrics, data=listing)


def _table(context: StageContext, model: Network, data: ReIDData, *, cameras: tuple[str, ...]) -> EmbeddingTable:
    config: EvaluateVideoConfig = context.config
    precision = build.precision(context.run_config.runtime, next(model.parameters()).device)
    clips = build.clip_dataset(data, size=model.size, **config.clip.model_dump())
    if isinstance(model, ClipModel):
        features = embed_clips(model, clips, precision=precision)
    else:
        crops = CropDataset(clips.cache, None, np.full(len(clips.cache), -1, np.int64))
        features = embed_frames(model, crops, tuple(clips.tracklets), precision=precision)
    persons = np.array([-1 if t.person_id is None else t.person_id for t in clips.tracklets], np.int64)
    places = np.array([-1 if t.camera_id is None else cameras.index(t.camera_id) for t in clips.tracklets], np.int64)
    return EmbeddingTable(features, persons, places, tuple(t.name for t in clips.tracklets))


def _row(context: StageContext, role: str, model: Network, result: RankingResult, *, path: Path) -> dict[str, Any]:
    config: EvaluateVideoConfig = context.config
    is_video = isinstance(model, ClipModel)
    params, macs = clip_cost(model, length=config.clip.length) if isinstance(model, ClipModel) else cost_of(model)
    speed = (frames_per_second(model, length=config.clip.length) if isinstance(model, ClipModel)
             else images_per_second(model))  # fmt: skip
    return {
        "model": config.models[role], "role": role, "domain": config.domain,
        "mAP": result.mAP, "cmc": {str(k): v for k, v in result.cmc.items()}, "mINP": result.mINP,
        "mAP_interval": list(bootstrap_interval(result.ap[result.valid], seed=0)), "queries": result.num_queries,
        "skipped_queries": result.num_skipped, "skip_reasons": dict(result.skip_reasons), "params": params,
        "macs": macs, "file_bytes": path.stat().st_size, "images_per_second": round(speed, 1),
        "input": list(model.size), "of": "clips" if is_video else "frames",
    }  # fmt: skip


def _listing(probe: ReIDProbe) -> dict[str, Any]:
    return {
        "digest": probe.digest, "labels_read": True, "images": len(probe.query) + len(probe.gallery),
        "queries": len(tracklets_of(probe.query)), "cameras": len(probe.gallery.cameras),
        "skipped": dict(probe.gallery.skipped),
    }  # fmt: skip


STAGE = Stage("evaluate_video", 1, EvaluateVideoConfig, (), run)
