"""The kinds of data that a configuration can name; each reads crops for training, or query and gallery for a probe."""

from collections.abc import Callable
from typing import Literal

from datasets.cuhk03_np import read_cuhk03_np, read_cuhk03_np_probe
from datasets.image_folder import read_image_folder
from datasets.market1501 import read_market1501, read_market1501_carved_probe, read_market1501_probe
from datasets.mars import read_mars, read_mars_probe
from datasets.msmt17 import read_msmt17, read_msmt17_probe
from datasets.records import ReIDData, ReIDProbe
from datasets.table import read_table, read_table_probe
from datasets.tracklets import read_tracklets
from datasets.world.reader import read_world, read_world_probe
from datasets.world.tracklets import read_world_tracklet_probe, read_world_tracklets

Split = Literal["train", "query_gallery"]


def world(
    *,
    domain: str,
    seed: int = 0,
    split: Split = "train",
    identities: int = 150,
    cameras: int = 4,
    shots: int = 4,
    size: tuple[int, int] = (128, 64),
) -> ReIDData | ReIDProbe:
    """Read the procedural cameras.

    Args:
        domain: a named domain or 'random-N'.
        seed: of the people and cameras.
        split: 'train', or 'query_gallery' for a probe of other people before the same cameras.
        identities: number of people.
        cameras: number of cameras.
        shots: crops of a person in a camera.
        size: height and width of a crop in pixels.
    """
    if split == "query_gallery":
        return read_world_probe(domain, seed, identities=identities, cameras=cameras, shots=shots, size=size)
    return read_world(domain, seed, identities=identities, cameras=cameras, shots=shots, size=size)


def market1501(
    *,
    root: str,
    split: Literal["train", "query_gallery", "carved_query_gallery"] = "train",
    cameras: list[str] | None = None,
    identities: str = "all",
    seed: int = 0,
) -> ReIDData | ReIDProbe:
    """Read a folder in Market-1501 layout, whoever made it.

    Args:
        root: the folder that holds bounding_box_train, query and bounding_box_test.
        split: 'train', 'query_gallery', or 'carved_query_gallery' for a probe cut out of the training crops.
        cameras: keep these cameras only.
        identities: 'all', 'even', 'odd', 'first:0.75' or 'last:0.25' of the sorted persons.
        seed: of the carving.
    """
    if split == "query_gallery":
        return read_market1501_probe(root, cameras, identities)
    if split == "carved_query_gallery":
        return read_market1501_carved_probe(root, cameras=cameras, identities=identities, seed=seed)
    return read_market1501(root, cameras=cameras, identities=identities)


def msmt17(*, root: str, split: Split = "train") -> ReIDData | ReIDProbe:
    """Read MSMT17, version 1 or 2."""
    return read_msmt17_probe(root) if split == "query_gallery" else read_msmt17(root)


def cuhk03_np(*, root: str, split: Split = "train", detected: bool = True) -> ReIDData | ReIDProbe:
    """Read CUHK03 in the new protocol.

    Args:
        root: the folder.
        split: 'train' or 'query_gallery'.
        detected: boxes of a detector; False takes the hand-drawn ones.
    """
    return read_cuhk03_np_probe(root, detected) if split == "query_gallery" else read_cuhk03_np(root, detected=detected)


def table(
    *,
    root: str,
    split: Split = "train",
    query: str = "query",
    gallery: str = "gallery",
    pattern: str | None = None,
    csv: str | None = None,
) -> ReIDData | ReIDProbe:
    """Read any tree of images whose names, or a CSV file, tell person and camera.

    Args:
        root: the folder.
        split: 'train', or 'query_gallery' for the two sub-folders.
        query: sub-folder of the queries.
        gallery: sub-folder of the gallery.
        pattern: regular expression with the groups person and camera, or the name of a known one.
        csv: file with the columns path, person and camera.
    """
    if split == "query_gallery":
        return read_table_probe(f"{root}/{query}", f"{root}/{gallery}", pattern, csv)
    return read_table(root, pattern=pattern, csv=csv)


def image_folder(*, root: str, camera: str = "auto", csv: str | None = None) -> ReIDData:
    """Read any tree of images without labels.

    Args:
        root: the folder.
        camera: where the camera is written: 'auto', 'names', 'folder', 'unknown' or a regular expression.
        csv: file with the columns path and camera.
    """
    return read_image_folder(root, camera, csv)


def tracklets(*, root: str) -> ReIDData:
    """Read crops that a tracker cut from footage, without labels.

    Args:
        root: the folder that holds tracklets.csv.
    """
    return read_tracklets(root)


def world_tracklets(
    *,
    domain: str,
    seed: int = 0,
    split: Split = "train",
    identities: int = 150,
    cameras: int = 4,
    frames: int = 12,
    size: tuple[int, int] = (128, 64),
) -> ReIDData | ReIDProbe:
    """Read tracklets of the procedural cameras.

    Args:
        domain: a named domain or 'random-N'.
        seed: of the people and cameras.
        split: 'train', or 'query_gallery' for a probe of other people before the same cameras.
        identities: number of people.
        cameras: number of cameras.
        frames: crops of a tracklet.
        size: height and width of a crop in pixels.
    """
    read = read_world_tracklet_probe if split == "query_gallery" else read_world_tracklets
    return read(domain, seed, identities=identities, cameras=cameras, frames=frames, size=size)


def mars(*, root: str, split: Split = "train") -> ReIDData | ReIDProbe:
    """Read tracklets in the layout of MARS.

    Args:
        root: the folder that holds bbox_train and bbox_test.
        split: 'train' or 'query_gallery'.
    """
    return read_mars_probe(root) if split == "query_gallery" else read_mars(root)


DATA_KINDS: dict[str, Callable[..., ReIDData | ReIDProbe]] = {
    "cuhk03_np": cuhk03_np,
    "image_folder": image_folder,
    "mars": mars,
    "market1501": market1501,
    "msmt17": msmt17,
    "table": table,
    "tracklets": tracklets,
    "world": world,
    "world_tracklets": world_tracklets,
}
