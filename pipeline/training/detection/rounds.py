"""The rounds of a detector's distillation: calibrate, judge, keep the best, train."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.batches import iterate_batches
from datasets.frame_loader import FrameDataset
from datasets.samplers import UniformSampler
from pipeline import distributed
from pipeline.detection_types import Detections
from pipeline.training.beta import BetaSettings
from pipeline.training.detection.calibration import Calibration, fit_calibration, right_boxes
from pipeline.training.detection.distil import DetectorDistillationTask, DetectorSide
from pipeline.training.detection.domains import spread_evenly
from pipeline.training.detection.found import find_on_all
from pipeline.training.detection.memory import DetectorMemory
from pipeline.training.detection.movement import annotated_people_move, found_people_move
from pipeline.training.detection.pseudo_boxes import limits_for
from pipeline.training.detection.scoring import find_people
from pipeline.training.detection.selection import judge
from pipeline.training.loop import LoopHooks, run_steps
from pipeline.training.precision import Precision
from pipeline.training.progress import Progress
from pipeline.training.scoped import SOURCE, TARGET

logger = logging.getLogger(__name__)

# What one network found on some frames, and how much of each box is foreground.
_Look = tuple[Calibration, list[Detections], list[np.ndarray]]


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
                self._open(number, memory)
            run_steps(self.task, self._batches(first, stop), start=first, stop=stop, hooks=hooks, progress=progress)
        self._open(plan.rounds, memory)
        progress.close()
        return memory

    def _open(self, number: int, memory: DetectorMemory) -> None:
        """Calibrate, choose which boxes are believed, and judge the state after `number` rounds."""
        source, target = self.domains.source, self.domains.target
        if target is None:
            # Nothing to judge on: the last state is kept.
            self._keep(number, memory, {"selection": float(number)})
            return
        self._calibrate(number, source)
        student = self.task.student
        looks = {name: (side.calibration, *self._found(side, TARGET)) for name, side in self.task.sides.items()}
        mirrored = (student.calibration, *self._found(student, TARGET, mirrored=True))
        finder = looks[next(name for name, side in self.task.sides.items() if side is self.task.finder)]
        self.task.is_moving = found_people_move(*finder)
        if not self.task.is_moving:
            logger.warning("those found on target frames hardly move, so the cameras' backgrounds are left out")
        self._search(number, target)
        sure = {name: self._confident(look) for name, look in looks.items()}
        self._keep(number, memory, judge(sure["student"], self._confident(mirrored), sure.get("teacher")))

    def _calibrate(self, number: int, source: FrameDataset) -> None:
        labelled = spread_evenly(len(source), self.plan.judged)
        truth = source.truth(labelled)
        people = [source.foreground_shares(int(i), b.boxes[~b.ignore]) for i, b in zip(labelled, truth, strict=True)]
        is_moving = annotated_people_move(people)
        for side in self.task.sides.values():
            # A frozen network's scores never change.
            if side.player is not None or number == 0:
                found, shares = self._found(side, SOURCE)
                side.calibration = fit_calibration(*right_boxes(found, truth, shares if is_moving else None))

    def _found(
        self, side: DetectorSide, domain: str, *, mirrored: bool = False
    ) -> tuple[list[Detections], list[np.ndarray]]:
        """Return what a side's mean network finds on some frames of a domain, spread evenly, and how much of each box
        is foreground.
        """
        frames = self.domains.source if domain == SOURCE else self.domains.target
        assert frames is not None, f"there are no frames of the {domain}"
        chosen = spread_evenly(len(frames), self.plan.judged)
        found = find_people(side.speaker(domain), frames, indices=chosen, mirrored=mirrored, precision=self.precision)
        return found, [frames.foreground_shares(int(i), one.boxes) for i, one in zip(chosen, found, strict=True)]

    def _search(self, number: int, target: FrameDataset) -> None:
        """Look at all target frames for the boxes of the round, and choose which of them are believed."""
        task, settings, finder = self.task, self.task.pseudo, self.task.finder
        if number < settings.from_round or number == self.plan.rounds:
            return
        # A frozen network finds the same in every round.
        if task.found is None or finder.player is not None:
            task.found = find_on_all(
                finder.speaker(TARGET), target, calibration=finder.calibration, looks=settings.looks,
                nms_threshold=settings.nms, most=settings.most, is_moving=task.is_moving, precision=self.precision,
            )  # fmt: skip
        task.limits = limits_for(task.found, keep=settings.keep, shares=settings.shares)

    def _confident(self, look: _Look) -> list[Detections]:
        """Return detections with confidences in place of scores."""
        calibration, found, known = look
        shares = known if self.task.is_moving else [None] * len(found)
        return [calibration.applied(one, share) for one, share in zip(found, shares, strict=True)]

    def _keep(self, number: int, memory: DetectorMemory, facts: dict[str, float]) -> None:
        """Log the state after `number` rounds and keep it where it is the best."""
        accepted = memory.take(number, facts["selection"], self.task.sides)
        calibration = self.task.finder.calibration
        self.log({"event": "round", "round": number, "beta": self.task.beta, "accepted": accepted, **facts,
                  "calibration": list(calibration.numbers), "is_moving": self.task.is_moving,
                  "keep": None if self.task.limits is None else self.task.limits.keep})  # fmt: skip
        shown = ", ".join(f"{name} {value:.3g}" for name, value in facts.items())
        logger.info("round %d: %s", number, shown)
        self.on_round(number)

    def _batches(self, start: int, stop: int) -> Iterator[dict[str, Any]]:
        plan, source, target = self.plan, self.domains.source, self.domains.target
        place = {"rank": distributed.rank(), "world": distributed.world_size(), "workers": plan.workers}
        sampler = UniformSampler(len(source), batch=plan.batch, seed=plan.seed)
        sources = iterate_batches(source.collect, sampler, start=start, stop=stop, seed=plan.seed, **place)
        if target is None:
            for batch in sources:
                yield {"source": batch}
            return
        sampler = UniformSampler(len(target), batch=plan.batch, seed=plan.seed + 1)
        views = iterate_batches(target.collect_views, sampler, start=start, stop=stop, seed=plan.seed + 1, **place)
        for batch, (weak, strong) in zip(sources, views, strict=True):
            yield {"source": batch, "weak": weak, "strong": strong}
