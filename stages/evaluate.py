"""Measure models on a labelled probe: the only stage, with the ceiling, that reads target labels."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from datasets.records import ReIDProbe, ReIDSample
from pipeline import build, distributed
from pipeline.checkpoint import LoadedModel
from pipeline.config.references import ComponentName, DataRef, DroppableArtifactRefName
from pipeline.config.schema import StageConfig
from pipeline.metrics.agreement import nearest_rows, top1_agreement
from pipeline.metrics.bootstrap import bootstrap_interval
from pipeline.metrics.by_camera import scores_by_camera
from pipeline.metrics.ranking_result import RankingResult
from pipeline.models.camera_statistics import CameraStatistics
from pipeline.models.complexity import cost_of
from pipeline.models.joined_cameras import sites_of
from pipeline.models.reid import ReIDModel
from pipeline.report.embedding_map import project
from pipeline.report.strips import Shown, choose_strips, make_strip, top_ranked
from pipeline.retrieval.index import EXACT
from pipeline.stage import Stage, StageContext, StageResult
from pipeline.training.embedder_file import load_embedder
from pipeline.training.same_person import SEMANTICS as SAME_PERSON
from pipeline.training.same_person import same_person_facts
from pipeline.training.scoring import ProbeTables, embed_probe, images_per_second, rank_tables

MAP_POINTS = 500
BEFORE, AFTER = "student_direct", "student_adapted"


class EvaluateConfig(StageConfig):
    """Settings of an evaluation; `models` maps a role in the report to an artifact."""

    kind: Literal["evaluate"]
    data: DataRef
    models: dict[str, DroppableArtifactRefName] = Field(min_length=1)
    # Also tells the cameras of this target from others of the same name, where a model was adapted to several targets.
    domain: str = "target"
    index: Annotated[str, ComponentName("index")] = "flat"
    index_options: dict[str, Any] = Field(default_factory=dict)
    neighbours: int = Field(1000, ge=1)
    ap: Literal["step", "trapezoid"] = "step"
    cameras: Literal["discard_same", "unknown"] = "discard_same"
    # Whether a model's own camera statistics are used for comparing; 'off' compares plain embeddings.
    camera_statistics: Literal["checkpoint", "off"] = "checkpoint"
    flip: bool = True
    strips: int = Field(8, ge=0)
    # Role with whose first-ranked crops those of the others are compared.
    agreement_with: str | None = None

    @model_validator(mode="after")
    def _known_role(self) -> "EvaluateConfig":
        if self.agreement_with is not None and self.agreement_with not in self.models:
            raise ValueError(
                f"agreement_with is {self.agreement_with}; name one of the models: {', '.join(self.models)}"
            )
        return self


def run(context: StageContext) -> StageResult:
    """Embed, rank and describe every model; leave rows, strips and an embedding map."""
    config: EvaluateConfig = context.config
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    probe = build.reid_probe(context.run_config.data[config.data])
    rows, results, tables, notes = [], {}, {}, []
    for role, reference in config.models.items():
        loaded = load_embedder(Path(context.inputs[reference].path))
        model: ReIDModel = build.placed(loaded.model, runtime, device).eval()  # type: ignore[assignment]
        statistics = loaded.cameras if config.camera_statistics == "checkpoint" else None
        tables[role] = embed_probe(
            model, probe, statistics=statistics, precision=build.precision(runtime, device), flip=config.flip,
            site=config.domain,
        )  # fmt: skip
        if statistics is not None and tables[role].unknown_cameras:
            notes.append(_unknown_note(role, tables[role].unknown_cameras, statistics))
        results[role] = rank_tables(
            tables[role].query, tables[role].gallery, index=config.index, index_options=config.index_options,
            ap=config.ap, cameras=config.cameras, neighbours=config.neighbours,
        )  # fmt: skip
        rows.append(_row(context, role, reference, loaded, results[role]))
        rows[-1]["cameras"] = scores_by_camera(
            results[role], tables[role].query.camera_ids, names=tables[role].camera_names
        )
        if config.index in EXACT:
            # A gallery that is searched approximately is too large for all of its distances.
            rows[-1] |= same_person_facts(
                tables[role], loaded.match, is_standardised=statistics is not None, cameras=config.cameras
            )
    _add_agreement(config, rows, tables)
    if distributed.rank() == 0:
        _leave_pictures(context, probe, results, tables)
    distributed.barrier()
    semantics = {**next(iter(results.values())).semantics, **(SAME_PERSON if config.index in EXACT else {})}
    listing = {
        config.data: {
            "digest": probe.digest, "labels_read": True, "images": len(probe.query) + len(probe.gallery),
            "queries": len(probe.query), "cameras": len(probe.gallery.cameras),
            "skipped": _skipped(probe, next(iter(tables.values()))),
        }
    }  # fmt: skip
    metrics = {"domain": config.domain, "semantics": semantics, "rows": rows, "notes": notes}
    return StageResult(outputs={}, metrics=metrics, data=listing)


def _unknown_note(role: str, cameras: tuple[str, ...], statistics: CameraStatistics) -> str:
    sites = sites_of(cameras, statistics)
    hint = f"; cameras of these names were adapted to at {', '.join(sites)}: set domain to one of them" if sites else ""
    return f"{role}: cameras {', '.join(cameras)} are not among those adapted to{hint}"


def _skipped(probe: ReIDProbe, tables: ProbeTables) -> dict[str, int]:
    counts = Counter(probe.query.skipped) + Counter(probe.gallery.skipped)
    counts["unreadable image"] += len(probe.query) + len(probe.gallery) - len(tables.query) - len(tables.gallery)
    return {reason: count for reason, count in sorted(counts.items()) if count}


def _row(
    context: StageContext, role: str, reference: str, loaded: LoadedModel, result: RankingResult
) -> dict[str, Any]:
    interval = bootstrap_interval(result.ap[result.valid], seed=0)
    params, macs = cost_of(loaded.model)
    return {
        "model": reference, "role": role, "domain": context.config.domain,
        "mAP": result.mAP, "cmc": {str(k): v for k, v in result.cmc.items()}, "mINP": result.mINP,
        "mAP_interval": list(interval), "queries": result.num_queries, "skipped_queries": result.num_skipped,
        "skip_reasons": dict(result.skip_reasons), "params": params, "macs": macs,
        "file_bytes": Path(context.inputs[reference].path).stat().st_size,
        "images_per_second": round(images_per_second(loaded.model), 1), "input": list(loaded.model.size),
        "camera_statistics": loaded.cameras is not None and context.config.camera_statistics == "checkpoint",
    }  # fmt: skip


def _add_agreement(config: EvaluateConfig, rows: list[dict[str, Any]], tables: Mapping[str, ProbeTables]) -> None:
    if config.agreement_with is None or config.agreement_with not in tables:
        return  # a model may have been left out with its optional data
    found = {role: nearest_rows(table.query, table.gallery) for role, table in tables.items()}
    for row in rows:
        row["top1_agreement"] = top1_agreement(found[row["role"]], found[config.agreement_with])


def _leave_pictures(
    context: StageContext, probe: ReIDProbe, results: Mapping[str, RankingResult], tables: Mapping[str, ProbeTables]
) -> None:
    roles = list(results)
    before = BEFORE if BEFORE in results else roles[0]
    after = AFTER if AFTER in results else roles[-1]
    count = context.config.strips
    if count:
        # By name, because unreadable images stand in the listing but not in the tables.
        by_path = [{sample.path: sample for sample in part.samples} for part in (probe.query, probe.gallery)]
        chosen = choose_strips(results[before].ap, results[after].ap, count=count)
        strips = {role: [_strip(probe, by_path, tables[role], int(q), cameras=context.config.cameras) for q in chosen]
                  for role in dict.fromkeys((before, after))}  # fmt: skip
        (context.attempt / "strips.json").write_text(json.dumps(strips), encoding="utf-8")
    gallery = tables[before].gallery
    points = np.linspace(0, len(gallery) - 1, min(MAP_POINTS, len(gallery))).astype(np.int64)
    columns = {"person_ids": gallery.person_ids[points], "camera_ids": _names(tables[before], points)}
    for role in dict.fromkeys((before, after)):
        columns[f"{role}_xy"] = project(tables[role].gallery.features[points], context.seed % 2**31)
    np.savez(context.attempt / "embedding_map.npz", **columns)  # type: ignore[arg-type]


def _names(tables: ProbeTables, points: np.ndarray) -> np.ndarray:
    """Return the camera names of gallery rows, '?' where unknown."""
    return np.array([tables.camera_names[c] if c >= 0 else "?" for c in tables.gallery.camera_ids[points]])


def _strip(
    probe: ReIDProbe, by_path: list[dict[str, ReIDSample]], tables: ProbeTables, query: int, *, cameras: str
) -> dict[str, object]:
    asked, gallery = tables.query, tables.gallery
    distances = 1.0 - gallery.features @ asked.features[query]
    same = gallery.person_ids == asked.person_ids[query]
    junk = gallery.person_ids < 0
    if cameras == "discard_same" and asked.camera_ids[query] >= 0:
        junk = junk | (same & (gallery.camera_ids == asked.camera_ids[query]))
    queries, images = by_path
    shown = [
        Shown(probe.gallery.load(images[gallery.keys[i]]), bool(same[i]), float(distances[i]))
        for i in top_ranked(distances, junk)
    ]
    sample = queries[asked.keys[query]]
    label = f"person {sample.person_id} · camera {sample.camera_id or 'unknown'}"
    return make_strip(probe.query.load(sample), label, results=shown)


STAGE = Stage("evaluate", 2, EvaluateConfig, (), run)
