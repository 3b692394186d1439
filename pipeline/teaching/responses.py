"""What a teacher says about a batch: always in eval mode, without gradient, in fp32."""

import hashlib

import torch
from torch import Tensor, nn

from pipeline.errors import TrainingError
from pipeline.types import Taps


@torch.no_grad()
def respond(model: nn.Module, images: Tensor, *, taps: tuple[str, ...] = ()) -> Taps:
    """Return a teacher's view of the same pixels that the student gets.

    `no_grad` and not `inference_mode`: losses such as the squared error save the teacher's tensors for backward.

    Args:
        model: a ReIDModel; left in eval mode.
        images: (B, 3, H, W) uint8 pixels.
        taps: feature maps to record.
    """
    model.eval()
    said: Taps = model(images, taps=taps)
    return Taps(
        embedding=said.embedding.float(),
        bn_embedding=said.bn_embedding.float(),
        logits=None if said.logits is None else said.logits.float(),
        maps={name: value.float() for name, value in said.maps.items()},
    )


def weights_digest(model: nn.Module) -> str:
    """Return the SHA-256 over all parameters and buffers of a network, by name."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def check_unchanged(model: nn.Module, digest: str) -> None:
    """Stop when a frozen teacher has moved.

    Args:
        model: the frozen teacher.
        digest: what `weights_digest` returned before training.

    Raises:
        TrainingError: a parameter or a buffer differs.
    """
    if weights_digest(model) != digest:
        raise TrainingError(
            "the frozen teacher's weights or buffers changed during the stage", "a teacher that stays as it was",
            "Report this: an objective writes to the teacher.",
        )  # fmt: skip
