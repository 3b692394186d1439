"""Which images make batch number `step`: pure functions of (seed, step), so that a resumed run goes on exactly."""

import logging
import math

import numpy as np

from pipeline.errors import DataError

logger = logging.getLogger(__name__)

# Separate the random streams of one seed.
_EPOCH_STREAM, _STEP_STREAM = 1, 2


class UniformSampler:
    """Batches that visit every image once an epoch, in an order that is new in each.

    Where the batch does not divide n, the last batch of an epoch is filled up from the epoch's beginning.

    Args:
        n: number of images.
        batch: images a batch; where it exceeds n, images repeat inside the batch.
        seed: non-negative.

    Raises:
        DataError: there is no image.
    """

    def __init__(self, n: int, *, batch: int, seed: int) -> None:
        if n < 1:
            raise DataError("there is no image to sample from", "at least one")
        self.batch_size = batch
        self.steps_per_epoch = math.ceil(n / batch)
        self._order = _EpochOrder(n, seed=seed)

    def batch(self, step: int) -> np.ndarray:
        """Return the (batch,) int64 image indices of a step; any order of calls gives the same."""
        epoch, position = divmod(step, self.steps_per_epoch)
        return self._order.take(epoch, position * self.batch_size, self.batch_size)


class PKSampler:
    """Batches of P identities with K crops each; every identity comes once an epoch, cameras are balanced.

    Crops of one identity are drawn in turn from its cameras, and inside a camera in turn from its tracklets, without
    repeats while it has enough. Where P does not divide the number of identities, the last batch of an epoch is filled
    up from the epoch's beginning.

    Args:
        labels: (N,) int class of each image; -1 leaves the image out.
        cameras: (N,) int camera of each image; -1 = unknown, treated as one camera.
        identities: P. Where the data has fewer, all of them come with more crops each, so that batches keep P*K.
        instances: K.
        seed: non-negative.
        tracklets: (N,) int tracklet of each image, -1 = in none; None where nothing is known.

    Raises:
        DataError: there are fewer than two identities.

    Reference:
        Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification", 2017; the turns over cameras
        are ours.
    """

    def __init__(
        self, labels: np.ndarray, cameras: np.ndarray, *, identities: int, instances: int, seed: int,
        tracklets: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        present = np.unique(labels[labels >= 0])
        if len(present) < 2:
            raise DataError(
                f"{len(present)} identities to sample from",
                "at least two, to tell one from another",
                "Use more identities, or looser clusters.",
            )
        if identities > len(present):
            logger.warning("batches of %d identities: the data has %d, with more crops each", identities, len(present))
        self.batch_size = identities * instances
        num_identities = min(identities, len(present))
        self.steps_per_epoch = math.ceil(len(present) / num_identities)
        self._crops = [np.flatnonzero(labels == label) for label in present]
        self._cameras = np.asarray(cameras)
        self._tracklets = None if tracklets is None else np.asarray(tracklets)
        self._counts = [len(part) for part in np.array_split(np.arange(self.batch_size), num_identities)]
        self._order = _EpochOrder(len(present), seed=seed)
        self._seed = seed

    def batch(self, step: int) -> np.ndarray:
        """Return the (P*K,) int64 image indices of a step, identity after identity."""
        epoch, position = divmod(step, self.steps_per_epoch)
        chosen = self._order.take(epoch, position * len(self._counts), len(self._counts))
        generator = np.random.default_rng([self._seed, _STEP_STREAM, step])
        parts = []
        for identity, count in zip(chosen, self._counts, strict=True):
            crops = self._crops[identity]
            keys = generator.random(len(crops))
            if self._tracklets is not None:
                keys = tracklet_turns(self._tracklets[crops], keys)
            parts.append(np.resize(crops[camera_turns(self._cameras[crops], keys)], count))
        return np.concatenate(parts)


def camera_turns(cameras: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Order crops so that cameras take turns: first the smallest key of each camera, then the second of each, ...

    Inside a round the order is that of the keys, so that a prefix favours no camera.

    Args:
        cameras: (n,) int camera of each crop.
        keys: (n,) random numbers.

    Returns:
        (n,) int64 permutation.
    """
    by_camera = np.lexsort((keys, cameras))
    ordered = cameras[by_camera]
    is_first = np.r_[True, ordered[1:] != ordered[:-1]]
    starts = np.maximum.accumulate(np.where(is_first, np.arange(len(ordered)), 0))
    rounds = np.empty(len(cameras), np.int64)
    rounds[by_camera] = np.arange(len(ordered)) - starts
    return np.lexsort((keys, rounds))


def tracklet_turns(tracklets: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return keys by which no tracklet gives a second crop before each has given one.

    Crops of one tracklet are nearly the same picture, so that a batch full of them teaches little.

    Args:
        tracklets: (n,) int tracklet of each crop; -1 = in none, which is a tracklet of its own.
        keys: (n,) random numbers.

    Returns:
        (n,) int64 positions, for `camera_turns`.
    """
    alone = tracklets < 0
    groups = np.where(alone, tracklets.max(initial=-1) + 1 + np.cumsum(alone), tracklets)
    return np.argsort(camera_turns(groups, keys))


class _EpochOrder:
    """One random permutation of 0..n-1 an epoch; the latest is kept."""

    def __init__(self, n: int, *, seed: int) -> None:
        self._n, self._seed = n, seed
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def take(self, epoch: int, start: int, count: int) -> np.ndarray:
        """Return `count` entries from `start` on; past the end it goes on at the epoch's beginning."""
        if epoch != self._epoch:
            generator = np.random.default_rng([self._seed, _EPOCH_STREAM, epoch])
            self._order, self._epoch = generator.permutation(self._n), epoch
        return self._order[np.arange(start, start + count) % self._n]
