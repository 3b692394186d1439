"""Two disjoint parts of a data set, with the same persons in both where they are known."""

import math

import numpy as np

from pipeline.errors import DataError

# Separate the random streams of one seed.
_STREAM, _UNLABELLED_STREAM = 3, 4


def held_out_images(count: int, *, share: float, seed: int) -> np.ndarray:
    """Choose images to hold out, whatever they show.

    Args:
        count: images.
        share: in 0..1; at least one image is held out and two are left.
        seed: non-negative.

    Returns:
        (count,) bool, True where an image is held out.

    Raises:
        DataError: there are fewer than three images.
    """
    if count < 3:
        raise DataError(f"{count} images to divide into two parts", "at least three", "Use more images.")
    is_held_out = np.zeros(count, bool)
    generator = np.random.default_rng([seed, _UNLABELLED_STREAM])
    is_held_out[generator.permutation(count)[: min(max(1, round(share * count)), count - 2)]] = True
    return is_held_out


def held_out_crops(labels: np.ndarray, cameras: np.ndarray, *, share: float, seed: int) -> np.ndarray:
    """Choose images of every person to hold out: one of the person's cameras, else a share of the images.

    Frames of one camera are alike, so a camera as a whole is a fairer part than images drawn at random. Which one is
    drawn for each person anew; thereby every camera stands in both parts. A person seen by a single camera gives
    `share` of the images, at least one, and one with a single image gives none.

    Args:
        labels: (N,) int class of each image.
        cameras: (N,) int camera of each image; -1 = unknown, treated as one camera.
        share: in 0..1, of persons with a single camera.
        seed: non-negative.

    Returns:
        (N,) bool, True where an image is held out.

    Raises:
        DataError: fewer than two persons are in both parts.
    """
    is_held_out = np.zeros(len(labels), bool)
    generator = np.random.default_rng([seed, _STREAM])
    persons = 0
    for label in np.unique(labels[labels >= 0]):
        crops = np.flatnonzero(labels == label)
        own = np.unique(cameras[crops])
        if len(own) > 1:
            chosen = crops[cameras[crops] == generator.choice(own)]
        else:
            count = min(max(1, math.floor(share * len(crops) + 0.5)), len(crops) - 1)
            chosen = generator.permutation(crops)[:count]
        is_held_out[chosen] = True
        persons += len(chosen) > 0
    if persons < 2:
        raise DataError(
            f"images of {persons} persons can be held out", "at least two persons with two images each",
            "Use more images of each person.",
        )  # fmt: skip
    return is_held_out
