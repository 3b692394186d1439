"""Crops of a listing, drawn on demand."""

from dataclasses import dataclass

import numpy as np

from datasets.records import ReIDSample
from datasets.world.crops import render_crop
from datasets.world.traits import Domain
from pipeline.errors import DataError

_MEMO_BYTES = 256 * 2**20


@dataclass(frozen=True)
class CropKey:
    """What a crop is drawn from.

    Args:
        person: number of the person; odd in training, even in the probe.
        camera: number of the camera, from 1.
        shot: number of the shot, from 0.
        frame: number in the camera's recording.
    """

    person: int
    camera: int
    shot: int
    frame: int


class WorldImages:
    """Draws the crops of a listing on demand and remembers the first ones, up to a quarter of a gigabyte.

    Args:
        domain: who walks there and which cameras look.
        seed: of the domain's people and cameras.
        size: height and width of a crop, pixels.
        keys: what each path is drawn from.
    """

    def __init__(self, domain: Domain, *, seed: int, size: tuple[int, int], keys: dict[str, CropKey]) -> None:
        self._domain, self._seed, self._size, self._keys = domain, seed, size, keys
        self._memo: dict[str, np.ndarray] = {}

    def load(self, sample: ReIDSample) -> np.ndarray:
        """Return the crop of a sample, (H, W, 3) uint8 RGB.

        Raises:
            DataError: the sample is not in this listing.
        """
        if sample.path in self._memo:
            return self._memo[sample.path].copy()
        key = self._keys.get(sample.path)
        if key is None:
            raise DataError(f"{self._domain.name} has no crop {sample.path!r}", "a path of this listing")
        image = render_crop(
            self._domain, seed=self._seed, person=key.person, camera=key.camera, shot=key.shot, size=self._size
        )
        if (len(self._memo) + 1) * image.nbytes <= _MEMO_BYTES:
            self._memo[sample.path] = image.copy()
        return image

    def __getstate__(self) -> dict[str, object]:
        """Leave the remembered crops behind when going to another process."""
        return {**self.__dict__, "_memo": {}}
