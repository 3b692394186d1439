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
    ``maps:<tap>``. It and ``needs_labels`` may depend on the settings; the class then has those of the default.

    Three things are optional. ``hears`` names the maps of the teacher where they are others than those of the student.
    ``needs_identities`` says that labels have to be true identities in the teacher's classes,
    which a target does not have; where settings decide, the static method ``needs_identities_with(arguments)`` tells
    before the objective is built. ``facts()`` returns detached scalars about the last call, to be logged.
    """

    needs_teacher: ClassVar[bool]

    @property
    def reads(self) -> tuple[str, ...]:
        """The taps that are used."""
        ...

    @property
    def needs_labels(self) -> bool:
        """Whether labels or pseudo-labels are used."""
        ...

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


def maps_of(objective: AnyObjective) -> tuple[str, ...]:
    """Return the names of the feature maps that an objective reads of the network that learns.

    Args:
        objective: it.
    """
    return tuple(read.removeprefix("maps:") for read in objective.reads if read.startswith("maps:"))


def heard_maps_of(objective: AnyObjective) -> tuple[str, ...]:
    """Return the names of the feature maps that an objective reads of a teacher.

    Args:
        objective: it.
    """
    heard: tuple[str, ...] = getattr(objective, "hears", maps_of(objective))
    return heard if objective.needs_teacher else ()


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
            The weighted sum, the unweighted detached parts by config key, and facts by `key.fact`.

        Raises:
            TrainingError: a term is not finite; the message holds all terms.
        """
        device = next(view.embedding.device for view in views if isinstance(view, Taps))
        return self.evaluate(lambda objective: objective(*views), device)  # type: ignore[arg-type]
