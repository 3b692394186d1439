"""Epochs of a classifier's training, and what a trained one says about a list of images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from datasets.loader import CropDataset
from pipeline import distributed
from pipeline.checkpoint import LoadedModel
from pipeline.errors import ConfigError
from pipeline.models.reid import ReIDModel
from pipeline.training.beta import BetaSettings
from pipeline.training.loop import Batches, LoopHooks, run_steps
from pipeline.training.precision import Precision
from pipeline.training.progress import Progress
from pipeline.training.progressive import ProgressiveTask


@dataclass(frozen=True)
class Epochs:
    """How long a classifier learns.

    Args:
        length: updates of an epoch.
        start: updates done before (a resumed stage).
        total: updates in all; the last epoch may be shorter.
        beta: the student's share of each epoch; None leaves the weights alone.
    """

    length: int
    start: int
    total: int
    beta: BetaSettings | None

    def __iter__(self) -> Iterator[tuple[int, int, float]]:
        """Yield the first update of each epoch, one past its last, and beta."""
        count = -(-self.total // self.length)
        for epoch in range(self.start // self.length, count):
            beta = 1.0 if self.beta is None else self.beta.value(epoch + 1, of=count)
            yield max(self.start, epoch * self.length), min(self.total, (epoch + 1) * self.length), beta


def train_epochs(
    task: ProgressiveTask,
    epochs: Epochs,
    batches: Callable[[int, int], Iterator[Batches]],
    *,
    hooks: LoopHooks,
    progress: Progress,
) -> None:
    """Train epoch by epoch; only beta knows of epochs, everything else is a function of the step.

    Args:
        task: the networks and their step.
        epochs: how long.
        batches: returns the batches of the updates [first, last).
        hooks: logging and resume points.
        progress: counts the steps for people.

    Raises:
        TrainingError: a loss term is not finite.
    """
    if epochs.beta is None:
        # In one piece, because workers that load images are started for each.
        run_steps(
            task, batches(epochs.start, epochs.total), start=epochs.start, stop=epochs.total, hooks=hooks,
            progress=progress,
        )  # fmt: skip
        return
    for first, last, task.beta in epochs:
        run_steps(task, batches(first, last), start=first, stop=last, hooks=hooks, progress=progress)


def class_names_of(loaded: LoadedModel, reference: str) -> tuple[str, ...]:
    """Return the classes that a network tells apart.

    Args:
        loaded: the network with its file's facts.
        reference: what the configuration calls it, for the message.

    Raises:
        ConfigError: it is no classifier.
    """
    names = loaded.meta.get("classes")
    if not names or len(names) != loaded.model.num_classes:
        raise ConfigError(
            f"{reference} does not say which classes it tells apart", "a network that a classifier_kd stage has left"
        )
    return tuple(names)


@torch.no_grad()
def predict_logits(
    model: ReIDModel, images: CropDataset, *, batch: int = 256, precision: Precision | None = None
) -> np.ndarray:
    """Return the logits of every image, without augmentation.

    Args:
        model: the network; runs in eval mode and is left in the mode that it came in.
        images: N images in their own order.
        batch: images a forward.
        precision: autocast settings.

    Returns:
        (N, C) float32, the same on every process.
    """
    assert model.num_classes is not None, "a classifier has logits"
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    precision = precision or Precision()
    mine = np.array_split(np.arange(len(images)), distributed.world_size())[distributed.rank()]
    rows = []
    for first in range(0, len(mine), batch):
        indices = mine[first : first + batch]
        pixels = images.collect([(int(i), 0) for i in indices], is_augmented=False).images
        with precision.autocast():
            logits = model(pixels.to(device)).logits
        rows.append((indices, logits.float().cpu().numpy()))
    model.train(was_training)
    found = np.empty((len(images), model.num_classes), np.float32)
    for indices, values in (part for shard in distributed.gather_objects(rows) for part in shard):
        found[indices] = values
    return found
