"""The label-free judgement of a round: how well the student's own embeddings form people seen by several cameras."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from pipeline.clustering.pseudo_labels import assign_pseudo_labels
from pipeline.clustering.tracklets import Tracklets
from pipeline.config.schema import StrictModel
from pipeline.metrics.clustering import cross_camera_share, silhouette_of_centroids

Across = Literal["mean", "worst"]


class SelectionSettings(StrictModel):
    """Which round's student is kept, and when to go back."""

    # Fall of the criterion below the best that counts as harm.
    tolerance: float = Field(0.05, ge=0)
    # Harmful rounds in a row before going back to the best one.
    patience: int = Field(2, ge=1)
    # How often to go back before stopping.
    rollbacks: int = Field(1, ge=0)


@dataclass(frozen=True)
class Judgement:
    """What a round is worth, without labels.

    Args:
        score: the criterion; larger is better.
        facts: what it was computed from, for the log.
    """

    score: float
    facts: dict[str, float] = field(default_factory=dict)


def judge(
    features: np.ndarray, cameras: np.ndarray, *, clusters: dict[str, object], tracklets: Tracklets | None = None
) -> Judgement:
    """Judge embeddings by the clusters that they form by themselves.

    score = share of clustered images x mean simplified silhouette of the clustered images; both fall when people are
    torn apart or run together.

    Args:
        features: (N, D) as retrieval compares them.
        cameras: (N,) positions, -1 = unknown.
        clusters: arguments of `assign_pseudo_labels`.
        tracklets: of the images, where they are used.
    """
    settings: dict[str, Any] = {**clusters, "eps": "auto", "eps_gap": None}
    found = assign_pseudo_labels(features, cameras, tracklets=tracklets, **settings)
    silhouette = silhouette_of_centroids(features, found.labels)
    facts = {
        "silhouette": silhouette,
        "clustered": 1.0 - found.num_outliers / max(1, len(found.labels)),
        "cross_camera": cross_camera_share(found.labels, cameras),
        "own_clusters": float(found.num_clusters),
    }
    return Judgement(score=0.0 if found.collapse else silhouette, facts=facts)


def criterion(scores: Sequence[float], *, across: Across) -> float:
    """Return one criterion for all targets of a student.

    Args:
        scores: criterion of each target, at least one.
        across: their mean, or the worst of them.
    """
    return min(scores) if across == "worst" else sum(scores) / len(scores)


def joined_facts(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a log row says of a round: the facts of the only target, or their means and each target's own.

    Args:
        facts: of each target by name, at least one target.

    Returns:
        facts by name; of several targets a mean stands where every target has a number, and `targets` holds all.
    """
    if len(facts) == 1:
        return dict(*facts.values())
    numbers = {
        key: [own[key] for own in facts.values()]
        for key in next(iter(facts.values()))
        if all(isinstance(own.get(key), int | float) for own in facts.values())
    }
    return {key: sum(values) / len(values) for key, values in numbers.items()} | {
        "targets": {name: dict(own) for name, own in facts.items()}
    }
