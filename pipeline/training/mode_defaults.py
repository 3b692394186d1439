"""The terms of each mode where the configuration names none."""

from typing import Any

Terms = dict[str, dict[str, Any]]

_SUPERVISED: Terms = {"cross_entropy": {"smoothing": 0.1}, "triplet": {"margin": 0.3}}
_CLUSTERS: Terms = {
    "centroid_contrast": {"temperature": 0.1, "momentum": 1.0},
    "proxy_contrast": {"temperature": 0.1, "momentum": 1.0, "weight": 0.5},
}
_DISTILLED: Terms = {
    "kd": {"temperature": 4.0, "weight": 0.3},
    "relation": {"tap": "bn_embedding", "weight": 4.0},
    "embedding": {"weight": 2.0, "on": ["source", "target"]},
}
_STUDENT_SOURCE: Terms = {
    "cross_entropy": {"smoothing": 0.1, "weight": 0.5},
    "triplet": {"margin": 0.3, "weight": 0.5},
}
_ADAPTING: Terms = {**_SUPERVISED, **_CLUSTERS, "mmd": {"weight": 0.5}}
_PUBLISHED_TEACHER: Terms = {"cross_entropy": {}, "mmd": {"ramp": True}}
_PUBLISHED_STUDENT: Terms = {
    "cross_entropy": {"weight": 0.7},
    "kd_source": {"use": "kd", "temperature": 20.0, "on": ["source"], "weight": 0.3},
    "kd_target": {"use": "kd", "temperature": 20.0, "on": ["target"]},
}

TEACHER_TERMS: dict[str, Terms] = {
    "joint": _ADAPTING,
    "two_stage": _ADAPTING,
    "distil_then_adapt": {},
    "kd_only": {},
    "uda_only": {},
    "as_published": _PUBLISHED_TEACHER,
    "prokt": {"proximal": {"lam": 0.4}, "triplet": {"margin": 0.3}},
}
STUDENT_TERMS: dict[str, Terms] = {
    "joint": {**_STUDENT_SOURCE, **_DISTILLED, **_CLUSTERS},
    "two_stage": {**_STUDENT_SOURCE, **_DISTILLED, **_CLUSTERS},
    "distil_then_adapt": {**_STUDENT_SOURCE, **_DISTILLED, **_CLUSTERS, "mmd": {"weight": 0.5}},
    "kd_only": {**_STUDENT_SOURCE, **_DISTILLED},
    "uda_only": {**_ADAPTING},
    "as_published": _PUBLISHED_STUDENT,
    "prokt": {"kd": {"temperature": 1.0}, "triplet": {"margin": 0.3, "weight": 0.5}},
}
