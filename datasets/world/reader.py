"""The procedural world as a data set: training crops, and a probe of other people before the same cameras."""

import hashlib
import json
from dataclasses import asdict, replace

from datasets.records import ReIDData, ReIDProbe, ReIDSample
from datasets.world.domains import domain_by_name
from datasets.world.images import CropKey, WorldImages
from datasets.world.passage import frame_of_shot, passage_of
from datasets.world.seeding import generator
from datasets.world.traits import Domain
from pipeline.errors import DataError

WORLD_VERSION = 1
DEFAULT_DOMAIN = "sunny_plaza"
_ABSENCE = 0.2


def read_world(
    domain: str = DEFAULT_DOMAIN,
    seed: int = 0,
    split: str = "train",
    identities: int = 150,
    cameras: int = 4,
    shots: int = 4,
    size: tuple[int, int] = (128, 64),
    labelled: bool = True,
) -> ReIDData:
    """Return the training crops of a domain.

    Args:
        domain: a named domain, or "random-<number>".
        seed: of the domain's people and cameras.
        split: "train", the only one; the test people are behind `read_world_probe`.
        identities: number of people; each of them passes at least two cameras.
        cameras: number of cameras.
        shots: crops per person and camera.
        size: height and width of a crop, pixels.
        labelled: whether the person ids are there; without them the paths are running numbers in random order.

    Raises:
        DataError: unknown domain or split, or a number out of range.
    """
    if split != "train":
        raise DataError(
            f"the procedural world has no split {split!r}", "'train'", "read_world_probe gives the test people."
        )
    place = domain_by_name(domain)
    _check(identities, cameras, shots, size)
    keys = _keys(place, seed, [2 * number + 1 for number in range(identities)], (cameras, shots))
    data = _listing(place, seed, size, keys, labelled)
    parameters = {"split": split, "identities": identities, "cameras": cameras, "shots": shots, "labelled": labelled}
    return replace(data, name=f"{domain}:{seed}", digest=_digest(place, seed, size, parameters))


def read_world_probe(
    domain: str = DEFAULT_DOMAIN,
    seed: int = 0,
    identities: int = 100,
    cameras: int = 4,
    shots: int = 4,
    size: tuple[int, int] = (128, 64),
) -> ReIDProbe:
    """Return queries and gallery of people that are not in the training split, in the same cameras.

    The first shot of each person in each camera is a query; the others, and all shots of a quarter as many people
    again who are never asked for, are the gallery.

    Args:
        domain: a named domain, or "random-<number>".
        seed: of the domain's people and cameras.
        identities: number of people asked for.
        cameras: number of cameras.
        shots: crops per person and camera, at least 2.
        size: height and width of a crop, pixels.

    Raises:
        DataError: unknown domain, or a number out of range.
    """
    place = domain_by_name(domain)
    _check(identities, cameras, shots, size)
    if shots < 2:
        raise DataError(f"shots = {shots} leaves no gallery", "at least 2 shots: one query, one in the gallery")
    people = [2 * number + 2 for number in range(identities + max(1, identities // 4))]
    keys = _keys(place, seed, people, (cameras, shots))
    asked = 2 * identities
    parts = {
        "query": [key for key in keys if key.shot == 0 and key.person <= asked],
        "gallery": [key for key in keys if key.shot > 0 or key.person > asked],
    }
    lists = {}
    for part, chosen in parts.items():
        parameters = {"split": part, "identities": identities, "cameras": cameras, "shots": shots}
        data = _listing(place, seed, size, chosen, True)
        lists[part] = replace(data, name=f"{domain}:{seed}/{part}", digest=_digest(place, seed, size, parameters))
    return ReIDProbe(**lists)


def _keys(domain: Domain, seed: int, people: list[int], grid: tuple[int, int]) -> list[CropKey]:
    """Decide who passes which camera and when."""
    cameras, shots = grid
    keys = []
    for person in people:
        rng = generator(domain.name, seed, "presence", person)
        chances = rng.random(cameras)
        sure = set(rng.permutation(cameras)[:2].tolist())
        for camera in range(cameras):
            if camera not in sure and chances[camera] < _ABSENCE:
                continue
            frame = passage_of(domain, seed, person, camera + 1).frame
            keys += [CropKey(person, camera + 1, shot, frame + frame_of_shot(shot)) for shot in range(shots)]
    return keys


def _listing(domain: Domain, seed: int, size: tuple[int, int], keys: list[CropKey], labelled: bool) -> ReIDData:
    """Name the crops and make the records, sorted by name."""
    order = list(range(len(keys)))
    if not labelled:
        order = generator(domain.name, seed, "order", len(keys)).permutation(len(keys)).tolist()
    table = {}
    for number, index in enumerate(order):
        key = keys[index]
        name = f"{number + 1:06d}.jpg"
        if labelled:
            name = f"{key.person:04d}_c{key.camera}s1_{key.frame:06d}_{key.shot:02d}.jpg"
        table[name] = key
    samples = tuple(
        ReIDSample(path, key.person if labelled else None, str(key.camera), domain.name, frame=key.frame)
        for path, key in sorted(table.items())
    )
    images = WorldImages(domain, seed=seed, size=size, keys=table)
    return ReIDData(domain.name, samples, images.load, digest="")


def _digest(domain: Domain, seed: int, size: tuple[int, int], parameters: dict[str, object]) -> str:
    """Return the SHA-256 of everything that the crops are drawn from."""
    everything = {"version": WORLD_VERSION, "domain": asdict(domain), "seed": seed, "size": list(size), **parameters}
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def _check(identities: int, cameras: int, shots: int, size: tuple[int, int]) -> None:
    """Refuse numbers that give no usable data set."""
    for name, value, least, most in (
        ("identities", identities, 1, 100_000),
        ("cameras", cameras, 2, 99),
        ("shots", shots, 1, 99),
        ("height", size[0], 16, 512),
        ("width", size[1], 8, 512),
    ):
        if not least <= value <= most:
            raise DataError(f"{name} = {value} is out of range", f"a number from {least} to {most}")
