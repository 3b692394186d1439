"""Recordings of grey yards in which coloured posts walk, and a detector that needs no learning to find them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.detection_types import Detections
from tests.smoke.tiny import make_tree
from tests.smoke.tiny_streets import make_street_tree

HEIGHT, WIDTH, RATE = 64, 96, 10
COLOURS = ((220, 40, 40), (40, 200, 60), (50, 60, 230), (230, 220, 40), (40, 210, 220), (220, 60, 210))


def make_frame(number: int, people: int, *, shift: int = 0) -> np.ndarray:
    """Return one frame; each post walks in a turn of its own, so that two never overlap."""
    generator = np.random.default_rng(7)
    frame = generator.integers(95, 110, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    turn, place = divmod(number + shift, 24)
    if people:
        left = 4 + 3 * place
        top = 12 + 4 * (turn % 3)
        frame[top : top + 40, left : left + 14] = COLOURS[turn % people]
        # A light band that goes up and down, so that no two crops of a post are the same.
        band = top + 2 + abs((5 * place) % 64 - 32)
        frame[band : band + 6, left + 2 : left + 12] //= 3
    return frame


def write_video(path: Path, *, people: int = 4, frames: int = 96, shift: int = 0) -> Path:
    """Write a video in which `people` posts pass one after the other, each in 24 frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"qscale": "2", "flags": "+qscale", "bf": "0"}
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(make_frame(number, people, shift=shift), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_footage(folder: Path, *, people: int = 4, cameras: int = 2, frames: int = 96) -> Path:
    """Write one recording for each camera."""
    for camera in range(cameras):
        write_video(folder / f"yard {camera + 1}.mkv", people=people, frames=frames, shift=24 * camera)
    return folder


def find_posts(model: Any, images: Any, **settings: Any) -> list[Detections]:
    """Stand for a detector: the box around whatever is coloured."""
    found = []
    for image in images:
        rows, columns = np.nonzero(np.ptp(image.astype(int), axis=2) > 40)
        boxes = np.zeros((0, 4), np.float32)
        if len(rows):
            boxes = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        found.append(Detections(boxes, np.full(len(boxes), 0.95, np.float32)))
    return found


def make_footage_tree(footage: Path, **track: Any) -> dict[str, Any]:
    """Return a run that samples frames and follows people; `track` changes the settings of the latter."""
    streets = make_street_tree()
    return {
        **{key: streets[key] for key in ("schema", "name", "seed")},
        "runtime": {"device": "cpu", "threads": 1, "checkpoint_every_steps": 5},
        "data": {
            "site": {"kind": "footage", "root": str(footage)},
            "streets": streets["data"]["streets"],
            "moments": {"kind": "frame_folder", "from": "frames.frames", "camera": "^(?P<camera>[^/]+)/"},
            "people": {"kind": "tracklets", "from": "people.tracklets"},
        },
        "models": {"small_detector": streets["models"]["small_detector"]},
        "stages": {
            "alone": streets["stages"]["alone"],
            "frames": {"kind": "sample_frames", "footage": "site", "per_camera": 6, "interval": 0.2, "rate": 5.0},
            "people": {
                "kind": "track_people", "footage": "site", "detector": "alone.best", "rate": 10.0, "stretch": 4.0,
                "batch": 3, **track,
            },
        },
    }  # fmt: skip


def make_models_tree() -> dict[str, Any]:
    """Return a tiny run with both halves, whose models are adapted to further cameras."""
    crops, streets = make_tree(), make_street_tree()
    tree = {**crops, "name": "models"}
    for section in ("data", "models", "stages"):
        tree[section] = {**crops[section], **streets[section]}
    return tree
