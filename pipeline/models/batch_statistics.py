"""Batch-norm statistics of other images in a network whose weights stay as they are."""

import copy
from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

M = TypeVar("M", bound=nn.Module)


@torch.no_grad()
def with_statistics_of(model: M, inputs: Iterable[tuple[Tensor, ...]]) -> M:
    """Return a copy whose batch norms hold the plain mean of the statistics over all given batches.

    Norms that the forward does not come through keep what they had.

    Args:
        model: any network; not changed. Without batch norm the copy equals it.
        inputs: arguments of each forward.

    Returns:
        the copy, in eval mode.

    Reference:
        Li et al. Adaptive batch normalization for practical domain adaptation. Pattern Recognition 2018.
    """
    adapted = copy.deepcopy(model).eval()
    norms = [module for module in adapted.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    kept = [(norm.momentum, copy.deepcopy(norm.state_dict())) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for arguments in inputs if norms else ():
        adapted(*arguments)
    for norm, (momentum, before) in zip(norms, kept, strict=True):
        norm.momentum = momentum
        # A norm that no forward came through has nothing new to hold.
        if int(norm.num_batches_tracked or 0) == 0:
            norm.load_state_dict(before)
    return adapted.eval()
