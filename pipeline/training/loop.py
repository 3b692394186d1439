"""The only training loop: fetch, step, log, leave resume points."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from pipeline import distributed
from pipeline.training.learner import check_finite
from pipeline.training.peak_memory import peak_memory
from pipeline.training.progress import Progress
from pipeline.training.stopwatch import Stopwatch, stopwatch, timed
from pipeline.types import LossTerms

# Batches of crops or of frames, by domain.
Batches = Mapping[str, Any]


class Task(Protocol):
    """What the loop needs of a training task."""

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Learn from one batch of each domain."""


@dataclass
class LoopHooks:
    """What happens around the steps.

    Args:
        log: writes one row of metrics.
        save: leaves a resume point after that many finished steps.
        log_every: steps between rows of metrics.
        save_every_steps: steps between resume points; None = by time alone.
        save_every_seconds: seconds between resume points; None = by steps alone.
        last_save: when the last one was left, by the monotonic clock; one object serves all loops of a stage, so that
            short loops don't start the clock anew.
    """

    log: Callable[[Mapping[str, Any]], None]
    save: Callable[[int], None]
    log_every: int = 10
    save_every_steps: int | None = None
    save_every_seconds: float | None = 600.0
    last_save: float = field(default_factory=time.monotonic)


def run_steps(
    task: Task, batches: Iterator[Batches], *, start: int, stop: int, hooks: LoopHooks, progress: Progress
) -> None:
    """Train over the steps [start, stop).

    Args:
        task: does one step.
        batches: one mapping of domain to batch for each step.
        start: first step.
        stop: one past the last step.
        hooks: logging and resume points.
        progress: counts the steps for people.

    Raises:
        TrainingError: a loss term is not finite; the message holds all terms.
    """
    with stopwatch() as watch:
        _run_steps(task, batches, range(start, stop), hooks=hooks, progress=progress, watch=watch)


def _run_steps(
    task: Task, batches: Iterator[Batches], steps: range, *, hooks: LoopHooks, progress: Progress, watch: Stopwatch
) -> None:
    images = 0
    for step in steps:
        # Whatever draws from torch's global generator in this step is a function of the step, so nothing of the
        # generator has to be kept in a resume point.
        torch.manual_seed(step)
        with timed("data"):
            batch = next(batches)
        images += sum(len(part) for part in batch.values())
        terms = task.step(batch, step)
        check_finite({"total": terms.total, **terms.parts}, step=step)
        done = step + 1
        if done % hooks.log_every == 0 or done == steps.stop:
            hooks.log(_row(done, terms, images, watch.take()))
            images = 0
        progress.advance(f"loss {float(terms.total):.3f}")
        if done < steps.stop and _is_due(done, hooks):
            hooks.save(done)
            hooks.last_save = time.monotonic()


def _row(done: int, terms: LossTerms, images: int, seconds: Mapping[str, float]) -> dict[str, Any]:
    row = {
        "event": "step", "step": done, "loss": float(terms.total),
        "terms": {name: float(value) for name, value in terms.parts.items()},
        "images_per_second": round(images / max(1e-9, seconds["total"]), 1),
        "seconds": seconds, "peak_megabytes": peak_memory(terms.total.device.type),
    }  # fmt: skip
    if terms.facts:
        row["facts"] = {name: float(value) for name, value in terms.facts.items()}
    return row


def _is_due(done: int, hooks: LoopHooks) -> bool:
    if hooks.save_every_steps is not None and done % hooks.save_every_steps == 0:
        return True
    if hooks.save_every_seconds is None or (distributed.is_distributed() and done % hooks.log_every):
        return False
    # Saving is done by all ranks together, and their clocks differ.
    return distributed.broadcast_object(time.monotonic() - hooks.last_save >= hooks.save_every_seconds)
