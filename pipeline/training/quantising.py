"""A rounded network that learns from the one in float32 that it was made of."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.models.quantisation.network import steps_of
from pipeline.models.reid import ReIDModel
from pipeline.teaching.responses import respond
from pipeline.training.loop import Batches
from pipeline.training.player import Player, gathered
from pipeline.training.scoped import SOURCE, ScopedObjectives
from pipeline.training.supervised import global_batch, on_device
from pipeline.types import LossTerms


class QuantiseTask:
    """Steps of a rounded student.

    Args:
        player: the rounded network.
        teacher: the one in float32, frozen.
        objectives: terms on labelled source crops and on target crops without labels.
        device: where it computes.
        freeze_from: first step in which the distances between levels stay as they are.

    Raises:
        ConfigError: a term reads labels of the target, or compares two domains.
    """

    def __init__(
        self, player: Player, teacher: ReIDModel, objectives: ScopedObjectives, *, device: torch.device,
        freeze_from: int,
    ) -> None:  # fmt: skip
        labelled = [t.name for t in objectives.terms if t.objective.needs_labels and set(t.on) != {SOURCE}]
        if labelled:
            raise ConfigError(
                f"{', '.join(labelled)} on the target, which has no labels here", "a term without labels",
                "Put it on the source alone, `on: [source]`.",
            )  # fmt: skip
        self.player, self.teacher, self.objectives, self.device = player, teacher, objectives, device
        self.freeze_from = freeze_from
        objectives.bind_networks(player.model, teacher)

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Take one step.

        Args:
            batches: this rank's slices of the source and the target batch.
            step: 0-based number of the step.
        """
        local = {name: on_device(batch, self.device) for name, batch in batches.items() if self.objectives.reads(name)}
        maps = self.objectives.heard_maps
        answers = {name: gathered(respond(self.teacher, batch.images, taps=maps)) for name, batch in local.items()}
        said = self.player.forward({name: batch.images for name, batch in local.items()})
        terms = self.objectives(said, answers, {name: global_batch(batch) for name, batch in local.items()})
        resting = steps_of(self.player.model) if step >= self.freeze_from else []
        self.player.learn(terms.total, said, resting=resting)
        return LossTerms(terms.total.detach(), terms.parts, terms.facts)

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        return self.player.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        self.player.load_state(tensors)


def check_identities(objectives: ScopedObjectives, known: int | None, *, identities: int) -> None:
    """Check that terms on labels can be computed: the classifier of the student has to be one of this source.

    Args:
        objectives: all terms.
        known: identities of the student's classifier, or None without one.
        identities: those of the source.

    Raises:
        ConfigError: there is no classifier, or it was trained on others.
    """
    readers = [t.name for t in objectives.terms if t.objective.needs_labels and "logits" in t.objective.reads]
    if readers and known != identities:
        raise ConfigError(
            f"{', '.join(readers)} with a classifier of {known} identities on a source of {identities}",
            "the source that the student was trained on", "Name that source, or take these objectives out.",
        )  # fmt: skip
