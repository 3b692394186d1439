"""Resume points of a stage that trains: one file of tensors."""

from collections.abc import Callable

from torch import Tensor

from pipeline.checkpoint_file import load_tensors, save_tensors
from pipeline.stage import StageContext
from pipeline.training.loop import LoopHooks

_FILE = "state.safetensors"


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
