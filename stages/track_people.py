"""Follow the people of each camera through its footage with a detector, and cut unlabelled tracklets out of it."""

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from pipeline import build
from pipeline.atomic_files import write_json
from pipeline.checkpoint import LoadedDetector, load_detector
from pipeline.config.references import ArtifactRefName, DataRef
from pipeline.config.schema import StageConfig
from pipeline.detection_types import Detections
from pipeline.errors import CheckpointError, DataError
from pipeline.footage.records import Footage
from pipeline.models.detection.detector import Detector
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.tracking.tracklet_writer import TABLE, TrackletWriter
from pipeline.training.detection.raw_frames import find_in_images
from pipeline.training.detection.sureness import Sureness, learn_sureness
from pipeline.training.following import CameraFollower, Finder, FollowPlan
from pipeline.training.one_process import check_one_process
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.tracking_settings import CuttingSettings, TrackerSettings


class TrackPeopleConfig(StageConfig):
    """Settings of following people through footage."""

    kind: Literal["track_people"]
    footage: DataRef
    detector: ArtifactRefName
    # Labelled frames, which tell how often a score is right, and frames of the new cameras, which tell how sure the
    # detector is there; without them thresholds are compared with plain scores.
    source: DataRef | None = None
    frames: DataRef | None = None
    expected: float = Field(0.5, gt=0, le=1)  # share of the people that are expected to be believed
    judged: int = Field(48, ge=1)  # frames of each that are looked at for this
    rate: float = Field(5.0, gt=0)  # frames a second
    stretch: float = Field(600.0, gt=0)  # seconds after which all tracks end; a killed run goes on at such an end
    batch: int = Field(8, ge=1)  # frames that the detector sees at once
    nms: float = Field(0.5, gt=0, le=1)
    tracker: TrackerSettings = TrackerSettings()
    tracklets: CuttingSettings = CuttingSettings()

    @model_validator(mode="after")
    def _both_or_none(self) -> "TrackPeopleConfig":
        if (self.source is None) != (self.frames is None):
            raise ValueError("source and frames go together: labelled frames, and frames of the new cameras")
        return self


def run(context: StageContext) -> StageResult:
    """Read every recording once; leave the crops and their table as 'tracklets'."""
    config: TrackPeopleConfig = context.config
    check_one_process(context.name)
    build.seed_everything(context.seed)
    footage = build.footage_data(context.run_config.data[config.footage])

    # 1. The detector, and how its scores are read.
    loaded = load_detector(Path(context.inputs[config.detector].path), domain=TARGET)
    runtime = context.run_config.runtime
    model: Detector = build.placed(loaded.model, runtime, build.device(runtime)).eval()  # type: ignore[assignment]
    sureness, facts = _sureness(context, loaded, model)

    # 2. One camera after the other, from the last note on.
    writer = TrackletWriter(context.attempt, made_by={"stage": context.name}, has_clock=footage.has_clock)
    follower = CameraFollower(
        _finder(context, loaded, model, sureness), _plan(config), writer, on_stretch=_counter(context, footage, writer)
    )
    seen = {camera: follower.follow(camera, footage.of_camera(camera)) for camera in footage.cameras}

    # 3. Hand over.
    return _result(context, footage, seen, {"thresholds": _thresholds(config, sureness), **facts})


def _sureness(
    context: StageContext, loaded: LoadedDetector, model: Detector
) -> tuple[Sureness, dict[str, dict[str, Any]]]:
    """Return how scores are read, and the facts of the data that told it."""
    config: TrackPeopleConfig = context.config
    if config.source is None or config.frames is None:
        return Sureness(), {}
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    source = build.frame_data(context.run_config.data[config.source], labelled=True)
    target = build.frame_data(context.run_config.data[config.frames], labelled=False)
    size = loaded.spec["size"]
    own = load_detector(Path(context.inputs[config.detector].path), domain=SOURCE).model
    source_model: Detector = build.placed(own, runtime, device).eval()  # type: ignore[assignment]
    sureness = learn_sureness(
        (source_model, build.frame_dataset(source, size=size)), (model, build.frame_dataset(target, size=size)),
        high=config.tracker.high, expected=config.expected, judged=config.judged,
        precision=build.precision(runtime, device),
    )  # fmt: skip
    data = {config.source: source.facts(labels_read=True), config.frames: target.facts(labels_read=False)}
    return sureness, {"data": data}


