"""An earlier network that one that learns on is not to forget: it is heard on whatever crops there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import build
from pipeline.build.tables import OBJECTIVES
from pipeline.checkpoint import load_model
from pipeline.models.reid import ReIDModel
from pipeline.stage import StageContext
from pipeline.teaching.responses import check_unchanged, respond, weights_digest
from pipeline.training.player import gathered
from pipeline.training.scoped import ScopedObjectives
from pipeline.types import LossTerms, NetworkShape, ReIDBatch, Taps

Terms = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Memory:
    """A frozen network and the terms that listen to it.

    Args:
        network: in eval mode, on its device.
        objectives: terms with `hears_memory`.
        digest: of the network as it was read.
    """

    network: ReIDModel
    objectives: ScopedObjectives
    digest: str

    def terms(
        self, said: Mapping[str, Taps], local: Mapping[str, ReIDBatch], whole: Mapping[str, ReIDBatch]
    ) -> LossTerms:
        """Return the terms of one step.

        Args:
            said: the learning network's taps of the global batches, by domain.
            local: this rank's slices of the same domains.
            whole: the global batches.
        """
        maps = self.objectives.heard_maps
        heard = {name: gathered(respond(self.network, batch.images, taps=maps)) for name, batch in local.items()}
        return self.objectives(said, heard, whole)

    def check_unchanged(self) -> None:
        """Stop where the network has moved.

        Raises:
            TrainingError: a parameter or a buffer differs.
        """
        check_unchanged(self.network, self.digest)


def joined(one: LossTerms, other: LossTerms) -> LossTerms:
    """Return the sum of two sets of terms with different names."""
    return LossTerms(one.total + other.total, {**one.parts, **other.parts}, {**one.facts, **other.facts})


def split_terms(terms: Terms) -> tuple[Terms, Terms]:
    """Return the terms that hear a teacher or nobody, and those that hear an earlier network.

    Args:
        terms: as configured.
    """
    remembering = {
        name for name, arguments in terms.items()
        if getattr(OBJECTIVES[str(arguments.get("use", name))], "hears_memory", False)
    }  # fmt: skip
    return (
        {name: arguments for name, arguments in terms.items() if name not in remembering},
        {name: arguments for name, arguments in terms.items() if name in remembering},
    )


def load_memory(context: StageContext, terms: Terms, *, student: NetworkShape, device: Any) -> Memory | None:
    """Return the network that the setting `remembers` names; None without it.

    Args:
        context: of a stage with this setting.
        terms: those that hear it.
        student: shape of the network that learns.
        device: where it computes.

    Raises:
        ConfigError: a term can't compare the two networks.
    """
    if context.config.remembers is None:
        return None
    loaded = load_model(Path(context.inputs[context.config.remembers].path)).model
    network: ReIDModel = build.placed(loaded, context.run_config.runtime, device)  # type: ignore[assignment]
    objectives = build.objectives(terms, student=student, teacher=network.shape)
    return Memory(network.eval().requires_grad_(False), objectives, weights_digest(network))
