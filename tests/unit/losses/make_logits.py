"""The fixture of the golden numbers, random logits, and taps and batches made of logits alone."""

import torch
from torch import Tensor

from pipeline.types import ReIDBatch, Taps

STUDENT = torch.tensor([[1.0, 2.0, 0.5], [0.2, -0.3, 1.0]], dtype=torch.float64)
# Row 0 is a mistake of the teacher, row 1 is right.
TEACHER = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.5, 2.5]], dtype=torch.float64)
LABELS = torch.tensor([1, 2])


def make_logits(count: int = 6, classes: int = 5, *, seed: int = 0, scale: float = 2.0) -> Tensor:
    """Return (count, classes) random numbers."""
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, classes, generator=generator, dtype=torch.float64)


def make_labels(count: int = 6, classes: int = 5) -> Tensor:
    """Return labels in turn."""
    return torch.arange(count) % classes


def make_batch(count: int, labels: Tensor | None = None) -> ReIDBatch:
    """Return a batch whose pixels nobody looks at."""
    return ReIDBatch(torch.zeros(count, 3, 1, 1), torch.arange(count), labels, torch.zeros(count, dtype=torch.int64))


def make_taps(logits: Tensor) -> Taps:
    """Return taps with these logits; they are the embeddings too."""
    return Taps(logits, logits, logits=logits)
