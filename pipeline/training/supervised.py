"""One network learning from labels: the task of source pre-training and of the ceiling."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline import distributed
from pipeline.errors import ConfigError
from pipeline.training.loop import Batches
from pipeline.training.player import Player
from pipeline.training.scoped import SOURCE, ScopedObjectives
from pipeline.types import LossTerms, ReIDBatch


class SupervisedTask:
    """Steps of one player on labelled batches.

    Args:
        player: the network that learns.
        objectives: its terms, all on the source batch.
        device: where it computes.

    Raises:
        ConfigError: there is no term, or one needs a teacher or a target batch.
    """

    def __init__(self, player: Player, objectives: ScopedObjectives, *, device: torch.device) -> None:
        misplaced = [t.name for t in objectives.terms if t.objective.needs_teacher or t.on != (SOURCE,)]
        if misplaced or not objectives.terms:
            raise ConfigError(
                f"training on labels with {', '.join(misplaced) or 'no objective'}",
                "objectives that need neither a teacher nor a target, such as cross_entropy and triplet",
            )
        self.player, self.objectives, self.device = player, objectives, device

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Take one step.

        Args:
            batches: this rank's slice of the source batch.
            step: 0-based number of the step.
        """
        local = {name: on_device(batch, self.device) for name, batch in batches.items()}
        said = self.player.forward({name: batch.images for name, batch in local.items()})
        terms = self.objectives(said, {}, {name: global_batch(batch) for name, batch in local.items()})
        self.player.learn(terms.total, said)
        parts, facts = ({name.removeprefix(f"{SOURCE}."): value for name, value in told.items()}
                        for told in (terms.parts, terms.facts))  # fmt: skip
        return LossTerms(terms.total.detach(), parts, facts)

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        return self.player.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        self.player.load_state(tensors)


def on_device(batch: ReIDBatch, device: torch.device) -> ReIDBatch:
    """Return the batch on a device; pixels stay uint8 until there."""
    return ReIDBatch(
        images=batch.images.to(device, non_blocking=True),
        indices=batch.indices.to(device, non_blocking=True),
        labels=None if batch.labels is None else batch.labels.to(device, non_blocking=True),
        cameras=batch.cameras.to(device, non_blocking=True),
    )


def global_batch(batch: ReIDBatch) -> ReIDBatch:
    """Return the rows of all ranks, without the pixels that only this rank needs."""
    if not distributed.is_distributed():
        return batch
    rows = distributed.gather_rows
    indices = rows(batch.indices)
    return ReIDBatch(
        images=batch.images.new_empty((len(indices), 0)),
        indices=indices,
        labels=None if batch.labels is None else rows(batch.labels),
        cameras=rows(batch.cameras),
    )
