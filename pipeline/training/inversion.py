"""Inversion of a teacher: batch after batch, noise learns to be what the teacher remembers of a person."""

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.data_free.deep_inversion import identity_loss, image_length, statistics_loss, total_variation
from pipeline.models.norm_statistics import statistics_seen
from pipeline.models.reid import ReIDModel
from pipeline.training.data_free_settings import InversionSettings
from pipeline.training.invertible import DARKEST, check_invertible, moved
from pipeline.training.loop import Batches
from pipeline.training.optim import load_optimizer_tensors, optimizer_tensors, set_learning_rate, warmup_cosine
from pipeline.training.stopwatch import timed
from pipeline.training.tensor_names import under
from pipeline.types import LossTerms

# Deviation of the first noise: what is as strong as a picture's own contrast would stay visible to the end.
FAINT = 0.3


class InversionTask:
    """Makes all images, one batch after the other; what is finished and what is under way is its state.

    Args:
        teacher: frozen, in eval mode, on its device.
        labels: (N,) int64 person of each image.
        parts: which of the images each batch makes.
        settings: what moves the pixels.
        seed: of the first noise.

    Raises:
        ConfigError: the teacher has no batch norm in its trunk, or no classifier.
    """

    def __init__(
        self, teacher: ReIDModel, labels: Tensor, *, parts: list[Tensor], settings: InversionSettings, seed: int
    ) -> None:
        check_invertible(teacher)
        self.teacher, self.parts, self.settings, self.seed = teacher, parts, settings, seed
        self.device = teacher.mean.device
        self.labels = labels
        self.done = torch.zeros(len(labels), 3, *teacher.size, dtype=torch.uint8)
        self._place, self._optimizer = -1, torch.optim.Adam([torch.zeros(1)])
        self._images = torch.zeros(0)

    @property
    def total(self) -> int:
        """Return the steps of all batches."""
        return self.settings.steps * len(self.parts)

    def batches(self, start: int) -> Iterator[Batches]:
        """Yield the persons of each step's batch.

        Args:
            start: first step.
        """
        for step in range(start, self.total):
            yield {"images": self.labels[self.parts[step // self.settings.steps]]}

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Move the pixels of one batch.

        Args:
            batches: the persons of the batch.
            step: 0-based number over all batches.
        """
        place, at = divmod(step, self.settings.steps)
        if place != self._place:
            self._begin(place, batches["images"])
        if at == self._coarse_steps:
            self._refine()
        factor = warmup_cosine(at, total=self.settings.steps, warmup=0)
        set_learning_rate(self._optimizer, self.settings.lr * factor)
        terms = self._terms(batches["images"].to(self.device))
        self._optimizer.zero_grad(set_to_none=True)
        with timed("backward", self.device.type):
            terms.total.backward()
        self._optimizer.step()
        self._clamp()
        if at == self.settings.steps - 1:
            self.done[self.parts[place]] = self._pixels(self._images.detach()).clamp(0, 255).round().byte().cpu()
        return LossTerms(terms.total.detach(), terms.parts)

    def _terms(self, labels: Tensor) -> LossTerms:
        settings, shifted = self.settings, moved(self._images, share=self.settings.jitter)
        classifier = self.teacher.neck.classifier
        assert classifier is not None, "checked when the task was made"
        with timed("forward", self.device.type), statistics_seen(self.teacher) as seen:
            said = self.teacher(self._pixels(shifted))
        parts = {
            "identity": identity_loss(
                said.bn_embedding, said.logits, classifier.weight, labels, kind=settings.identity
            ),
            "statistics": statistics_loss(seen, first=settings.first),
            "variation": total_variation(shifted),
            "length": image_length(shifted),
        }  # fmt: skip
        weights = (1.0, settings.statistics, settings.variation, settings.length)
        total = torch.stack([weight * value for weight, value in zip(weights, parts.values(), strict=True)]).sum()
        return LossTerms(total, {name: value.detach() for name, value in parts.items()})

    def _pixels(self, normalised: Tensor) -> Tensor:
        return (normalised * self.teacher.std + self.teacher.mean) * 255.0

    @torch.no_grad()
    def _clamp(self) -> None:
        """Keep to the colours that pixels can have."""
        low, high = ((value - self.teacher.mean) / self.teacher.std for value in (DARKEST, 1.0))
        self._images.clamp_(low, high)

    @property
    def _coarse_steps(self) -> int:
        # The last step is never coarse: images are handed over at their full size.
        return min(round(self.settings.coarse * self.settings.steps), self.settings.steps - 1)

    def _size(self, at: int) -> tuple[int, int]:
        height, width = self.teacher.size
        return (max(2, height // 2), max(2, width // 2)) if at < self._coarse_steps else (height, width)

    def _begin(self, place: int, labels: Tensor) -> None:
        drawn = torch.Generator().manual_seed((self.seed + place) % 2**63)
        self._place = place
        self._move(FAINT * torch.randn(len(labels), 3, *self._size(0), generator=drawn))

    def _refine(self) -> None:
        if tuple(self._images.shape[-2:]) != self.teacher.size:
            enlarged = F.interpolate(
                self._images.detach(), size=self.teacher.size, mode="bilinear", align_corners=False
            )
            self._move(enlarged)

    def _move(self, images: Tensor) -> None:
        self._images = images.to(self.device).clone().requires_grad_(True)
        self._clamp()
        # A short memory: what a batch of noise should become is another thing than what a half-made image should.
        self._optimizer = torch.optim.Adam([self._images], lr=self.settings.lr, betas=(0.5, 0.9), eps=1e-8)

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps: finished images, and those under way with their optimizer."""
        tensors = {f"optimizer.{name}": value for name, value in optimizer_tensors(self._optimizer).items()}
        return tensors | {"done": self.done, "images": self._images.detach(), "place": torch.tensor(self._place)}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point.

        Args:
            tensors: what `state` returned.
        """
        self._place, self.done = int(tensors["place"]), tensors["done"].clone()
        self._move(tensors["images"])
        load_optimizer_tensors(self._optimizer, under(tensors, "optimizer."))
