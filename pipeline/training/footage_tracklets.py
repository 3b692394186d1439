"""Folders of tracklets for tools: found in a run, or cut out of footage by a detector."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline import build
from pipeline.atomic_files import sha256_of_file
from pipeline.checkpoint import load_detector
from pipeline.config.schema import RuntimeConfig
from pipeline.detection_types import Detections
from pipeline.errors import DataError
from pipeline.footage.records import Footage
from pipeline.models.detection.detector import Detector
from pipeline.run_dir import StageDir
from pipeline.tracking.tracklet_writer import TABLE, TrackletWriter
from pipeline.training.detection.raw_frames import find_in_images
from pipeline.training.detection.sureness import Sureness
from pipeline.training.following import CameraFollower, FollowPlan
from pipeline.training.scoped import TARGET

_STRETCH_SECONDS, _BATCH = 600.0, 8


def find_tracklets(source: Path) -> Path:
    """Return the folder that holds tracklets.csv.

    Args:
        source: that folder, or a run one of whose stages made it.

    Raises:
        DataError: there is none, or a run made several.
    """
    if (source / TABLE).is_file():
        return source
    if not source.is_dir():
        raise DataError(
            f"{str(source)!r} is no folder with {TABLE}", "tracklets, or a run that made some",
            "For footage add --detector.",
        )  # fmt: skip
    attempts = [StageDir(path).current() for path in sorted(source.iterdir()) if path.is_dir()]
    found = [attempt for attempt in attempts if attempt is not None and (attempt / TABLE).is_file()]
    if len(found) != 1:
        several = f"has {len(found)} folders of tracklets: {', '.join(str(path) for path in found)}"
        problem = several if found else f"holds no {TABLE}, and none of its stages does"
        raise DataError(f"{str(source)!r} {problem}", "one folder of tracklets", "For footage add --detector.")
    return found[0]


def cut_tracklets(footage: Footage, detector: Path, out: Path, *, rate: float, device: str) -> None:
    """Follow everybody through footage and write their tracklets; goes on where it was stopped.

    Args:
        footage: the recordings.
        detector: file of the detector; of several batch-norm statistics it uses the target's.
        out: the folder.
        rate: frames a second that are looked at.
        device: 'auto', 'cpu' or 'cuda'.

    Raises:
        CheckpointError: the detector cannot be used.
        DataError: the folder holds something else, or nobody was found.
    """
    runtime = RuntimeConfig(device=device)
    precision = build.precision(runtime, build.device(runtime))
    loaded = load_detector(detector, domain=TARGET)
    model: Detector = build.placed(loaded.model, runtime, build.device(runtime)).eval()  # type: ignore[assignment]
    sureness = Sureness()

    def find(images: Sequence[np.ndarray]) -> list[Detections]:
        found = find_in_images(model, images, size=tuple(loaded.spec["size"]), precision=precision)
        return [sureness.read(one) for one in found]

    made_by = {"footage": footage.digest, "detector": sha256_of_file(detector), "rate": rate}
    writer = TrackletWriter(out, made_by=made_by, has_clock=footage.has_clock)
    follower = CameraFollower(find, FollowPlan(rate=rate, stretch=_STRETCH_SECONDS, batch=_BATCH), writer)
    problems = [follower.follow(camera, footage.of_camera(camera))["problem"] for camera in footage.cameras]
    if not any(writer.progress(camera).tracklets for camera in footage.cameras):
        told = next((problem for problem in problems if problem), "no box was sure enough for long enough")
        raise DataError(
            f"nobody could be followed through {footage.name} ({told})", "people who walk before the cameras"
        )
