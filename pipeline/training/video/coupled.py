"""Coupled distillation: a spatial and a temporal teacher, each teaching a head of one small network of clips."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pipeline import distributed
from pipeline.losses.distillation.coupling import Coupling
from pipeline.models.video.clip_taps import ClipTaps
from pipeline.training.loop import Batches
from pipeline.training.scoped import SOURCE, ScopedObjectives
from pipeline.training.video.player import ClipPlayer, clips_on_device, global_clips
from pipeline.training.video.teachers import ClipTeachers, Heard
from pipeline.types import ClipBatch, LossTerms, ReIDBatch


class CoupledTask:
    """Steps of one network of clips: labels on the heads that learn, and teachers on the heads that have one.

    Args:
        player: the network that learns; its extras are the couplings by head.
        heads: which of `spatial`, `temporal`, `fused` learn from labels.
        objectives: terms of labels, for each of these heads alike.
        teachers: by head; may be empty.
        device: where it computes.
    """

    def __init__(
        self,
        player: ClipPlayer,
        heads: Sequence[str],
        objectives: ScopedObjectives,
        *,
        teachers: ClipTeachers,
        device: torch.device,
    ) -> None:
        self.player, self.heads, self.objectives = player, tuple(heads), objectives
        self.teachers, self.device = teachers, device

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Take one step.

        Args:
            batches: this rank's slice of the labelled source clips and, where there is one, of the target's.
            step: 0-based number of the step.
        """
        local: dict[str, ClipBatch] = {name: clips_on_device(batch, self.device) for name, batch in batches.items()}
        said = self.player.forward({name: batch.images for name, batch in local.items()})
        terms = self._labels(said[SOURCE], global_clips(local[SOURCE]))
        for domain, batch in local.items():
            terms |= self._teaching(domain, said[domain], batch)
        total = torch.stack(list(terms.values())).sum()
        self.player.learn(total, said)
        return LossTerms(total.detach(), {name: value.detach() for name, value in terms.items()})

    def _labels(self, said: ClipTaps, batch: ReIDBatch) -> dict[str, Tensor]:
        return {head: self.objectives({SOURCE: said.head(head)}, {}, {SOURCE: batch}).total for head in self.heads}

    def _teaching(self, domain: str, said: ClipTaps, batch: ClipBatch) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        for head, heard in self.teachers.answers(batch.images).items():
            heard = _gathered(heard)
            coupling = self.player.module.extras[head]  # type: ignore[index]
            assert isinstance(coupling, Coupling)
            ours = (said.frames if head == "spatial" else said.pairs).flatten(0, 1)
            found = coupling((ours, heard.embeddings), (said.head(head).logits, heard.logits))
            terms |= {f"{domain}.{head}.{name}": value for name, value in found.items()}
        return terms

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        return self.player.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        self.player.load_state(tensors)


def _gathered(heard: Heard) -> Heard:
    logits = None if heard.logits is None else distributed.gather_rows(heard.logits)
    return Heard(distributed.gather_rows(heard.embeddings), logits)
