"""Size and cost of a network of clips."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline.models.complexity import count_parameters
from pipeline.models.video.clip_model import ClipModel


def clip_cost(model: ClipModel, *, length: int) -> tuple[int, int]:
    """Return parameters without classifiers, and multiply-adds for one frame of a clip.

    Args:
        model: the network; left in the mode that it came in.
        length: frames of a clip.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.embed(torch.zeros(1, length, 3, *model.size, device=device))
    model.train(was_training)
    return count_parameters(model), counter.get_total_flops() // (2 * length)
