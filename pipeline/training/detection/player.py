"""One detector that learns, and the answers of one that does not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.detection_types import BoxTargets, DetectionBatch, DetectorTaps
from pipeline.models.detection.detector import Detector, DetectorOutput
from pipeline.training.detection.domains import speak_for
from pipeline.training.learner import Learner


@dataclass(frozen=True)
class FrameView:
    """What a detector is given of one batch.

    Args:
        batch: the pixels, and what has to be found.
        wants: further parts of the answer: 'regions', 'penultimate', 'dense', 'towers'.
        rois: boxes to pool regions on, for each image; None = the detector's own.
    """

    batch: DetectionBatch
    wants: frozenset[str] = frozenset()
    rois: tuple[Tensor, ...] | None = None


class DetectorModule(nn.Module):
    """A detector and everything that learns with it; its forward runs once a step, over all domains.

    Args:
        model: the detector.
        extras: connectors of the objectives.
    """

    def __init__(self, model: Detector, extras: nn.ModuleDict) -> None:
        super().__init__()
        self.model, self.extras = model, extras

    def forward(self, views: dict[str, FrameView]) -> dict[str, DetectorOutput]:
        """Return losses and taps of each domain; each has its own forward, hence its own batch statistics."""
        return {domain: answer(speak_for(self.model, domain), view) for domain, view in views.items()}


class DetectorPlayer(Learner):
    """One detector that learns.

    Args:
        model: the network, already on its device.
        extras: modules of the objectives that learn with it.
        settings: of the `Learner`.
    """

    mean: Detector

    def __init__(self, model: Detector, *, extras: nn.ModuleDict | None = None, **settings: Any) -> None:
        super().__init__(DetectorModule(model, extras if extras is not None else nn.ModuleDict()), **settings)

    @property
    def model(self) -> Detector:
        """The network itself, without wrappers."""
        return self.module.model  # type: ignore[return-value]

    def forward(self, views: Mapping[str, FrameView]) -> dict[str, DetectorOutput]:
        """Return losses and taps of this rank's frames by domain, with gradient.

        Args:
            views: what is given of each domain.
        """
        self.module.train()
        with self.precision.autocast():
            said: dict[str, DetectorOutput] = self.replica(dict(views))
        return said

    def learn(self, loss: Tensor, outputs: Mapping[str, DetectorOutput], *, weight: float = 1.0) -> float:
        """Take one step down `weight * loss`; return the learning rate that was used.

        Args:
            loss: scalar over this rank's frames; ranks average their gradients.
            outputs: what `forward` returned.
            weight: factor on the whole loss.
        """
        return self.descend(loss, (t for output in outputs.values() for t in _tensors(output)), weight=weight)


def answer(model: Detector, view: FrameView) -> DetectorOutput:
    """Run a detector on one batch."""
    batch = view.batch
    said: DetectorOutput = model(batch.images, batch.sizes, targets=batch.targets, rois=view.rois, wants=view.wants)
    return said


@torch.no_grad()
def respond(model: Detector, view: FrameView) -> DetectorTaps:
    """Return a teacher's view of a batch: in eval mode, without gradient, in fp32, on the boxes that it is told.

    Args:
        model: the teacher; left in eval mode.
        view: pixels and boxes; its targets are not looked at.
    """
    model.eval()
    return in_float32(answer(model, replace(view, batch=replace(view.batch, targets=None))).taps)


def in_float32(taps: DetectorTaps) -> DetectorTaps:
    """Return the taps out of half precision."""
    fields: dict[str, Any] = {}
    for name in ("pyramid", "dense_logits", "dense_boxes", "towers"):
        fields[name] = {stride: value.float() for stride, value in getattr(taps, name).items()}
    for name in ("regions", "penultimate", "region_logits", "region_deltas"):
        value = getattr(taps, name)
        fields[name] = None if value is None else value.float()
    return replace(taps, **fields)


def on_device(batch: DetectionBatch, device: torch.device) -> DetectionBatch:
    """Return the batch on a device; pixels stay uint8 until there, the foreground stays where boxes are weighed."""
    targets = None
    if batch.targets is not None:
        targets = tuple(
            BoxTargets(t.boxes.to(device), t.weights.to(device), t.ignored.to(device)) for t in batch.targets
        )
    return DetectionBatch(
        batch.images.to(device, non_blocking=True), batch.sizes.to(device), batch.indices.to(device), targets,
        batch.foreground, batch.windows,
    )  # fmt: skip


def _tensors(output: DetectorOutput) -> Iterator[Tensor]:
    yield from output.losses.values()
    taps = output.taps
    for maps in (taps.pyramid, taps.dense_logits, taps.dense_boxes, taps.towers):
        yield from maps.values()
    yield from (v for v in (taps.regions, taps.penultimate, taps.region_logits, taps.region_deltas) if v is not None)
