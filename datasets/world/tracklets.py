"""The procedural world as tracklets: one person's way past one camera, frame after frame."""

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np

from datasets.records import ReIDData, ReIDProbe, ReIDSample
from datasets.world.reader import DEFAULT_DOMAIN, read_world
from datasets.world.reader import read_world_probe as read_crop_probe
from pipeline.errors import DataError

# Of them, the frames of a tracklet are about a tenth of a second to half a second apart.
_LEAST, _MOST = 2, 60


def read_world_tracklets(
    domain: str = DEFAULT_DOMAIN,
    seed: int = 0,
    *,
    identities: int = 150,
    cameras: int = 4,
    frames: int = 12,
    size: tuple[int, int] = (128, 64),
) -> ReIDData:
    """Return the tracklets of a domain's training people: its crops, `frames` of each person before each camera.

    Args:
        domain: a named domain, or "random-<number>".
        seed: of the domain's people and cameras.
        identities: number of people.
        cameras: number of cameras.
        frames: crops of a tracklet, within five seconds.
        size: height and width of a crop, pixels.

    Raises:
        DataError: unknown domain, or a number out of range.
    """
    _check(frames)
    crops = read_world(domain, seed, identities=identities, cameras=cameras, shots=frames, size=size)
    return _by_passage(crops, part="tracklets")


def read_world_tracklet_probe(
    domain: str = DEFAULT_DOMAIN,
    seed: int = 0,
    *,
    identities: int = 100,
    cameras: int = 4,
    frames: int = 12,
    size: tuple[int, int] = (128, 64),
) -> ReIDProbe:
    """Return tracklets of other people before the same cameras; every tracklet of who is asked for is a query.

    A query's own tracklet is of the same person and camera, so it is left out of the gallery when it is asked.

    Args:
        domain: a named domain, or "random-<number>".
        seed: of the domain's people and cameras.
        identities: number of people asked for; a quarter as many more are in the gallery.
        cameras: number of cameras.
        frames: crops of a tracklet.
        size: height and width of a crop, pixels.

    Raises:
        DataError: unknown domain, or a number out of range.
    """
    _check(frames)
    crops = read_crop_probe(domain, seed, identities=identities, cameras=cameras, shots=frames, size=size)
    asked = {sample.person_id for sample in crops.query.samples}
    samples = sorted((*crops.query.samples, *crops.gallery.samples), key=lambda sample: sample.path)
    everybody = _Both(crops)
    gallery = _by_passage(replace(crops.gallery, samples=tuple(samples), load=everybody.load), part="gallery")
    query = replace(gallery, samples=tuple(s for s in gallery.samples if s.person_id in asked))
    return ReIDProbe(query=_by_passage(query, part="query"), gallery=gallery)


class _Both:
    """Hands each sample to the part of the crop probe that drew it."""

    def __init__(self, probe: ReIDProbe) -> None:
        self._parts = {sample.path: part for part in (probe.query, probe.gallery) for sample in part.samples}

    def load(self, sample: ReIDSample) -> np.ndarray:
        """Return the crop of a sample."""
        return self._parts[sample.path].load(sample)


def _by_passage(crops: ReIDData, *, part: str) -> ReIDData:
    """Name a tracklet for each person and camera by a number inside the camera."""
    passages = sorted({(str(s.camera_id), int(s.person_id or 0)) for s in crops.samples})
    number: dict[tuple[str, int], int] = {}
    seen: Counter[str] = Counter()
    for camera, person in passages:
        seen[camera] += 1
        number[camera, person] = seen[camera]
    samples = tuple(
        replace(s, tracklet_id=f"{number[str(s.camera_id), int(s.person_id or 0)]:05d}") for s in crops.samples
    )
    digest = hashlib.sha256(f"tracklets 1 {part} {crops.digest}".encode()).hexdigest()
    return replace(crops, samples=samples, digest=digest)


def _check(frames: int) -> None:
    if not _LEAST <= frames <= _MOST:
        raise DataError(f"frames = {frames} is out of range", f"a number from {_LEAST} to {_MOST}")
