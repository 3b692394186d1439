"""Measure detectors on labelled frames: with the ceiling, the only detector stage that reads target boxes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from datasets.frame_records import FrameData
from pipeline import build, distributed
from pipeline.checkpoint import LoadedDetector, load_detector
from pipeline.config.references import DroppableArtifactRefName, DroppableDataRef
from pipeline.config.schema import StageConfig
from pipeline.detection_types import Detections
from pipeline.metrics.detection.coco_ap import average_precision
from pipeline.metrics.detection.curve_points import thin_curve
from pipeline.metrics.detection.matching import CALTECH_RULE, FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, match_frame
from pipeline.metrics.detection.miss_rate import MissRateResult, kept_detections, miss_rate
from pipeline.metrics.detection.subsets import Subset, find_subset
from pipeline.metrics.detection.truth import FrameTruth, frame_truth
from pipeline.models.complexity import count_parameters
from pipeline.models.detection.complexity import count_detector_macs
from pipeline.models.detection.detector import Detector
from pipeline.report.frames_drawn import DRAWN_FPPI, FrameOutcome, choose_frames, make_drawn_frame
from pipeline.stage import Stage, StageContext, StageResult
from pipeline.training.detection.scoring import find_people, frames_per_second, in_stored_pixels

BEFORE, AFTER = "student_direct", "student_adapted"


class EvaluateDetectorConfig(StageConfig):
    """Settings of an evaluation; `models` maps a role in the report to an artifact, `data` a domain to its frames."""

    kind: Literal["evaluate_detector"]
    data: dict[Literal["source", "target"], DroppableDataRef] = Field(min_length=1)
    models: dict[str, DroppableArtifactRefName] = Field(min_length=1)
    # Who counts for the miss rate; heights are those in the frames as they are stored.
    subset: str = "all"
    score_threshold: float = Field(0.01, ge=0, lt=1)
    nms: float = Field(0.5, gt=0, le=1)
    max_detections: int = Field(300, ge=1)
    # Frames that the report draws, for the target or else the first domain.
    drawn: int = Field(6, ge=0)


def run(context: StageContext) -> StageResult:
    """Look through the frames of every domain with every detector; leave rows, curves and drawn frames."""
    config: EvaluateDetectorConfig = context.config
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    subset = find_subset(config.subset)
    rows: list[dict[str, Any]] = []
    curves: dict[str, dict[str, Any]] = {}
    listing: dict[str, Any] = {}
    for domain, name in config.data.items():
        data = build.frame_data(context.run_config.data[name], labelled=True)
        listing[name] = data.facts(labels_read=True)
        found: dict[str, list[Detections]] = {}
        counted: dict[str, MissRateResult] = {}
        for role, reference in config.models.items():
            loaded = load_detector(Path(context.inputs[reference].path), domain=domain)
            model: Detector = build.placed(loaded.model, runtime, device).eval()  # type: ignore[assignment]
            frames = build.frame_dataset(data, size=loaded.spec["size"], augment="none")
            found[role] = in_stored_pixels(frames, find_people(
                model, frames, score_threshold=config.score_threshold, nms_threshold=config.nms,
                max_detections=config.max_detections, precision=build.precision(runtime, device),
            ))  # fmt: skip
            truth = [
                frame_truth(s.annotations, size=s.size) for s in frames.cache.data.samples if s.annotations is not None
            ]
            counted[role] = miss_rate(truth, found[role], subset=subset)
            rows.append(_row(role, reference, loaded, (truth, found[role]), counted[role]) | {"domain": domain})
            curves.setdefault(domain, {})[role] = _curve(counted[role])
        if distributed.rank() == 0 and domain == _drawn_domain(config):
            _draw(context, frames.cache.data, found, counted)
    if distributed.rank() == 0:
        (context.attempt / "miss_curves.json").write_text(json.dumps(curves), encoding="utf-8")
    distributed.barrier()
    metrics = {"subset": str(subset), "semantics": _semantics(config, subset), "rows": rows}
    return StageResult(outputs={}, metrics=metrics, data=listing)


def _semantics(config: EvaluateDetectorConfig, subset: Subset) -> dict[str, str]:
    """Return one sentence a rule; no key is one of those of re-ID, since a report shows both in one list."""
    return {
        "detections": f"scores of at least {config.score_threshold:g}; of two boxes with an IoU above {config.nms:g} "
        f"the weaker goes; at most {config.max_detections} a frame, in pixels of the stored frame",
        "matching": "best score first, a detection takes the person who is still free with the largest IoU, 0.5 or "
        "more; one that finds nobody and has half of its area or more in an ignore region is neither right nor wrong",
        "subset": f"the miss rate counts {subset}; both ends count, everybody else is an ignore region, and detections "
        "below low / 1.25 or from high * 1.25 on take no part",
        "miss_rate": "MR^-2 is the geometric mean of the miss rate at nine rates of false positives, 0.01 to 1 an "
        "image, and 1 before the curve begins; boxes are compared as they are annotated",
        "average_precision": "COCO's AP counts all annotated people, whatever the subset: IoU .5:.05:.95, 101 recalls, "
        "the best 100 detections a frame; ignore regions are crowds",
        "drawn_score": "frames show each detector down to the last score at which it makes no more than "
        f"{DRAWN_FPPI:g} false positives an image, or one in all",
    }


def _drawn_domain(config: EvaluateDetectorConfig) -> str:
    return "target" if "target" in config.data else next(iter(config.data))


def _row(
    role: str,
    reference: str,
    loaded: LoadedDetector,
    scored: tuple[Sequence[FrameTruth], Sequence[Detections]],
    missed: MissRateResult,
) -> dict[str, Any]:
    size = (int(loaded.spec["size"][0]), int(loaded.spec["size"][1]))
    return {
        "model": reference, "role": role, **average_precision(*scored), "mr2": missed.miss_rate,
        "frames": missed.num_images, "boxes": missed.num_valid, "ignored": missed.num_ignored,
        "params": count_parameters(loaded.model), "macs": count_detector_macs(loaded.model, size),
        "images_per_second": round(frames_per_second(loaded.model, size), 1), "input": list(size),
    }  # fmt: skip


def _curve(missed: MissRateResult) -> dict[str, list[float]]:
    fppi, miss = thin_curve(missed.fppi, missed.miss)
    return {"fppi": fppi.tolist(), "miss": miss.tolist()}


def _draw(
    context: StageContext,
    data: FrameData,
    found: Mapping[str, Sequence[Detections]],
    counted: Mapping[str, MissRateResult],
) -> None:
    """Leave some frames with what the student found before and after."""
    roles = list(found)
    shown = list(dict.fromkeys((BEFORE if BEFORE in found else roles[0], AFTER if AFTER in found else roles[-1])))
    subset = counted[shown[0]].subset
    truth = [frame_truth(s.annotations, size=s.size) for s in data.samples if s.annotations is not None]
    people = [int((~subset.ignored(frame)).sum()) for frame in truth]
    drawn = [
        make_drawn_frame(
            data.load(data.samples[i]),
            {role: _outcome(truth[i], found[role][i], counted[role]) for role in shown},
            label=data.samples[i].path,
        )
        for i in choose_frames(people, count=context.config.drawn)
    ]
    (context.attempt / "drawn_frames.json").write_text(json.dumps(drawn), encoding="utf-8")


def _outcome(truth: FrameTruth, found: Detections, counted: MissRateResult) -> FrameOutcome:
    """Sort one frame's detections and people as the miss rate counts them."""
    threshold = _drawing_score(counted)
    kept, _ = kept_detections(found, counted.subset)
    kept = kept[found.scores[kept] >= threshold]
    ignore = counted.subset.ignored(truth)
    matches = match_frame(found.boxes[kept], truth.boxes, ignore, rule=CALTECH_RULE)
    right, false, absorbed = (
        Detections(found.boxes[kept][matches.outcomes == outcome], found.scores[kept][matches.outcomes == outcome])
        for outcome in (TRUE_POSITIVE, FALSE_POSITIVE, IGNORED)
    )
    missed = ~ignore
    missed[matches.partners[matches.partners >= 0]] = False
    return FrameOutcome(right, false, absorbed, truth.boxes[missed], truth.boxes[ignore], threshold)


def _drawing_score(counted: MissRateResult) -> float:
    """Return the score down to which a detector makes 0.1 false positives an image, but at least one in all."""
    allowed = max(DRAWN_FPPI, 1 / counted.num_images)
    last = int(np.searchsorted(counted.fppi, allowed, side="right"))
    return float(counted.scores[last - 1]) if last else 1.0


STAGE = Stage("evaluate_detector", 1, EvaluateDetectorConfig, (), run)
