"""A generator that learns from a teacher's answers alone, and where wanted against a student that follows them."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from pipeline import distributed
from pipeline.losses.data_free.dafl import activation_loss, information_entropy_loss, one_hot_loss
from pipeline.losses.data_free.zskt import disagreement_loss
from pipeline.losses.distillation.kd import kd_loss
from pipeline.models.image_generator import ImageGenerator
from pipeline.models.reid import ReIDModel
from pipeline.teaching.responses import respond
from pipeline.training.data_free_settings import GeneratorSettings
from pipeline.training.invertible import DARKEST, check_classifier
from pipeline.training.loop import Batches
from pipeline.training.optim import load_optimizer_tensors, optimizer_tensors
from pipeline.training.player import Player
from pipeline.training.scoped import SOURCE
from pipeline.training.stopwatch import timed
from pipeline.training.tensor_names import under
from pipeline.types import LossTerms


class GeneratorTask:
    """Steps of a generator, and of a student that it is set against; images are gathered on the way.

    They come from moments at equal distances in the second half of the training: a generator that is set against a
    student goes on to other images, and one moment's are of a kind.

    Args:
        teacher: frozen, in eval mode, on its device.
        student: the one that follows the teacher on the generator's images, or None.
        images: number of images to gather.
        settings: what moves the generator.
        seed: of its first weights.

    Raises:
        ConfigError: the teacher has no classifier.
    """

    def __init__(
        self, teacher: ReIDModel, student: Player | None, *, images: int, settings: GeneratorSettings, seed: int
    ) -> None:
        check_classifier(teacher)
        self.teacher, self.student, self.settings = teacher, student, settings
        self.device = teacher.mean.device
        torch.manual_seed(seed % 2**63)
        self.generator = ImageGenerator(settings.latent, size=teacher.size, width=settings.width).to(self.device)
        self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=settings.lr, betas=(0.5, 0.999))
        self.done = torch.zeros(images, 3, *teacher.size, dtype=torch.uint8)
        self.labels = torch.zeros(images, dtype=torch.int64)
        self._rows = harvests(images, steps=settings.steps, batch=settings.batch)

    def batches(self, start: int) -> Iterator[Batches]:
        """Yield each step's noise.

        Args:
            start: first step.
        """
        for _ in range(start, self.settings.steps):
            # The loop seeds torch's generator with the number of the step before it asks for the batch.
            yield {"noise": torch.randn(self.settings.batch, self.settings.latent)}

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Move the generator, then the student; gather images where this is the moment for it.

        Args:
            batches: the noise.
            step: 0-based number.
        """
        terms = self._generator_step(batches["noise"].to(self.device))
        parts = dict(terms.parts)
        if self.student is not None:
            for _ in range(self.settings.student_steps):
                parts["student.kd"] = self._student_step(self.student)
        if step in self._rows:
            self._gather(self._rows[step])
        return LossTerms(terms.total, parts)

    def _generator_step(self, noise: Tensor) -> LossTerms:
        settings = self.settings
        self.generator.train()
        with timed("forward", self.device.type):
            pixels = self._pixels(self.generator(noise))
            said = self.teacher(pixels)
        weighted = {
            "one_hot": (settings.one_hot, one_hot_loss(said.logits)),
            "entropy": (settings.entropy, information_entropy_loss(said.logits)),
            "activation": (settings.activation, activation_loss(said.embedding)),
        }
        if self.student is not None:
            # In eval mode, so that what it remembers stays that of its own steps.
            follower = self.student.model.eval()
            weighted["disagreement"] = settings.adversarial, disagreement_loss(follower(pixels).logits, said.logits)
        total = torch.stack([weight * value for weight, value in weighted.values()]).sum()
        parameters = list(self.generator.parameters())
        with timed("backward", self.device.type):
            # Only these gradients: nothing of the student is to move here.
            for parameter, gradient in zip(parameters, torch.autograd.grad(total, parameters), strict=True):
                parameter.grad = gradient
        self.optimizer.step()
        return LossTerms(total.detach(), {name: value.detach() for name, (_, value) in weighted.items()})

    def _student_step(self, student: Player) -> Tensor:
        with torch.no_grad():
            pixels = self._pixels(
                self.generator(torch.randn(self.settings.batch, self.settings.latent).to(self.device))
            )
        told = respond(self.teacher, pixels)
        said = student.forward({SOURCE: pixels})
        ours, theirs = said[SOURCE].logits, told.logits
        assert ours is not None, "a student has the teacher's classes"
        assert theirs is not None, "checked when the task was made"
        # The student's are those of all processes, each of which draws the same images.
        loss = kd_loss(ours, distributed.gather_rows(theirs), temperature=1.0)
        student.learn(loss, said)
        return loss.detach()

    @torch.no_grad()
    def _gather(self, rows: Tensor) -> None:
        self.generator.eval()
        pixels = self._pixels(self.generator(torch.randn(len(rows), self.settings.latent).to(self.device)))
        # As they are stored, so that the person is that of the stored image.
        pixels = pixels.clamp(0, 255).round()
        logits = respond(self.teacher, pixels).logits
        assert logits is not None, "checked when the task was made"
        self.done[rows], self.labels[rows] = pixels.byte().cpu(), logits.argmax(1).cpu()

    def _pixels(self, normalised: Tensor) -> Tensor:
        return (normalised * self.teacher.std + self.teacher.mean).clamp(DARKEST, 1.0) * 255.0

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        tensors = {f"generator.{name}": value for name, value in self.generator.state_dict().items()}
        tensors |= {f"optimizer.{name}": value for name, value in optimizer_tensors(self.optimizer).items()}
        if self.student is not None:
            tensors |= {f"student.{name}": value for name, value in self.student.state().items()}
        return tensors | {"done": self.done, "labels": self.labels}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point.

        Args:
            tensors: what `state` returned.
        """
        self.generator.load_state_dict(under(tensors, "generator."))
        load_optimizer_tensors(self.optimizer, under(tensors, "optimizer."))
        if self.student is not None:
            self.student.load_state(under(tensors, "student."))
        self.done, self.labels = tensors["done"].clone(), tensors["labels"].clone()


def harvests(images: int, *, steps: int, batch: int) -> dict[int, Tensor]:
    """Return at which steps which images are gathered: the last step, and others in the second half before it.

    Args:
        images: number of images.
        steps: of the generator.
        batch: images of a moment at most, where the second half has enough steps for that.
    """
    moments = min(-(-images // batch), max(1, steps // 2))
    stride = max(1, steps // 2 // moments)
    rows = np.array_split(np.arange(images), moments)
    return {steps - 1 - (moments - 1 - at) * stride: torch.from_numpy(part) for at, part in enumerate(rows)}
