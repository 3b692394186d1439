"""What the spatial and the temporal teacher say about clips: in eval mode, without gradient, in fp32."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.models.reid import ReIDModel
from pipeline.models.video.clip_model import ClipModel


@dataclass(frozen=True)
class Heard:
    """A teacher's answer about a batch of clips.

    Args:
        embeddings: (B P, D) of single frames, or of pairs of neighbouring frames, clip after clip.
        logits: (B, C) of the clips, or None where it has no classifier.
    """

    embeddings: Tensor
    logits: Tensor | None


@torch.no_grad()
def spatial_answer(teacher: ReIDModel, clips: Tensor) -> Heard:
    """Return what a network of single crops says: frame by frame, and the mean of its logits.

    Args:
        teacher: the network; left in eval mode.
        clips: (B, L, 3, H, W) uint8 pixels.
    """
    teacher.eval()
    said = teacher(clips.flatten(0, 1))
    logits = None if said.logits is None else said.logits.float().unflatten(0, tuple(clips.shape[:2])).mean(1)
    return Heard(said.embedding.float(), logits)


@torch.no_grad()
def temporal_answer(teacher: ClipModel, clips: Tensor) -> Heard:
    """Return what the temporal head of a network of clips says.

    Args:
        teacher: the network; left in eval mode.
        clips: (B, L, 3, H, W) uint8 pixels.
    """
    teacher.eval()
    said = teacher(clips)
    return Heard(
        said.pairs.float().flatten(0, 1), None if said.temporal.logits is None else said.temporal.logits.float()
    )


@dataclass(frozen=True)
class ClipTeachers:
    """Who teaches which head.

    Args:
        networks: by the name of the head, the teachers that there are.
    """

    networks: Mapping[str, nn.Module]

    def answers(self, clips: Tensor) -> dict[str, Heard]:
        """Return each teacher's answer by the head that hears it.

        Args:
            clips: (B, L, 3, H, W) uint8 pixels.
        """
        return {head: _ANSWERS[head](network, clips) for head, network in self.networks.items()}


_ANSWERS: dict[str, Callable[..., Heard]] = {"spatial": spatial_answer, "temporal": temporal_answer}