def _finder(context: StageContext, loaded: LoadedDetector, model: Detector, sureness: Sureness) -> Finder:
    config, runtime = context.config, context.run_config.runtime
    precision = build.precision(runtime, build.device(runtime))

    def find(images: Sequence[np.ndarray]) -> list[Detections]:
        found = find_in_images(
            model, images, size=tuple(loaded.spec["size"]), nms_threshold=config.nms, precision=precision
        )
        return [sureness.read(one) for one in found]

    return find


def _plan(config: TrackPeopleConfig) -> FollowPlan:
    return FollowPlan(
        rate=config.rate, stretch=config.stretch, batch=config.batch, tracker=config.tracker.model_dump(),
        cutter=config.tracklets.model_dump(),
    )  # fmt: skip


def _thresholds(config: TrackPeopleConfig, sureness: Sureness) -> dict[str, float]:
    """Return the shares of right boxes that the thresholds come down to."""
    settings = config.tracker
    return {name: round(getattr(settings, name) * sureness.factor, 4) for name in ("low", "high", "birth")}


def _counter(context: StageContext, footage: Footage, writer: TrackletWriter) -> Callable[[], None]:
    """Return a function that leaves a point for each stretch; the writer's own notes are what a restart goes on from.

    Raises:
        CheckpointError: the user asks for an older point than these notes.
    """
    done = sum(writer.progress(camera).notes.get("seen", {}).get("stretches", 0) for camera in footage.cameras)
    point = context.resume.latest()
    if point is not None and point.step < done:
        raise CheckpointError(
            f"stage {context.name} has followed people through {done} stretches and can't go back to {point.step}", "",
            f"Leave --resume-from out, or begin anew with --restart {context.name}",
        )  # fmt: skip

    def one_more() -> None:
        nonlocal done
        done += 1
        context.resume.save(done, lambda folder: write_json(folder / "stretches.json", {"stretches": done}))

    return one_more


def _result(
    context: StageContext, footage: Footage, seen: Mapping[str, Mapping[str, Any]], facts: dict[str, Any]
) -> StageResult:
    frames = sum(notes["seen"].get("frames", 0) for notes in seen.values())
    if not frames:
        problem = next((notes["problem"] for notes in seen.values() if notes["problem"]), "no picture has pixels")
        raise DataError(f"none of the {len(footage.files)} recordings can be read; the first problem: {problem}")
    # Counted row by row: a day's table is long.
    tracklets: dict[str, set[str]] = {camera: set() for camera in footage.cameras}
    crops = 0
    with (context.attempt / TABLE).open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            crops += 1
            tracklets[row["camera"]].add(row["tracklet"])
    if not crops:
        left_out = sum((Counter(notes["left_out"]) for notes in seen.values()), Counter[str]())
        told = (
            ", ".join(f"{count} x {reason}" for reason, count in sorted(left_out.items())) or "no box was sure enough"
        )
        raise DataError(
            f"nobody could be followed in {frames} frames of {len(footage.cameras)} camera(s) ({told})",
            "people who walk before the cameras",
            "What was adapted before stays; try longer footage, or a lower tracker.birth or tracklets.least_height.",
        )
    counts = {camera: len(names) for camera, names in tracklets.items()}
    meta = {"stage": context.name, "role": "tracklets", "tracklets": sum(counts.values()), "crops": crops}
    data = {context.config.footage: footage.facts(), **facts.pop("data", {})}
    told_of = {camera: {**{k: v for k, v in notes.items() if k != "place"}, "tracklets": counts[camera]}
               for camera, notes in seen.items()}  # fmt: skip
    metrics = {**meta, **facts, "frames": frames, "cameras": told_of}
    return StageResult({"tracklets": Output(TABLE, meta)}, metrics, data)


STAGE = Stage("track_people", 2, TrackPeopleConfig, ("tracklets",), run)
