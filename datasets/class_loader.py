"""Images of classes as the batches that networks learn from."""

import numpy as np

from datasets.cache import load_pixels
from datasets.class_records import ClassData
from datasets.loader import CropDataset
from datasets.transforms import Augment


def class_dataset(
    data: ClassData, *, size: tuple[int, int], augment: Augment | None = None
) -> tuple[ClassData, CropDataset]:
    """Decode and resize every image.

    Args:
        data: labelled, or not.
        size: height and width of every image.
        augment: random transform of training images.

    Returns:
        the data without its unreadable images, and the rest as a source of batches; no camera is known.

    Raises:
        DataError: more than a fifth of the images cannot be read.
    """
    kept, cache = load_pixels(data, size=size)
    labels = np.array([-1 if s.label is None else s.label for s in kept.samples], np.int64)
    unknown = np.full(len(kept), -1, np.int64)
    return kept, CropDataset(cache, labels if kept.is_labelled else None, unknown, augment)
