"""The distillation terms of each kind of detector where the configuration names none."""

from typing import Any

Terms = dict[str, dict[str, Any]]

LEVELS: dict[str, Terms] = {
    "fcos": {
        "pyramid": {"weight": 0.15},
        "region": {"weight": 0.15},
        "penultimate": {"weight": 0.15},
        "dense_response": {"weight": 1.0},
    },
    "faster_rcnn": {
        "pyramid": {"weight": 0.5},
        "region": {"weight": 1.0},
        "penultimate": {"weight": 1.0},
        "region_response": {"weight": 1.0},
    },
}
