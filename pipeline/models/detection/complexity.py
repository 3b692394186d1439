"""Size and cost of a detector on one frame, heads included."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline.models.detection.detector import Detector

REGIONS = 100


def count_detector_macs(detector: Detector, size: tuple[int, int], *, regions: int = REGIONS) -> int:
    """Count the multiply-adds of convolutions and matrix products for one frame.

    A two-stage detector looks at a fixed number of regions, since the number of its proposals depends on the image.
    Normalisation, activation, pooling of regions and suppression are not counted.

    Args:
        detector: any kind; run in eval mode.
        size: height and width of the frame in pixels.
        regions: of the second stage; a one-stage detector has none.

    Returns:
        Multiply-adds; one multiplication with one addition counts as one.
    """
    device = next(detector.parameters()).device
    frame = torch.zeros(1, 3, *size, dtype=torch.uint8, device=device)
    box = torch.tensor([0.0, 0.0, size[1], size[0]], device=device)
    wants, rois = frozenset({"dense"}), None
    if detector.shape.kind == "faster_rcnn":
        wants, rois = wants | {"penultimate"}, (box.expand(regions, 4),)
    was_training = {module: module.training for module in detector.modules()}
    detector.eval()
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            detector(frame, torch.tensor([size], device=device), rois=rois, wants=wants)
    finally:
        for module, training in was_training.items():
            module.training = training
    return counter.get_total_flops() // 2
