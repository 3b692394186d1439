"""Resume points of a stage that trains, one file of tensors, and the training that goes on from them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from torch import Tensor

from pipeline.checkpoint_file import load_tensors, save_tensors
from pipeline.stage import StageContext
from pipeline.training.loop import Batches, LoopHooks, Task, run_steps
from pipeline.training.progress import Progress

_FILE = "state.safetensors"


class ResumableTask(Task, Protocol):
    """A task whose state can be kept."""

    def state(self) -> dict[str, Tensor]:
        """Return everything that the next step depends on, as named tensors."""

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""


def train_on(
    context: StageContext, task: ResumableTask, batches: Callable[[range], Iterator[Batches]], *, total: int
) -> None:
    """Go on where a killed run stopped, and train to the end.

    Args:
        context: of the stage.
        task: does the steps; its state is taken from the newest point and left in the next ones.
        batches: from the steps that are left to one mapping of domain to batch for each.
        total: steps of the stage.
    """
    state, start = resumed(context)
    if state:
        task.load_state(state)
    every = context.run_config.runtime.log_every_seconds
    progress = Progress(context.name, total=total, start=start, every_seconds=every)
    left = range(start, total)
    run_steps(task, batches(left), start=start, stop=total, hooks=loop_hooks(context, task.state), progress=progress)
    progress.close()


def resumed(context: StageContext) -> tuple[dict[str, Tensor], int]:
    """Return the state that the newest point holds and its number of finished steps; empty and 0 without a point.

    Raises:
        CheckpointError: the newest point is damaged.
    """
    point = context.resume.latest()
    return ({}, 0) if point is None else (load_tensors(point.directory / _FILE), point.step)


def loop_hooks(context: StageContext, state: Callable[[], dict[str, Tensor]]) -> LoopHooks:
    """Return what a stage does around its steps: log, and leave points as often as the configuration says.

    Args:
        context: of the stage.
        state: everything that the next step depends on, as named tensors.
    """
    runtime = context.run_config.runtime
    return LoopHooks(
        log=context.metrics.write,
        save=lambda step: context.resume.save(step, lambda folder: save_tensors(folder / _FILE, state())),
        save_every_steps=runtime.checkpoint_every_steps,
        save_every_seconds=runtime.checkpoint_every_seconds,
    )
