"""A run of all detector stages that takes seconds, as a tree of plain values."""

from typing import Any

FRAMES = {"kind": "world_frames", "seed": 1, "cameras": 2, "frames": 5, "size": [64, 96]}
DETECTORS = {
    "student_direct": "alone.best",
    "teacher_direct": "teach.best",
    "teacher_adapted": "distil.teacher",
    "student_adapted": "distil.best",
    "student_supervised": "limit.best",
}


def make_street_tree(**distil: Any) -> dict[str, Any]:
    """Return a run of all detector stages; `distil` changes the settings of its distillation."""
    model = {"detector": "fcos", "arch": "timm/resnet18", "size": [64, 96], "head_depth": 1}
    train = {"kind": "detector_pretrain", "data": "streets", "steps": 4, "batch": 2}
    return {
        "schema": 1,
        "name": "tiny-streets",
        "seed": 17,
        "runtime": {"device": "cpu", "threads": 1, "checkpoint_every_steps": 2},
        "data": {
            "streets": {**FRAMES, "domain": "sunny_plaza"},
            "new_streets": {**FRAMES, "domain": "winter_station"},
            "test": {**FRAMES, "domain": "winter_station", "split": "test"},
        },
        "models": {
            "big_detector": {
                **model, "pyramid_width": 16, "head_width": 16,
                "args": {"channels": [8, 16, 16, 32], "layers": [1, 1, 1, 1]},
            },
            "small_detector": {
                **model, "pyramid_width": 8, "head_width": 8,
                "args": {"channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1]},
            },
        },
        "stages": {
            "teach": {**train, "train": "big_detector"},
            "alone": {**train, "train": "small_detector"},
            "distil": {
                "kind": "detector_kd", "teacher": "teach.best", "train": "small_detector", "init": "alone.best",
                "source": "streets", "target": "new_streets", "rounds": 2, "steps": 3, "batch": 2, "judged": 4,
                **distil,
            },
            "limit": {
                **train, "train": "small_detector", "init": "alone.best", "data": ["streets", "new_streets"],
                "is_ceiling": True,
            },
            "look": {
                "kind": "evaluate_detector", "data": {"target": "test", "source": "streets"}, "models": dict(DETECTORS),
                "drawn": 1,
            },
        },
    }  # fmt: skip
