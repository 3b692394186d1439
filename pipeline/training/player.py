"""A player: one re-ID network that learns, and what it says about the global batch."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from pipeline import distributed
from pipeline.models.reid import ReIDModel
from pipeline.training.learner import Learner
from pipeline.types import Taps


class StepModule(nn.Module):
    """Everything that learns together; its forward runs once a step, over all domains of the batch.

    Args:
        model: the network.
        extras: connectors and discriminators that objectives own.
        taps: names of the feature maps that objectives read.
    """

    def __init__(self, model: ReIDModel, extras: nn.ModuleDict, taps: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.model, self.extras, self.taps = model, extras, taps

    def forward(self, images: dict[str, Tensor]) -> dict[str, Taps]:
        """Return the taps of each domain; each domain has its own forward, hence its own batch statistics."""
        return {domain: self.model(pixels, taps=self.taps) for domain, pixels in images.items()}


class Player(Learner):
    """One re-ID network that learns.

    Args:
        model: the network, already on its device.
        extras: modules of the objectives that learn with it.
        taps: feature maps that the objectives read.
        settings: of the `Learner`.
    """

    mean: ReIDModel

    def __init__(
        self,
        model: ReIDModel,
        *,
        extras: nn.ModuleDict | None = None,
        taps: tuple[str, ...] = (),
        **settings: Any,
    ) -> None:
        self.extras = extras if extras is not None else nn.ModuleDict()
        super().__init__(StepModule(model, self.extras, taps), **settings)

    @property
    def model(self) -> ReIDModel:
        """The network itself, without wrappers."""
        return self.module.model  # type: ignore[return-value]

    def forward(self, images: Mapping[str, Tensor]) -> dict[str, Taps]:
        """Return the taps of the global batch, by domain, with gradient.

        Args:
            images: this rank's (b, 3, H, W) pixels by domain.
        """
        self.module.train()
        with self.precision.autocast():
            local = self.replica(dict(images))
        return {domain: gathered(taps) for domain, taps in local.items()}

    def learn(
        self,
        loss: Tensor,
        outputs: Mapping[str, Taps],
        *,
        weight: float = 1.0,
        extras: nn.ModuleDict | None = None,
        resting: Sequence[nn.Parameter] = (),
    ) -> float:
        """Take one step down `weight * loss`; return the learning rate that was used.

        Args:
            loss: scalar over the global batch.
            outputs: what `forward` returned.
            weight: factor on the whole loss.
            extras: those of the extras that the loss comes from; None = all. The others rest.
            resting: parameters of the network that are not to move in this step.
        """
        learning = {id(p) for p in (self.extras if extras is None else extras).parameters()}
        still = [*(p for p in self.extras.parameters() if id(p) not in learning), *resting]
        touched = (t for taps in outputs.values() for t in _tensors(taps))
        return self.descend(loss, touched, weight=weight, resting=still)


def _tensors(taps: Taps) -> list[Tensor]:
    logits = [] if taps.logits is None else [taps.logits]
    return [taps.embedding, taps.bn_embedding, *logits, *taps.maps.values()]


def gathered(taps: Taps) -> Taps:
    """Leave half precision and collect the rows of all ranks."""
    return Taps(
        embedding=distributed.gather_rows(taps.embedding.float()),
        bn_embedding=distributed.gather_rows(taps.bn_embedding.float()),
        logits=None if taps.logits is None else distributed.gather_rows(taps.logits.float()),
        maps={name: distributed.gather_rows(value.float()) for name, value in taps.maps.items()},
    )
