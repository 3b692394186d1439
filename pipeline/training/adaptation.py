"""The rounds of an adaptation: embed, judge, cluster, train; going back where a round hurt."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from datasets.loader import CropDataset
from pipeline import distributed
from pipeline.training.beta import BetaSettings
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.domain_batches import DomainBatches
from pipeline.training.embedding_cache import EmbeddingCache
from pipeline.training.loop import LoopHooks, Task, run_steps
from pipeline.training.memory import AdaptationMemory
from pipeline.training.phases import Round
from pipeline.training.precision import Precision
from pipeline.training.progress import Progress
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.relabel import TargetCrops, View
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.selection import Across, Judgement, SelectionSettings, criterion, joined_facts, judge
from pipeline.training.settings import BatchSettings
from pipeline.training.stopwatch import stopwatch, timed
from pipeline.training.target_rounds import TargetRounds

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

    @property
    def targets(self) -> Mapping[str, TargetCrops]:
        """The crops of each target by its name in a step's batches."""
        return {TARGET: self.target}


class AnyDomains(Protocol):
    """The crops of one source and of one or several targets."""

    @property
    def source(self) -> CropDataset:
        """Labelled, augmented."""

    @property
    def targets(self) -> Mapping[str, TargetCrops]:
        """Unlabelled, by the target's name in a step's batches, in a fixed order."""


class AdaptationTask(Task, Protocol):
    """Steps of a teacher and a student on each target."""

    @property
    def pairs(self) -> Mapping[str, ProgressiveTask]:
        """The two networks of each target, by its name in a step's batches."""

    @property
    def sides(self) -> Mapping[str, Side]:
        """Every network once, by name."""


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
        across: how the criteria of several targets become one.
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
    across: Across = "mean"


class Adaptation:
    """Carries out all rounds of a plan.

    Args:
        task: the networks and their step.
        domains: the crops.
        plan: the rounds.
        precision: autocast settings of embedding.
        log: writes one row of metrics.
        hooks: resume points within a round; called with the memory.
        on_round: called after each judged state with its round number, for keeping snapshots.
        embeddings: folder for embeddings of networks that rest; None keeps them in memory alone.
        title: what the progress calls it, the name of the stage.
    """

    def __init__(
        self,
        *,
        task: AdaptationTask,
        domains: AnyDomains,
        plan: Plan,
        precision: Precision,
        log: Callable[[Mapping[str, Any]], None],
        hooks: Callable[[AdaptationMemory], LoopHooks],
        on_round: Callable[[int], None] = lambda _: None,
        embeddings: Path | None = None,
        title: str = "adapt",
    ) -> None:
        self.task, self.domains, self.plan, self.precision = task, domains, plan, precision
        self.log, self.hooks, self.on_round, self.title = log, hooks, on_round, title
        self.targets = {
            name: TargetRounds(
                task.pairs[name],
                target,
                plan.clustering,
                precision,
                log,
                name if len(domains.targets) > 1 else "",
                EmbeddingCache(embeddings),
            )
            for name, target in domains.targets.items()
        }
        self.batches = DomainBatches(
            domains.source, domains.targets, sizes={SOURCE: plan.source_batch, TARGET: plan.target_batch},
            seed=plan.seed, workers=plan.workers,
        )  # fmt: skip

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
            self.title, total=len(plan.schedule) * steps, start=start, every_seconds=plan.log_every_seconds
        )
        hooks = self.hooks(memory)
        for now in plan.schedule[start // steps :]:
            for pair in self.task.pairs.values():
                pair.phase, pair.beta = now.phase, plan.beta.value(now.position, of=now.of)
            first = max(start, now.number * steps)
            if first == now.number * steps and not self._open(now, memory):
                break
            labels = {name: memory.of_target(name).labels for name in self.targets}
            run_steps(
                self.task, self.batches.round(labels, range(first, (now.number + 1) * steps)), start=first,
                stop=(now.number + 1) * steps, hooks=hooks, progress=progress,
            )  # fmt: skip
        else:
            self._judge(len(plan.schedule), memory, self._student_views())
        self.batches.close()
        progress.close()
        return memory

    def _open(self, now: Round, memory: AdaptationMemory) -> bool:
        """Judge the state that the last round left, cluster, and prepare the networks; False stops the rounds."""
        with stopwatch() as watch:
            students = self._student_views()
            if not self._judge(now.number, memory, students):
                return False
            if memory.is_back:
                students = self._student_views()
            for name, rounds in self.targets.items():
                rounds.open(now.phase, students[name], memory.of_target(name))
        self.log({"event": "preparation", "round": now.number, "seconds": watch.take()})
        return True

    def _student_views(self) -> dict[str, View]:
        return {name: rounds.student_view() for name, rounds in self.targets.items()}

    def _judge(self, number: int, memory: AdaptationMemory, students: Mapping[str, View]) -> bool:
        """Log the state before round `number`, keep it if it is the best; False where the rounds have to stop."""
        settings = self.plan.clustering.arguments()

        def judge_on(view: View, target: TargetCrops) -> Judgement:
            return judge(view.features, target.cameras, clusters=settings, tracklets=target.tracklets)

        def verdicts_on() -> dict[str, Judgement]:
            return {name: judge_on(view, self.domains.targets[name]) for name, view in students.items()}

        with timed("cluster"):
            verdicts = distributed.by_first(verdicts_on)
        score = criterion([verdict.score for verdict in verdicts.values()], across=self.plan.across)
        # Equal counts as accepted: while the teacher alone learns, the student is judged as it was.
        is_accepted = memory.take(number, score, self.task.sides) or score == memory.best_score
        facts = {name: {**memory.of_target(name).facts, **verdict.facts, "selection": verdict.score}
                 for name, verdict in verdicts.items()}  # fmt: skip
        beta = next(iter(self.task.pairs.values())).beta
        row = {"event": "round", "beta": beta, **joined_facts(facts), "round": number, "selection": score,
               "accepted": is_accepted}  # fmt: skip
        self.log(row)
        logger.info("round %d: %s", number, _sentence(row))
        memory.path = [*memory.path, number]
        self.on_round(number)
        for name in verdicts:
            memory.of_target(name).facts = {"round": number}
        return self._go_back_if_harmful(number, memory, score)

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
        memory.path = [passed for passed in memory.path if passed <= memory.best_round]
        return True


def _sentence(row: Mapping[str, Any]) -> str:
    shown = ("clusters", "outliers", "agreement", "silhouette", "clustered", "selection")
    return ", ".join(f"{key} {row[key]:.3g}" for key in shown if isinstance(row.get(key), int | float))
