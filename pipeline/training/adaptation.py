"""The rounds of an adaptation: embed, judge, cluster, train; going back where a round hurt."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.batches import iterate_batches
from datasets.loader import CropDataset
from datasets.samplers import PKSampler, UniformSampler
from pipeline import distributed
from pipeline.clustering.pseudo_labels import PseudoLabels
from pipeline.training.beta import BetaSettings
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.loop import Batches, LoopHooks, run_steps
from pipeline.training.memory import AdaptationMemory
from pipeline.training.phases import Phase, Round
from pipeline.training.precision import Precision
from pipeline.training.progress import Progress
from pipeline.training.progressive import ProgressiveTask
from pipeline.training.relabel import TargetCrops, View, cluster, prepare_side, round_facts, view_of
from pipeline.training.selection import SelectionSettings, judge
from pipeline.training.settings import BatchSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Domains:
    """The crops of both domains.

    Args:
        source: labelled, augmented.
        target: unlabelled.
        num_identities: persons of the source.
    """

    source: CropDataset
    target: TargetCrops
    num_identities: int


@dataclass(frozen=True)
class Plan:
    """How the rounds are carried out.

    Args:
        schedule: all rounds.
        steps: of each round.
        source_batch: persons and crops of a source batch.
        target_batch: clusters and crops of a target batch.
        beta: the student's growing share.
        clustering: of the target.
        selection: label-free choice and going back.
        seed: of sampling and augmentation.
        workers: loading processes.
        log_every_seconds: between progress lines.
    """

    schedule: list[Round]
    steps: int
    source_batch: BatchSettings
    target_batch: BatchSettings
    beta: BetaSettings
    clustering: ClusteringSettings
    selection: SelectionSettings
    seed: int
    workers: int = 0
    log_every_seconds: float = 10.0


class Adaptation:
    """Carries out all rounds of a plan.

    Args:
        task: the two networks and their step.
        domains: the crops.
        plan: the rounds.
        precision: autocast settings of embedding.
        log: writes one row of metrics.
        hooks: resume points within a round; called with the memory.
        on_round: called after each judged state with its round number, for keeping snapshots.
    """

    def __init__(
        self,
        *,
        task: ProgressiveTask,
        domains: Domains,
        plan: Plan,
        precision: Precision,
        log: Callable[[Mapping[str, Any]], None],
        hooks: Callable[[AdaptationMemory], LoopHooks],
        on_round: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.task, self.domains, self.plan, self.precision = task, domains, plan, precision
        self.log, self.hooks, self.on_round = log, hooks, on_round

    def run(self, memory: AdaptationMemory, *, start: int = 0) -> AdaptationMemory:
        """Run the rounds from a step on.

        Args:
            memory: what earlier steps left; fresh, or from a resume point.
            start: number of finished steps.

        Returns:
            The memory with the best state and its score.
        """
        plan, steps = self.plan, self.plan.steps
        progress = Progress(
            "adapt", total=len(plan.schedule) * steps, start=start, every_seconds=plan.log_every_seconds
        )
        hooks = self.hooks(memory)
        for now in plan.schedule[start // steps :]:
            self.task.phase = now.phase
            self.task.beta = plan.beta.value(now.position, of=now.of)
            first = max(start, now.number * steps)
            if first == now.number * steps and not self._open(now, memory):
                break
            batches = self._batches(memory.labels, start=first, stop=(now.number + 1) * steps)
            run_steps(
                self.task, batches, start=first, stop=(now.number + 1) * steps, hooks=hooks,
                progress=progress,
            )  # fmt: skip
        else:
            self._judge(len(plan.schedule), memory, self._view(self.task.student))
        progress.close()
        return memory

    def _open(self, now: Round, memory: AdaptationMemory) -> bool:
        """Judge the state that the last round left, cluster, and prepare both networks; False stops the rounds."""
        student = self._view(self.task.student)
        if not self._judge(now.number, memory, student):
            return False
        if memory.is_back:
            student = self._view(self.task.student)
        teacher = self._view(self.task.teacher) if self.task.teacher is not None else None
        found = self._cluster(now.phase, teacher, student, memory)
        memory.labels = None if found is None else found.labels
        if self.task.teacher is not None and teacher is not None:
            self._prepare(self.task.teacher, teacher, memory.labels, None)
        self._prepare(self.task.student, student, memory.labels, teacher)
        return True

    def _view(self, side: Any) -> View:
        return view_of(
            side, self.domains.target, standardise=self.plan.clustering.standardise, precision=self.precision
        )

    def _prepare(self, side: Any, view: View, labels: np.ndarray | None, teacher: View | None) -> None:
        prepare_side(
            side, view, labels, self.domains.target, standardise=self.plan.clustering.standardise,
            device=self.task.device, teacher_view=teacher,
        )  # fmt: skip

    def _cluster(
        self, phase: Phase, teacher: View | None, student: View, memory: AdaptationMemory
    ) -> PseudoLabels | None:
        """Return the pseudo-labels to train on; the last good ones where the new ones have collapsed."""
        if phase.clusters == "nobody":
            return None
        views = [student] if phase.clusters == "student" or teacher is None else [teacher]
        if phase.clusters == "teacher" and self.plan.clustering.by == "both" and phase.student_learns:
            views = [*views, student]
        target = self.domains.target
        found = cluster(views, target, threshold=memory.threshold, **self.plan.clustering.arguments())
        memory.facts |= round_facts(found, memory.labels, target.cameras)
        memory.threshold = found.independence_threshold
        if found.collapse is None:
            return found
        fallback = "keeping the last round's clusters" if memory.labels is not None else "training without clusters"
        self.log({"event": "collapse", "round": memory.facts.get("round"), "sentence": f"{found.collapse}; {fallback}"})
        logger.warning("clusters collapsed: %s; %s", found.collapse, fallback)
        if memory.labels is None:
            return None
        return PseudoLabels(memory.labels, np.zeros((0, 0), np.float32), found.eps, found.independence_threshold)

    def _judge(self, number: int, memory: AdaptationMemory, student: View) -> bool:
        """Log the state before round `number`, keep it if it is the best; False where the rounds have to stop."""
        settings = self.plan.clustering.arguments()
        verdict = judge(student.features, self.domains.target.cameras, clusters=settings)
        # Equal counts as accepted: while the teacher alone learns, the student is judged as it was.
        is_accepted = memory.take(number, verdict.score, self.task.sides) or verdict.score == memory.best_score
        row = {"event": "round", "beta": self.task.beta, **memory.facts, **verdict.facts, "round": number,
               "selection": verdict.score, "accepted": is_accepted}  # fmt: skip
        self.log(row)
        logger.info("round %d: %s", number, _sentence(row))
        self.on_round(number)
        memory.facts = {"round": number}
        return self._go_back_if_harmful(number, memory, verdict.score)

    def _go_back_if_harmful(self, number: int, memory: AdaptationMemory, score: float) -> bool:
        settings = self.plan.selection
        memory.is_back = False
        is_harmful = number > 0 and score < memory.best_score - settings.tolerance
        memory.harmful = memory.harmful + 1 if is_harmful else 0
        if memory.harmful < settings.patience or number == len(self.plan.schedule):
            return True
        memory.harmful, memory.rollbacks = 0, memory.rollbacks + 1
        back = f"the criterion fell from {memory.best_score:.3f} to {score:.3f}"
        if memory.rollbacks > settings.rollbacks:
            self.log(
                {"event": "rollback", "round": number, "sentence": f"{back}: stopped at round {memory.best_round}"}
            )
            return False
        self.log({"event": "rollback", "round": number, "sentence": f"{back}: went back to round {memory.best_round}"})
        logger.warning("round %d: %s; going back to round %d", number, back, memory.best_round)
        memory.restore(self.task.sides)
        memory.is_back = True
        return True

    def _batches(self, labels: np.ndarray | None, *, start: int, stop: int) -> Iterator[Batches]:
        plan, source, target = self.plan, self.domains.source, self.domains.target.crops
        place = {"rank": distributed.rank(), "world": distributed.world_size(), "workers": plan.workers}
        assert source.labels is not None, "source crops are labelled"
        source_sampler = PKSampler(
            source.labels, source.cameras, identities=plan.source_batch.identities,
            instances=plan.source_batch.instances, seed=plan.seed,
        )  # fmt: skip
        target_sampler: PKSampler | UniformSampler
        if labels is None:
            target_sampler = UniformSampler(len(target), batch=plan.target_batch.size, seed=plan.seed)
        else:
            target_sampler = PKSampler(
                labels, target.cameras, identities=plan.target_batch.identities,
                instances=plan.target_batch.instances, seed=plan.seed,
            )  # fmt: skip
        labelled = CropDataset(target.cache, labels, target.cameras, target.augment)
        sources = iterate_batches(source.collect, source_sampler, start=start, stop=stop, seed=plan.seed, **place)
        targets = iterate_batches(labelled.collect, target_sampler, start=start, stop=stop, seed=plan.seed + 1, **place)
        for source_batch, target_batch in zip(sources, targets, strict=True):
            yield {"source": source_batch, "target": target_batch}


def _sentence(row: Mapping[str, Any]) -> str:
    shown = ("clusters", "outliers", "agreement", "silhouette", "clustered", "selection")
    return ", ".join(f"{key} {row[key]:.3g}" for key in shown if isinstance(row.get(key), int | float))
