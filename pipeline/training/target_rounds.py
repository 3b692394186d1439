"""What happens between rounds on one target: it is embedded and clustered, and both networks are prepared for it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline import distributed
from pipeline.clustering.pseudo_labels import PseudoLabels
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.embedding_cache import EmbeddingCache
from pipeline.training.memory import AdaptationMemory
from pipeline.training.phases import Phase
from pipeline.training.precision import Precision
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.relabel import TargetCrops, View, cluster, prepare_side, round_facts, view_of
from pipeline.training.stopwatch import timed

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TargetRounds:
    """A teacher and a student on one target.

    Args:
        pair: the two networks.
        target: its crops.
        clustering: how they are compared and clustered.
        precision: autocast settings of embedding.
        log: writes one row of metrics.
        name: of the target in the log; empty where there is only one.
        cache: of embeddings.
    """

    pair: ProgressiveTask
    target: TargetCrops
    clustering: ClusteringSettings
    precision: Precision
    log: Callable[[Mapping[str, Any]], None]
    name: str = ""
    cache: EmbeddingCache = field(default_factory=EmbeddingCache)

    def student_view(self) -> View:
        """Embed the target with the student."""
        return self._view(self.pair.student)

    def open(self, phase: Phase, student: View, memory: AdaptationMemory) -> None:
        """Cluster the target and give both networks the camera space, centroids and proxies of a new round.

        Args:
            phase: says who clusters.
            student: how the student sees the target now.
            memory: of this target; gets the pseudo-labels.
        """
        teacher = self._view(self.pair.teacher) if self.pair.teacher is not None else None
        found = self._cluster(phase, teacher, student, memory)
        memory.labels = None if found is None else found.labels
        if self.pair.teacher is not None and teacher is not None:
            self._prepare(self.pair.teacher, teacher, memory.labels, None)
        self._prepare(self.pair.student, student, memory.labels, teacher)

    def _view(self, side: Side) -> View:
        return view_of(
            side, self.target, standardise=self.clustering.standardise, precision=self.precision, cache=self.cache
        )

    def _prepare(self, side: Side, view: View, labels: np.ndarray | None, teacher: View | None) -> None:
        prepare_side(
            side, view, labels, self.target, standardise=self.clustering.standardise, device=self.pair.device,
            teacher_view=teacher,
        )  # fmt: skip

    def _cluster(
        self, phase: Phase, teacher: View | None, student: View, memory: AdaptationMemory
    ) -> PseudoLabels | None:
        """Return the pseudo-labels to train on; the last good ones where the new ones have collapsed."""
        if phase.clusters == "nobody":
            return None
        views = [student] if phase.clusters == "student" or teacher is None else [teacher]
        if phase.clusters == "teacher" and self.clustering.by == "both" and phase.student_learns:
            views = [*views, student]
        # Rounding differs between kinds of processors: ranks that clustered for themselves could disagree.
        with timed("cluster"):
            found = distributed.by_first(
                lambda: cluster(views, self.target, threshold=memory.threshold, **self.clustering.arguments())
            )
        memory.facts |= round_facts(found, memory.labels, self.target.cameras)
        memory.threshold = found.independence_threshold
        if found.collapse is None:
            return found
        fallback = "keeping the last round's clusters" if memory.labels is not None else "training without clusters"
        sentence = f"{self.name}: {found.collapse}; {fallback}".removeprefix(": ")
        self.log({"event": "collapse", "round": memory.facts.get("round"), "sentence": sentence})
        logger.warning("clusters collapsed: %s", sentence)
        if memory.labels is None:
            return None
        return PseudoLabels(memory.labels, np.zeros((0, 0), np.float32), found.eps, found.independence_threshold)
