"""Batch-norm statistics of each domain in one detector: what is normal before old cameras is not before new ones."""

import numpy as np
from torch import Tensor, nn

from datasets.frame_loader import FrameDataset
from pipeline.models.batch_statistics import with_statistics_of
from pipeline.models.detection.detector import Detector
from pipeline.models.domain_norm import DomainBatchNorm, convert_domain_batchnorm, export_domain, set_domain
from pipeline.training.scoped import SOURCE, TARGET

DOMAINS = (SOURCE, TARGET)


def speak_for(model: Detector, domain: str) -> Detector:
    """Return the detector, set to a domain's statistics where it has statistics by domain.

    Args:
        model: converted or plain.
        domain: 'source' or 'target'.
    """
    if _is_converted(model):
        set_domain(model, DOMAINS.index(domain))
    return model


def with_domains(model: Detector, target: FrameDataset, *, count: int) -> Detector:
    """Give a detector statistics by domain, in place; those of the target start from some of its frames.

    Args:
        model: a plain detector, trained on the source.
        target: unlabelled frames.
        count: frames to look at.

    Returns:
        The same detector, set to the source.
    """
    adapted = dict(on_other_frames(model, target, count=count).named_modules())
    convert_domain_batchnorm(model, len(DOMAINS))
    for name, module in model.named_modules():
        if isinstance(module, DomainBatchNorm):
            module.running_mean[1].copy_(adapted[name].running_mean)
            module.running_var[1].copy_(adapted[name].running_var)
    return model


def plain(model: Detector, domain: str) -> Detector:
    """Return a copy with the plain batch norms of one domain.

    Args:
        model: converted, or plain and then copied as it is.
        domain: 'source' or 'target'.
    """
    found: Detector = export_domain(model, DOMAINS.index(domain)) if _is_converted(model) else model  # type: ignore[assignment]
    return found


def on_other_frames(model: Detector, frames: FrameDataset, *, count: int, batch: int = 8) -> Detector:
    """Return a copy of a detector whose batch norms hold the statistics of some frames.

    Args:
        model: a plain detector.
        frames: of other cameras than those that it was trained on.
        count: frames to look at.
        batch: frames a forward.
    """
    device = next(model.parameters()).device
    chosen = spread_evenly(len(frames), count)
    blocks = [chosen[first : first + batch] for first in range(0, len(chosen), batch)]
    shown = (frames.collect([(int(i), 0) for i in block], is_augmented=False) for block in blocks)
    # Without a wish for dense outputs the head would not run, and its norms would stay those of the source.
    adapted = with_statistics_of(_WithHead(model), ((one.images.to(device), one.sizes.to(device)) for one in shown))
    return adapted.model


def spread_evenly(count: int, most: int) -> np.ndarray:
    """Return at most `most` positions, spread evenly over a listing of `count`."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


class _WithHead(nn.Module):
    def __init__(self, model: Detector) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, sizes: Tensor) -> object:
        return self.model(images, sizes, wants=frozenset({"dense"}))


def _is_converted(model: nn.Module) -> bool:
    return any(isinstance(module, DomainBatchNorm) for module in model.modules())
