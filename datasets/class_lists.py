"""From labelled images, in memory or in a folder, to the container of a classification task, split by a seed or not."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from datasets.class_records import ClassData, ClassSample
from datasets.contents import file_hashes
from datasets.images import load_image
from pipeline.errors import ConfigError, DataError

logger = logging.getLogger(__name__)

Split = Literal["all", "train", "test"]


@dataclass(frozen=True)
class _ArrayLoader:
    """Loads a sample's image from an array; picklable."""

    images: np.ndarray

    def __call__(self, sample: ClassSample) -> np.ndarray:
        image = self.images[int(sample.path)]
        return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image


@dataclass(frozen=True)
class _FileLoader:
    """Loads a sample's image from below a folder; picklable."""

    root: str

    def __call__(self, sample: ClassSample) -> np.ndarray:
        return load_image(Path(self.root) / sample.path)


def array_data(name: str, images: np.ndarray, labels: np.ndarray, *, class_names: Sequence[str]) -> ClassData:
    """Build the container over images in memory.

    Args:
        name: the data set's name.
        images: (N, H, W) or (N, H, W, 3) uint8.
        labels: (N,) int positions in `class_names`.
        class_names: one name a class.

    Raises:
        DataError: the arrays have another shape or type, or there is no image.
    """
    is_image = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    if not is_image or images.dtype != np.uint8 or 0 in images.shape:
        found = f"{name}: images are {images.dtype} of shape {images.shape}"
        raise DataError(found, "uint8 of shape (N, H, W) or (N, H, W, 3)", "Scale grey or colour values to 0..255.")
    if labels.shape != (len(images),):
        raise DataError(f"{name}: labels have shape {labels.shape}", f"({len(images)},), one an image")
    digits = len(str(len(images)))
    samples = tuple(ClassSample(f"{i:0{digits}d}", int(label), name) for i, label in enumerate(labels))
    total = hashlib.sha256(repr((tuple(class_names), images.shape)).encode())
    total.update(np.ascontiguousarray(images).tobytes())
    total.update(labels.astype("<i8").tobytes())
    data = ClassData(name, samples, _ArrayLoader(images), total.hexdigest(), class_names=tuple(class_names))
    logger.info("%s: %d images of %d classes", name, len(data), len(class_names))
    return data


def file_list(root: Path, labels: Mapping[str, str], *, skipped: Mapping[str, int], name: str) -> ClassData:
    """Build the container over image files.

    Args:
        root: the folder.
        labels: class of each image by its name relative to the folder; classes are numbered by sorted name.
        skipped: number of files left out, by reason.
        name: the data set's name.
    """
    class_names = tuple(sorted(set(labels.values())))
    positions = {label: position for position, label in enumerate(class_names)}
    names = sorted(labels)
    total = hashlib.sha256()
    for path, content in zip(names, file_hashes(root, names), strict=True):
        total.update(repr((path, labels[path])).encode("ascii", "backslashreplace") + content)
    samples = tuple(ClassSample(path, positions[labels[path]], name) for path in names)
    data = ClassData(name, samples, _FileLoader(str(root)), total.hexdigest(), dict(skipped), class_names)
    logger.info("%s: %d images of %d classes", name, len(data), len(class_names))
    return data


def part_of(data: ClassData, split: Split, *, share: float, seed: int) -> ClassData:
    """Keep the images of one half of a split that is drawn class by class.

    'train' and 'test' of the same share and seed are disjoint and complete; no class is left without a training image.

    Args:
        data: all images, labelled.
        split: which half; 'all' keeps everything.
        share: of each class that trains, in (0, 1).
        seed: of the drawing, not negative.

    Raises:
        ConfigError: the share is not between 0 and 1.
        DataError: no image is left.
    """
    if split == "all":
        return data
    if not 0 < share < 1:
        raise ConfigError(f"{data.name}: share {share}", "a number between 0 and 1")
    labels = np.array([sample.label for sample in data.samples], np.int64)
    is_kept = np.zeros(len(data), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        shuffled = np.random.default_rng([seed, int(label)]).permutation(members)
        border = max(1, round(share * len(members)))
        is_kept[shuffled[:border] if split == "train" else shuffled[border:]] = True
    samples = tuple(sample for sample, kept in zip(data.samples, is_kept, strict=True) if kept)
    if not samples:
        raise DataError(f"{data.name} has no {split} image at share {share}", "a smaller share, or more images")
    digest = hashlib.sha256(f"{data.digest} {split} {share!r} {seed}".encode()).hexdigest()
    name = f"{data.name} ({split})"
    return ClassData(name, samples, data.load, digest, data.skipped, data.class_names)
