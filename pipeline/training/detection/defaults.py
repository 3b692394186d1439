"""The distillation terms of each kind of detector where the configuration names none."""

from typing import Any

Terms = dict[str, dict[str, Any]]

# On target frames the teacher's insides, which see a frame in one size, would contradict the boxes that were found in
# several.
_SOURCE = {"on": ["source"]}

LEVELS: dict[str, Terms] = {
    "fcos": {
        "pyramid": {"weight": 0.15, **_SOURCE},
        "region": {"weight": 0.15, **_SOURCE},
        "penultimate": {"weight": 0.15, **_SOURCE},
        "dense_response": {"weight": 1.0, **_SOURCE},
    },
    "faster_rcnn": {
        "pyramid": {"weight": 0.5, **_SOURCE},
        "region": {"weight": 1.0, **_SOURCE},
        "penultimate": {"weight": 1.0, **_SOURCE},
        "region_response": {"weight": 1.0, **_SOURCE},
    },
}
