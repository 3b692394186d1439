"""The rounds of a detector's distillation: calibrate, judge, keep the best, train."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datasets.frame_loader import FrameDataset, iterate_frame_views, iterate_frames
from datasets.samplers import UniformSampler
from pipeline import distributed
from pipeline.detection_types import Detections
from pipeline.training.beta import BetaSettings
from pipeline.training.detection.calibration import fit_calibration, right_boxes
from pipeline.training.detection.distil import DetectorDistillationTask, DetectorSide
from pipeline.training.detection.domains import spread_evenly
from pipeline.training.detection.memory import DetectorMemory
from pipeline.training.detection.pseudo_boxes import Limits, limits_for
from pipeline.training.detection.scoring import find_people
from pipeline.training.detection.selection import judge
from pipeline.training.loop import LoopHooks, run_steps
from pipeline.training.precision import Precision
from pipeline.training.progress import Progress
from pipeline.training.scoped import SOURCE, TARGET

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreetDomains:
    """The frames of both domains.

    Args:
        source: labelled.
        target: unlabelled, or None where the student is distilled on the source alone.
    """

    source: FrameDataset
    target: FrameDataset | None


@dataclass(frozen=True)
class StreetPlan:
    """How the rounds are carried out.

    Args:
        rounds: number of them.
        steps: of each round.
        batch: frames of each domain in a step.
        beta: the student's growing share where the teacher learns too.
        judged: frames that a judgement or a calibration looks at.
        seed: of sampling and augmentation.
        workers: loading processes.
        log_every_seconds: between progress lines.
    """

    rounds: int
    steps: int
    batch: int
    beta: BetaSettings
    judged: int
    seed: int
    workers: int = 0
    log_every_seconds: float = 10.0


class DetectorRounds:
    """Carries out all rounds of a plan.

    Args:
        task: the two detectors and their step.
        domains: the frames.
        plan: the rounds.
        precision: autocast settings of looking through frames.
        log: writes one row of metrics.
        hooks: resume points within a round; called with the memory.
        on_round: called after each judged state with its round number.
    """

    def __init__(
        self,
        *,
        task: DetectorDistillationTask,
        domains: StreetDomains,
        plan: StreetPlan,
        precision: Precision,
        log: Callable[[Mapping[str, Any]], None],
        hooks: Callable[[DetectorMemory], LoopHooks],
        on_round: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.task, self.domains, self.plan, self.precision = task, domains, plan, precision
        self.log, self.hooks, self.on_round = log, hooks, on_round

    def run(self, memory: DetectorMemory, *, start: int = 0) -> DetectorMemory:
        """Run the rounds from a step on.

        Args:
            memory: what earlier steps left; fresh, or from a resume point.
            start: number of finished steps.

        Returns:
            the memory with the best state and its score.
        """
        plan = self.plan
        total = plan.rounds * plan.steps
        progress = Progress("distil", total=total, start=start, every_seconds=plan.log_every_seconds)
        hooks = self.hooks(memory)
        for number in range(start // plan.steps, plan.rounds):
            first, stop = max(start, number * plan.steps), (number + 1) * plan.steps
            self.task.beta = plan.beta.value(number + 1, of=plan.rounds)
            if first == number * plan.steps:
                self._calibrate(number)
                self._judge(number, memory)
            run_steps(self.task, self._batches(first, stop), start=first, stop=stop, hooks=hooks, progress=progress)
        self._calibrate(plan.rounds)
        self._judge(plan.rounds, memory)
        progress.close()
        return memory

    def _calibrate(self, number: int) -> None:
        """Learn on source frames how far scores can be trusted; a frozen network's never change."""
        if self.domains.target is None:
            return
        source = self.domains.source
        chosen = spread_evenly(len(source), self.plan.judged)
        truth = source.truth(chosen)
        for side in (self.task.teacher, self.task.student):
            if side.learner is not None or number == 0:
                found = find_people(side.speaker(SOURCE), source, indices=chosen, precision=self.precision)
                side.calibration = fit_calibration(*right_boxes(found, truth))
        people = sum(int((~boxes.ignore).sum()) for boxes in truth) / max(1, len(truth))
        self.task.limits = self._limits(number, people)

    def _limits(self, number: int, people: float) -> Limits | None:
        settings, target = self.task.pseudo, self.domains.target
        if number < settings.from_round or target is None:
            return None
        chosen = spread_evenly(len(target), self.plan.judged)
        finder = self.task.finder
        found = find_people(finder.speaker(TARGET), target, indices=chosen, precision=self.precision)
        confident = [finder.calibration.applied(one, least=0.0) for one in found]
        return limits_for(confident, people=people, keep=settings.keep, shares=settings.shares)

    def _judge(self, number: int, memory: DetectorMemory) -> None:
        """Log the state after `number` rounds and keep it where it is the best; without a target the last is kept."""
        facts = {"selection": float(number)} if self.domains.target is None else self._look(self.domains.target)
        accepted = memory.take(number, facts["selection"], self.task)
        calibration = self.task.finder.calibration
        self.log({"event": "round", "round": number, "beta": self.task.beta, "accepted": accepted, **facts,
                  "calibration": [calibration.slope, calibration.offset],
                  "keep": None if self.task.limits is None else self.task.limits.keep})  # fmt: skip
        shown = ", ".join(f"{name} {value:.3g}" for name, value in facts.items())
        logger.info("round %d: %s", number, shown)
        self.on_round(number)

    def _look(self, target: FrameDataset) -> dict[str, float]:
        """Judge the student on some target frames."""
        chosen = spread_evenly(len(target), self.plan.judged)

        def confident(side: DetectorSide, *, mirrored: bool = False) -> list[Detections]:
            found = find_people(
                side.speaker(TARGET), target, indices=chosen, mirrored=mirrored, precision=self.precision
            )
            return [side.calibration.applied(one) for one in found]

        student, teacher = self.task.student, self.task.teacher
        return judge(confident(student), confident(student, mirrored=True), confident(teacher))

    def _batches(self, start: int, stop: int) -> Iterator[dict[str, Any]]:
        plan, source, target = self.plan, self.domains.source, self.domains.target
        place = {"rank": distributed.rank(), "world": distributed.world_size(), "workers": plan.workers}
        sampler = UniformSampler(len(source), batch=plan.batch, seed=plan.seed)
        sources = iterate_frames(source, sampler, start=start, stop=stop, seed=plan.seed, **place)
        if target is None:
            for batch in sources:
                yield {"source": batch}
            return
        sampler = UniformSampler(len(target), batch=plan.batch, seed=plan.seed + 1)
        views = iterate_frame_views(target, sampler, start=start, stop=stop, seed=plan.seed + 1, **place)
        for batch, (weak, strong) in zip(sources, views, strict=True):
            yield {"source": batch, "weak": weak, "strong": strong}
