"""What an objective is, and the weighted sum of several."""

from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.weighted import WeightedTerms
from pipeline.types import LossTerms, ReIDBatch, Taps


@runtime_checkable
class Objective(Protocol):
    """Maps what the networks say about one batch to an unweighted scalar in fp32.

    ``reads`` names the taps that it uses, among ``embedding``, ``bn_embedding``, ``logits``, ``labels`` and
    ``maps:<module>``; they are checked when a run is built.
    """

    reads: ClassVar[tuple[str, ...]]
    needs_teacher: ClassVar[bool]
    needs_labels: ClassVar[bool]

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the unweighted scalar of one batch."""
        ...


@runtime_checkable
class DomainObjective(Protocol):
    """Compares what one network says about a source batch and a target batch; ``between_domains`` is True."""

    reads: ClassVar[tuple[str, ...]]
    needs_teacher: ClassVar[bool]
    needs_labels: ClassVar[bool]
    between_domains: ClassVar[bool]

    def __call__(self, source: Taps, target: Taps, source_batch: ReIDBatch, target_batch: ReIDBatch) -> Tensor:
        """Return the unweighted scalar of two batches."""
        ...


AnyObjective = Objective | DomainObjective


def is_between_domains(objective: AnyObjective | type) -> bool:
    """Return whether an objective is called with a source and a target batch.

    Args:
        objective: objective or its class.
    """
    return bool(getattr(objective, "between_domains", False))


class ObjectiveSum(WeightedTerms[AnyObjective]):
    """Weighted sum of named objectives, with watch over values that are not finite or never move.

    All terms are called with the same arguments, so terms between domains have a sum of their own.

    Args:
        terms: objective and weight by config key.

    Raises:
        ConfigError: terms of one batch and terms between domains are mixed, or a weight is negative or not finite.
    """

    def __init__(self, terms: Mapping[str, tuple[AnyObjective, float]]) -> None:
        kinds = {is_between_domains(objective) for objective, _ in terms.values()}
        if len(kinds) > 1:
            raise ConfigError(f"objectives {', '.join(terms)} mix one batch and two domains", "one sum for each")
        super().__init__(terms)

    def __call__(self, *views: Taps | ReIDBatch | None) -> LossTerms:
        """Evaluate every term.

        Args:
            *views: student, teacher and batch; or source, target, source batch and target batch.

        Returns:
            The weighted sum, and the unweighted detached parts by config key.

        Raises:
            TrainingError: a term is not finite; the message holds all terms.
        """
        device = next(view.embedding.device for view in views if isinstance(view, Taps))
        return self.evaluate(lambda objective: objective(*views), device)  # type: ignore[arg-type]
