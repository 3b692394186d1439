"""What a network leaves on its way: states kept as files while it trains, and put together at the end."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from pipeline import distributed
from pipeline.atomic_files import TEMPORARY_PREFIX
from pipeline.checkpoint_file import load_tensors, save_tensors
from pipeline.checkpoint_route import save_route
from pipeline.errors import CheckpointError
from pipeline.manifest import RESUME
from pipeline.models.reid import ReIDModel
from pipeline.training.loop import Batches, Task
from pipeline.types import LossTerms


class RouteParts:
    """States beside the resume points: a killed run finds those of before the kill, and the commit removes them.

    Args:
        attempt: folder of the stage's attempt.
    """

    def __init__(self, attempt: Path) -> None:
        self.folder = attempt / RESUME / "route"

    def keep(self, at: int, network: nn.Module) -> None:
        """Store a network's weights and buffers.

        Args:
            at: step or round.
            network: what is kept; the mean network everywhere on one route.
        """
        if distributed.rank() != 0:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(at)
        temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
        save_tensors(temporary, network.state_dict())
        temporary.replace(path)

    def read(self, at: int) -> dict[str, Tensor]:
        """Return a stored state.

        Raises:
            CheckpointError: it is missing or damaged.
        """
        path = self._path(at)
        if not path.is_file():
            raise CheckpointError(
                f"the route's state at {at} is missing ({path})", "the files that this attempt left",
                "Start the stage again with --restart.",
            )  # fmt: skip
        return load_tensors(path)

    def _path(self, at: int) -> Path:
        return self.folder / f"at-{at:08d}.safetensors"


class RecordedTask:
    """A task that leaves the state of its network after some steps.

    Args:
        task: does the steps.
        at: numbers of finished steps after which the state is kept.
        keep: keeps it, given that number.
    """

    def __init__(self, task: Task, at: Collection[int], keep: Callable[[int], Any]) -> None:
        self.task, self.at, self.keep = task, frozenset(at), keep

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Take one step of the task.

        Args:
            batches: one of each domain.
            step: 0-based number of the step.
        """
        terms = self.task.step(batches, step)
        if step + 1 in self.at:
            self.keep(step + 1)
        return terms


def leave_route(
    attempt: Path, last: ReIDModel, at: Sequence[int], *, spec: Mapping[str, Any], meta: Mapping[str, Any]
) -> None:
    """Put the kept states and the last one into `route.safetensors`; nothing where there is only the last one.

    Args:
        attempt: folder of the stage's attempt.
        last: network in its last state.
        at: steps or rounds of the states; all but the last were kept.
        spec: arguments of `build.reid_model`, without the number of classes.
        meta: facts to keep in the header.
    """
    if len(at) == 1:
        return
    parts = RouteParts(attempt)
    states = [*(parts.read(number) for number in at[:-1]), last.state_dict()]
    described = {**spec, "num_classes": last.num_classes}
    save_route(attempt / "route.safetensors", states, at=at, spec=described, meta=meta)
