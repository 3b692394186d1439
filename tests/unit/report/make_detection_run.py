"""Adds the detection half to a run folder as its stages leave it, without training anything."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.detection_types import Detections
from pipeline.report.frames_drawn import FrameOutcome, make_drawn_frame
from tests.unit.report.make_run import make_data, make_stage, make_steps

STAGES = {
    "watch": {"kind": "detector_pretrain"},
    "watch_small": {"kind": "detector_pretrain"},
    "follow": {"kind": "detector_kd"},
    "follow_pyramid": {"kind": "detector_kd"},
    "watch_ceiling": {"kind": "detector_pretrain"},
    "count": {"kind": "evaluate_detector"},
}
# Role: artifact, miss rate, AP at IoU 0.5.
SCORES = {
    "student_direct": ("watch_small.best", 0.621, 0.412),
    "teacher_direct": ("watch.best", 0.448, 0.603),
    "teacher_adapted": ("follow.teacher", 0.352, 0.694),
    "student_adapted": ("follow.best", 0.431, 0.585),
    "student_supervised": ("watch_ceiling.best", 0.366, 0.662),
    "student_pyramid": ("follow_pyramid.best", 0.502, 0.513),
}
TERMS = ("source.person_class", "source.person_box", "target.person_class", "target.person_box", "source.pyramid")


def make_detection_run(run: Path, *, logs: bool = True, pictures: bool = True) -> Path:
    """Write the detector stages of a run into its folder and return it; the folder may hold another half already."""
    run.mkdir(parents=True, exist_ok=True)
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text()) if path.exists() else {"name": "streets", "seed": 17}
    config["stages"] = {**config.get("stages", {}), **STAGES}
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    source = {"streets": make_frames_data("streets", labels_read=True)}
    both = {**source, "night": make_frames_data("night", labels_read=False)}
    count = 60 if logs else 0
    steps = make_steps(("person_class", "person_box"), owner="", seed=1, count=count)
    for name in ("watch", "watch_small", "watch_ceiling"):
        make_stage(run, name, kind=STAGES[name]["kind"], data=source, outputs=("best", "last"), events=steps)
    for name in ("follow", "follow_pyramid"):
        events = [*make_steps(TERMS, owner="student", seed=2, count=count), *(make_detector_rounds() if logs else [])]
        inputs, outputs = ("watch.best", "watch_small.best"), ("best", "last", "teacher")
        make_stage(run, name, kind="detector_kd", data=both, inputs=inputs, outputs=outputs, events=events)
    rows = [make_detection_row(role, domain) for domain in ("target", "source") for role in SCORES]
    summary = {"subset": "all: height [20, inf) px, visible share [0.2, inf)", "rows": rows}
    inputs = tuple(dict.fromkeys(row["model"] for row in rows))
    attempt = make_stage(run, "count", kind="evaluate_detector", inputs=inputs, summary=summary, data=source)
    (attempt / "miss_curves.json").write_text(json.dumps(make_miss_curves()))
    if pictures:
        (attempt / "drawn_frames.json").write_text(json.dumps(make_drawn_frames()))
    return run


def make_detection_row(role: str, domain: str = "target") -> dict[str, Any]:
    """Return one row of a detector evaluation's summary."""
    model, miss, ap50 = SCORES[role]
    shift = 0.15 if domain == "source" else 0.0
    is_big = role.startswith("teacher")
    return {
        "model": model, "role": role, "domain": domain, "ap50": ap50 + shift, "ap": (ap50 + shift) / 2, "ap75": None,
        "mr2": miss - shift, "frames": 120, "boxes": 645, "ignored": 81,
        "params": 32_100_000 if is_big else 4_700_000, "macs": 51_000_000_000 if is_big else 4_200_000_000,
        "images_per_second": 3.1 if is_big else 21.4, "input": [384, 640],
    }  # fmt: skip


def make_frames_data(name: str, *, labels_read: bool) -> dict[str, Any]:
    """Return what a manifest records of one set of frames."""
    record = {key: value for key, value in make_data(name, labels_read=False).items() if key != "labels_read"}
    return record | {"labels_read": labels_read} | ({"boxes": 4821} if labels_read else {})


def make_detector_rounds() -> list[dict[str, Any]]:
    """Return five judged states, the fourth worse than the third."""
    steady, follows = [0.41, 0.55, 0.66, 0.63, 0.71], [0.38, 0.52, 0.6, 0.58, 0.63]
    return [
        {
            "event": "round", "round": number, "beta": 0.1 + 0.2 * number, "accepted": number != 3,
            "selection": steady[number],
            "teacher_agreement": follows[number], "boxes_a_frame": 3.1 + 0.4 * number, "calibration": [1.1, 0.2],
        }
        for number in range(5)
    ]  # fmt: skip


def make_miss_curves() -> dict[str, Any]:
    """Return falling curves of steps for both domains."""
    fppi = np.geomspace(1e-3, 6.0, 60)
    curves: dict[str, Any] = {}
    for domain, shift in (("source", 0.15), ("target", 0.0)):
        curves[domain] = {
            role: {"fppi": fppi.tolist(), "miss": np.clip((miss - shift) * (fppi / 0.1) ** -0.22, 0.02, 1).tolist()}
            for role, (_, miss, _) in SCORES.items()
        }
    return curves


def make_drawn_frames(count: int = 2) -> list[dict[str, object]]:
    """Return frames with a few boxes of every kind, one of them beyond the frame."""
    noise = np.random.default_rng(3)
    frames = []
    for number in range(count):
        image = np.full((90, 160, 3), 120, np.uint8) + noise.integers(0, 40, (90, 160, 3)).astype(np.uint8)
        roles = {role: make_outcome(right) for role, right in (("student_direct", 1), ("student_adapted", 3))}
        frames.append(make_drawn_frame(image, roles, label=f"night/{number:06d}.jpg"))
    return frames


def make_outcome(right: int) -> FrameOutcome:
    """Return what a detector made of four people of whom it found `right`."""
    people = np.array([[8 + 34 * i, 20, 30 + 34 * i, 78] for i in range(4)], np.float32)
    return FrameOutcome(
        found=Detections(people[:right] + 1, np.linspace(0.9, 0.7, right).astype(np.float32)),
        false=Detections(np.array([[130, 5, 150, 40]], np.float32), np.array([0.66], np.float32)),
        absorbed=Detections(np.array([[64, 4, 76, 20]], np.float32), np.array([0.5], np.float32)),
        missed=people[right:],
        regions=np.array([[60, -8, 100, 24]], np.float32),
        threshold=0.42,
    )
