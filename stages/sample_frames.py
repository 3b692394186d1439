"""Choose frames of recordings for a detector to learn from: where something moved, spread over time."""

import time
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from pipeline import build
from pipeline.config.references import DataRef
from pipeline.config.schema import StageConfig
from pipeline.errors import DataError
from pipeline.footage.reading import CameraReader
from pipeline.footage.records import Footage
from pipeline.footage.sampled_frames import SamplingState, write_moments, write_table
from pipeline.footage.sampling import FrameSampler
from pipeline.footage.spread_choice import STILL
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.training.one_process import check_one_process


class SampleFramesConfig(StageConfig):
    """Settings of the choice of frames."""

    kind: Literal["sample_frames"]
    footage: DataRef
    per_camera: int = Field(60, ge=2)  # most frames of a camera, however long it filmed
    interval: float = Field(1.0, gt=0)  # seconds; no two frames are taken of one interval
    rate: float = Field(2.0, gt=0)  # looks a second, to see what moves


def run(context: StageContext) -> StageResult:
    """Read every recording once; leave the frames and their table as 'frames'."""
    config: SampleFramesConfig = context.config
    check_one_process(context.name)
    footage = build.footage_data(context.run_config.data[config.footage])

    # 1. Go on where a killed run stopped.
    point = context.resume.latest()
    state = SamplingState() if point is None else SamplingState.load(point.directory)
    is_due = _due(context)

    # 2. One camera after the other.
    for position in range(state.camera, len(footage.cameras)):
        _sample_camera(context, footage, state, is_due)
        state.camera, state.place, state.first, state.kept, state.before = position + 1, None, 0, [], None

    # 3. Hand over.
    return _result(context, footage, state)


def _sample_camera(
    context: StageContext, footage: Footage, state: SamplingState, is_due: Callable[[int], bool]
) -> None:
    """Look at the frames of one camera and write those that were kept; the state is what a point needs."""
    config: SampleFramesConfig = context.config
    camera = footage.cameras[state.camera]
    reader = CameraReader(footage.of_camera(camera), rate=config.rate, place=state.place)
    sampler = FrameSampler(config.per_camera, config.interval, kept=state.kept, before=state.before)
    try:
        for frame in reader.frames(state.first):
            sampler.look(frame)
            state.looks += 1
            if is_due(state.looks):
                state.place, state.first = reader.place, frame.number + 1
                state.kept, state.before = sampler.moments, sampler.before
                context.resume.save(state.looks, state.save)
    except DataError as error:
        context.metrics.write({"event": "warning", "camera": camera, "message": str(error)})
    state.faults[camera] = dict(sorted(reader.faults.items()))
    state.rows += write_moments(context.attempt, camera, sampler.moments)
    seen = sampler.moments
    context.metrics.write({
        "event": "camera", "camera": camera, "frames": len(seen), "faults": state.faults[camera],
        "moving": sum(moment.motion >= STILL for moment in seen),
    })  # fmt: skip


def _due(context: StageContext) -> Callable[[int], bool]:
    """Return a function that says after which look a point is left."""
    runtime = context.run_config.runtime
    last = time.monotonic()

    def is_due(looks: int) -> bool:
        nonlocal last
        every = runtime.checkpoint_every_seconds
        is_time = every is not None and time.monotonic() - last >= every
        steps = runtime.checkpoint_every_steps
        if is_time or (steps is not None and looks % steps == 0):
            last = time.monotonic()
            return True
        return False

    return is_due


def _result(context: StageContext, footage: Footage, state: SamplingState) -> StageResult:
    name = context.config.footage
    if not state.rows:
        raise DataError(
            f"none of the {len(footage.files)} recordings of data.{name} has a frame that can be read", "video",
            "The log says what is wrong with each.",
        )  # fmt: skip
    path = write_table(context.attempt, state.rows)
    counts: dict[str, Any] = {camera: 0 for camera in footage.cameras}
    for row in state.rows:
        counts[row[1]] += 1
    meta = {"stage": context.name, "role": "frames", "frames": len(state.rows)}
    metrics = {**meta, "looks": state.looks, "cameras": counts, "faults": state.faults}
    return StageResult({"frames": Output(path, meta)}, metrics, {name: footage.facts()})


STAGE = Stage("sample_frames", 1, SampleFramesConfig, ("frames",), run)
