"""How many frames a second a network of clips embeds."""

import time

import torch

from pipeline.models.video.clip_model import ClipModel


@torch.no_grad()
def frames_per_second(model: ClipModel, *, length: int, batch: int = 16, seconds: float = 1.0) -> float:
    """Return how many frames a second the network embeds on its present device, pixels at hand.

    Args:
        model: the network, in eval mode.
        length: frames of a clip.
        batch: clips a forward.
        seconds: how long to measure.
    """
    device = next(model.parameters()).device
    clips = torch.zeros((batch, length, 3, *model.size), dtype=torch.uint8, device=device)
    model.embed(clips)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.embed(clips)
        if device.type == "cuda":
            torch.cuda.synchronize()
        count += batch * length
    return count / (time.perf_counter() - began)
