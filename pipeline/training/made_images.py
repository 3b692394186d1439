"""The artifact of a stage that makes images of a teacher: pixels and persons in one file, and the way to read it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from datasets.records import ReIDData, ReIDSample
from pipeline.checkpoint_file import read_checkpoint, write_checkpoint
from pipeline.errors import CheckpointError
from pipeline.models.reid import ReIDModel
from pipeline.report.page_made import SHEET

IMAGES = "images"
_GAP = 2
_IDENTITIES = "identities"


@dataclass(frozen=True)
class MadeImages:
    """Images that show no crop of anyone, with the person that the teacher takes each for.

    Args:
        pixels: (N, H, W, 3) uint8 RGB.
        labels: (N,) int64 in 0..identities-1; not every identity needs an image.
        identities: of the teacher's classifier.
    """

    pixels: np.ndarray
    labels: np.ndarray
    identities: int

    def as_data(self, name: str) -> ReIDData:
        """Return the images as labelled crops of unknown cameras.

        Args:
            name: of the data set, for messages.
        """
        samples = tuple(
            ReIDSample(f"{index:06d}", int(label), None, name) for index, label in enumerate(self.labels.tolist())
        )
        digest = hashlib.sha256(self.labels.astype("<i8").tobytes() + np.ascontiguousarray(self.pixels).tobytes())
        return ReIDData(name, samples, _Loader(self.pixels), digest.hexdigest())


@dataclass(frozen=True)
class _Loader:
    pixels: np.ndarray

    def __call__(self, sample: ReIDSample) -> np.ndarray:
        image: np.ndarray = self.pixels[int(sample.path)]
        return image


@torch.no_grad()
def recognition(teacher: ReIDModel, made: MadeImages, *, batch: int = 256) -> dict[str, float]:
    """Return what the teacher makes of the images as they are stored.

    Args:
        teacher: with a classifier, in eval mode.
        made: the images.
        batch: images a forward.

    Returns:
        `recognised`, the share that it takes for the person noted, and `persons`, the share of its persons with one.
    """
    hits = 0
    for rows in np.array_split(np.arange(len(made.labels)), -(-len(made.labels) // batch)):
        pixels = torch.from_numpy(made.pixels[rows].transpose(0, 3, 1, 2)).to(teacher.mean.device)
        logits = teacher(pixels).logits
        hits += int((logits.argmax(1).cpu().numpy() == made.labels[rows]).sum())
    return {
        "recognised": hits / len(made.labels), "persons": len(np.unique(made.labels)) / made.identities,
    }  # fmt: skip


def contact_sheet(made: MadeImages, *, rows: int = 4, columns: int = 16) -> np.ndarray:
    """Lay images side by side, the first ones of the list.

    Args:
        made: the images.
        rows: at most.
        columns: at most.

    Returns:
        (H, W, 3) uint8 RGB, images on white.
    """
    count, height, width, _ = made.pixels.shape
    columns = min(columns, count)
    rows = min(rows, -(-count // columns))
    sheet = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    for index in range(min(count, rows * columns)):
        row, column = divmod(index, columns)
        top, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
        sheet[top : top + height, left : left + width] = made.pixels[index]
    return sheet


def leave_made_images(folder: Path, made: MadeImages, *, meta: Mapping[str, Any]) -> str:
    """Write the artifact and its contact sheet into a stage's folder.

    Args:
        folder: of the attempt.
        made: the images.
        meta: facts to keep beside them.

    Returns:
        The artifact's name inside the folder.
    """
    name = f"{IMAGES}.safetensors"
    save_made_images(folder / name, made, meta=meta)
    Image.fromarray(contact_sheet(made)).save(folder / SHEET)
    return name


def save_made_images(path: Path, made: MadeImages, *, meta: Mapping[str, Any]) -> None:
    """Write images.

    Args:
        path: file to write.
        made: the images.
        meta: facts to keep beside them; names of the teacher and of the stage, no data.
    """
    tensors = {"pixels": torch.from_numpy(np.ascontiguousarray(made.pixels)), "labels": torch.from_numpy(made.labels)}
    write_checkpoint(path, tensors, {"spec": {}, "cameras": [], "meta": dict(meta), _IDENTITIES: made.identities})


def load_made_images(path: Path) -> MadeImages:
    """Read a file that `save_made_images` wrote.

    Args:
        path: the file.

    Raises:
        CheckpointError: it is something else, or damaged.
    """
    tensors, header = read_checkpoint(path)
    pixels, labels, identities = tensors.get("pixels"), tensors.get("labels"), header.get(_IDENTITIES)
    if pixels is None or labels is None or not isinstance(identities, int) or len(pixels) != len(labels):
        raise CheckpointError(
            f"{path} holds no images of a teacher", "the file of a stage that makes some",
            f"Name the role {IMAGES} of an invert or a generate.",
        )  # fmt: skip
    return MadeImages(pixels.numpy(), labels.numpy(), identities)
