"""One network of clips that learns, and what it says about the global batch."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pipeline import distributed
from pipeline.models.video.clip_model import ClipModel
from pipeline.models.video.clip_taps import ClipTaps
from pipeline.training.learner import Learner
from pipeline.training.player import gathered
from pipeline.types import ClipBatch, ReIDBatch


class ClipModule(nn.Module):
    """A network of clips and everything that learns with it; its forward runs once a step, over all domains.

    Args:
        model: the network.
        extras: connectors of what it learns from teachers.
    """

    def __init__(self, model: ClipModel, extras: nn.ModuleDict) -> None:
        super().__init__()
        self.model, self.extras = model, extras

    def forward(self, clips: dict[str, Tensor]) -> dict[str, ClipTaps]:
        """Return the taps of each domain; each has its own forward, hence its own batch statistics."""
        return {domain: self.model(pixels) for domain, pixels in clips.items()}


class ClipPlayer(Learner):
    """One network of clips that learns.

    Args:
        model: the network, already on its device.
        extras: modules that learn with it.
        settings: of the `Learner`.
    """

    mean: ClipModel

    def __init__(self, model: ClipModel, *, extras: nn.ModuleDict | None = None, **settings: Any) -> None:
        super().__init__(ClipModule(model, extras if extras is not None else nn.ModuleDict()), **settings)

    @property
    def model(self) -> ClipModel:
        """The network itself, without wrappers."""
        return self.module.model  # type: ignore[return-value]

    def forward(self, clips: Mapping[str, Tensor]) -> dict[str, ClipTaps]:
        """Return the taps of the global batch, by domain, with gradient.

        Args:
            clips: this rank's (b, L, 3, H, W) pixels by domain.
        """
        self.module.train()
        with self.precision.autocast():
            local = self.replica(dict(clips))
        return {domain: gathered_clips(taps) for domain, taps in local.items()}

    def learn(self, loss: Tensor, outputs: Mapping[str, ClipTaps]) -> float:
        """Take one step down the loss; return the learning rate that was used.

        Args:
            loss: scalar over the global batch.
            outputs: what `forward` returned.
        """
        return self.descend(loss, (t for taps in outputs.values() for t in _tensors(taps)))


def gathered_clips(taps: ClipTaps) -> ClipTaps:
    """Leave half precision and collect the rows of all ranks."""
    rows = distributed.gather_rows
    return ClipTaps(
        rows(taps.frames.float()), rows(taps.pairs.float()), gathered(taps.spatial), gathered(taps.temporal),
        gathered(taps.fused),
    )  # fmt: skip


def global_clips(batch: ClipBatch) -> ReIDBatch:
    """Return labels and cameras of the clips of all ranks, without their pixels."""
    rows = distributed.gather_rows
    labels = None if batch.labels is None else rows(batch.labels)
    indices = rows(batch.indices)
    return ReIDBatch(batch.images.new_empty((len(indices), 0)), indices, labels, rows(batch.cameras))


def clips_on_device(batch: ClipBatch, device: torch.device) -> ClipBatch:
    """Return the batch on a device; pixels stay uint8 until there."""
    labels = None if batch.labels is None else batch.labels.to(device, non_blocking=True)
    return ClipBatch(
        batch.images.to(device, non_blocking=True), batch.indices.to(device), labels, batch.cameras.to(device)
    )


def _tensors(taps: ClipTaps) -> Iterator[Tensor]:
    yield from (taps.frames, taps.pairs)
    for head in (taps.spatial, taps.temporal, taps.fused):
        yield from (head.embedding, head.bn_embedding, *(() if head.logits is None else (head.logits,)))
