"""How much memory this process has needed at most."""

import resource
import sys

import torch

_MEGABYTE = 1e6


def peak_memory(device: str = "cpu") -> dict[str, float]:
    """Return the largest resident size so far, and on CUDA the largest size of all tensors, in 10^6 bytes.

    Loading processes have memory of their own, which is not in it.

    Args:
        device: 'cpu' or 'cuda'.

    Returns:
        `process`, and on CUDA `cuda`.
    """
    # Linux counts kilobytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"process": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEGABYTE, 1)}
    if device == "cuda":
        peak["cuda"] = round(torch.cuda.max_memory_allocated() / _MEGABYTE, 1)
    return peak
