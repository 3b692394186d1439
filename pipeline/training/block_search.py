"""Candidate blocks that learn side by side, each from a teacher's map to the teacher's next one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.losses.distillation.blockwise import BlockRank, block_loss
from pipeline.losses.distillation.maps import matched_sizes
from pipeline.models.candidate_blocks import Candidate
from pipeline.models.reid import ReIDModel
from pipeline.teaching.responses import respond
from pipeline.training.learner import Learner
from pipeline.training.loop import Batches
from pipeline.training.supervised import on_device
from pipeline.types import LossTerms, ReIDBatch

# Name of the only batch of a step.
CROPS = "crops"


class SideBySide(nn.Module):
    """All candidates of all stages; none hears another.

    Args:
        blocks: of each stage the candidates' blocks, each of which ends with as many channels as the teacher's map.
    """

    def __init__(self, blocks: Sequence[Sequence[nn.Module]]) -> None:
        super().__init__()
        self.model = nn.ModuleList(nn.ModuleList(stage) for stage in blocks)

    def forward(self, inputs: Sequence[Tensor]) -> list[list[Tensor]]:
        """Return what each candidate makes of its stage's input.

        Args:
            inputs: of each stage: normalised images, then the teacher's maps.
        """
        return predictions(self.model, inputs)


def predictions(stages: nn.ModuleList, inputs: Sequence[Tensor]) -> list[list[Tensor]]:
    """Return the map of each candidate of each stage.

    Args:
        stages: lists of blocks.
        inputs: of each stage.
    """
    said = []
    for stage, given in zip(stages, inputs, strict=True):
        assert isinstance(stage, nn.ModuleList), "the candidates of one stage"
        said.append([block(given) for block in stage])
    return said


class BlockSearchTask:
    """Steps of all candidates at once; their losses have no parameter in common.

    Args:
        blocks: of each stage the candidates' blocks, on their device.
        candidates: their sizes.
        teacher: frozen; only its maps are used.
        normalise: makes the first stage's input of pixels.
        learner: arguments of the `Learner`.
    """

    def __init__(
        self,
        blocks: Sequence[Sequence[nn.Module]],
        candidates: Sequence[Sequence[Candidate]],
        *,
        teacher: ReIDModel,
        normalise: Callable[[Tensor], Tensor],
        learner: Mapping[str, Any],
    ) -> None:
        self.learner = Learner(SideBySide(blocks), **learner)
        self.candidates, self.teacher, self.normalise = candidates, teacher, normalise
        self.stages = tuple(f"stage{number}" for number in range(1, len(candidates) + 1))
        self.device = next(self.learner.module.parameters()).device

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Let every candidate take a step.

        Args:
            batches: this rank's slice of the crops.
            step: 0-based number of the step.
        """
        inputs, wanted = self._lesson(batches[CROPS])
        self.learner.module.train()
        with self.learner.precision.autocast():
            said = self.learner.replica(inputs)
        parts = {
            f"{stage}.{candidate.name}": block_loss(*matched_sizes(one, target))
            for stage, own, answers, target in zip(self.stages, self.candidates, said, wanted, strict=True)
            for candidate, one in zip(own, answers, strict=True)
        }
        total = torch.stack(list(parts.values())).sum()
        self.learner.descend(total, [one for answers in said for one in answers])
        return LossTerms(total.detach(), {name: value.detach() for name, value in parts.items()})

    @torch.no_grad()
    def ranks(self, batches: Iterable[ReIDBatch]) -> list[list[float]]:
        """Return the relative error of each candidate's mean network, stage by stage.

        Args:
            batches: crops that none of them learnt from.
        """
        found = [[BlockRank() for _ in own] for own in self.candidates]
        stages = self.learner.mean.eval()
        assert isinstance(stages, nn.ModuleList), "the mean of a list of stages"
        for batch in batches:
            inputs, wanted = self._lesson(batch)
            for own, answers, target in zip(found, predictions(stages, inputs), wanted, strict=True):
                for rank, one in zip(own, answers, strict=True):
                    rank.add(*matched_sizes(one, target))
        return [[rank.value for rank in own] for own in found]

    def _lesson(self, batch: ReIDBatch) -> tuple[list[Tensor], list[Tensor]]:
        """Return what each stage is given, and what it should make of it."""
        images = on_device(batch, self.device).images
        maps = respond(self.teacher, images, taps=self.stages).maps
        wanted = [maps[stage] for stage in self.stages]
        return [self.normalise(images), *wanted[:-1]], wanted

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        return self.learner.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point.

        Args:
            tensors: what `state` returned.
        """
        self.learner.load_state(tensors)


def as_crops(batches: Iterable[ReIDBatch]) -> Iterator[Batches]:
    """Yield the batches under the name that the task knows them by.

    Args:
        batches: of crops.
    """
    for batch in batches:
        yield {CROPS: batch}
