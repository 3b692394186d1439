"""What every listed reader must do; a new entry is tested the moment it is in the table."""

import inspect
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from datasets.kinds import DATA_KINDS
from datasets.records import ReIDData, ReIDProbe
from datasets.tracklets import COLUMNS
from tests.smoke.tiny import market_names, write_crops

MSMT = [
    f"{person:04d}_{shot:03d}_{camera:02d}_0303morning_0001_{shot}.png"
    for person in range(4)
    for camera in (1, 5)
    for shot in (0, 1)
]
CUHK = [f"{person:04d}_c{camera}_{shot:02d}.png" for person in range(1, 5) for camera in (1, 2) for shot in (1, 2)]
FOLDERS = ("bounding_box_train", "query", "bounding_box_test")


def write_market(root: Path, names: list[str]) -> None:
    for folder in FOLDERS:
        write_crops(root / folder, names)


def write_msmt(root: Path) -> None:
    for split in ("train", "test"):
        write_crops(root / split, [f"{name[:4]}/{name}" for name in MSMT])
    lines = [f"{name[:4]}/{name} {int(name[:4])}\n" for name in MSMT]
    for part, chosen in {"train": lines[1:], "val": lines[:1], "query": lines, "gallery": lines}.items():
        (root / f"list_{part}.txt").write_text("".join(chosen))


def write_table(root: Path) -> None:
    write_crops(root, market_names(4))
    for part in ("query", "gallery"):
        write_crops(root / part, market_names(4))


def write_tracklets(root: Path) -> None:
    names = [f"crops/{camera}/{camera}-{track}_{frame}.png" for camera in "ab" for track in (1, 2) for frame in (3, 9)]
    write_crops(root, names)
    rows = [f"{name},{name[6]},{name[8:11]},{name[12]},{int(name[12]) / 10},1,2,11,22,0.9\n" for name in names]
    (root / "tracklets.csv").write_text("".join([",".join(COLUMNS) + "\n", *rows]))


def write_mars(root: Path) -> None:
    for split in ("bbox_train", "bbox_test"):
        names = [f"{split}/000{p}/000{p}C{c}T0001F00{f}.jpg" for p in (1, 2) for c in (1, 2) for f in (1, 2)]
        write_crops(root, names)


WRITERS = {
    "cuhk03_np": lambda root: write_market(root / "detected", CUHK),
    "image_folder": lambda root: write_crops(root, market_names(4)),
    "mars": write_mars,
    "market1501": lambda root: write_market(root, market_names(4)),
    "msmt17": write_msmt,
    "table": write_table,
    "tracklets": write_tracklets,
}
UNLABELLED = ("image_folder", "tracklets")
ARGUMENTS = {
    "table": {"pattern": "market"},
    "world": {"domain": "sunny_plaza", "identities": 3, "cameras": 2, "shots": 2, "size": (32, 16)},
    "world_tracklets": {"domain": "sunny_plaza", "identities": 3, "cameras": 2, "frames": 3, "size": (32, 16)},
}
TRAIN = [pytest.param(kind, None, id=kind) for kind in DATA_KINDS]
PROBE = [
    pytest.param(kind, "query_gallery", id=f"{kind}-probe")
    for kind, reader in DATA_KINDS.items()
    if "split" in inspect.signature(reader).parameters
]


def read(kind: str, split: str | None, root: Path) -> ReIDData | ReIDProbe:
    arguments = dict(ARGUMENTS.get(kind, {}))
    if "root" in inspect.signature(DATA_KINDS[kind]).parameters:
        if not root.exists():
            WRITERS[kind](root)
        arguments["root"] = str(root)
    return DATA_KINDS[kind](**arguments, **({} if split is None else {"split": split}))


def parts_of(data: ReIDData | ReIDProbe) -> list[ReIDData]:
    return [data] if isinstance(data, ReIDData) else [data.query, data.gallery]


def test_every_reader_is_tried():
    assert set(WRITERS) | {"world", "world_tracklets"} == set(DATA_KINDS)


@pytest.mark.parametrize("kind", DATA_KINDS)
def test_arguments_are_keyword_only_and_annotated(kind):
    for parameter in inspect.signature(DATA_KINDS[kind]).parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter.name
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name


@pytest.mark.parametrize(("kind", "split"), TRAIN + PROBE)
def test_samples_are_sorted_and_readable(kind, split, tmp_path):
    data = read(kind, split, tmp_path / "site")
    assert isinstance(data, ReIDProbe) == (split is not None)
    for part in parts_of(data):
        paths = [sample.path for sample in part.samples]
        assert paths == sorted(set(paths))
        assert not any(path.startswith("/") or "\\" in path or ".." in path for path in paths)
        pixels = part.load(part.samples[0])
        assert (pixels.ndim, pixels.shape[2], pixels.dtype) == (3, 3, np.uint8)
        assert all(sample.person_id is None or sample.person_id >= 0 for sample in part.samples)
        assert all(sample.camera_id != "" for sample in part.samples)


@pytest.mark.parametrize(("kind", "split"), TRAIN + PROBE)
def test_reading_twice_or_elsewhere_gives_the_same_digest(kind, split, tmp_path):
    first = read(kind, split, tmp_path / "a" / "site")
    assert read(kind, split, tmp_path / "a" / "site").digest == first.digest
    assert len(first.digest) == 64
    if (tmp_path / "a").exists():
        shutil.move(tmp_path / "a", tmp_path / "b")
        assert read(kind, split, tmp_path / "b" / "site").digest == first.digest


@pytest.mark.parametrize(("kind", "split"), TRAIN + PROBE)
def test_labels_are_there_or_not_and_can_be_removed(kind, split, tmp_path):
    for part in parts_of(read(kind, split, tmp_path / "site")):
        assert part.is_labelled == (kind not in UNLABELLED)
        assert {sample.person_id for sample in part.without_labels().samples} == {None}
        assert part.without_labels().cameras == part.cameras


@pytest.mark.parametrize(("kind", "split"), TRAIN + PROBE)
def test_loaders_travel_to_data_workers(kind, split, tmp_path):
    for part in parts_of(read(kind, split, tmp_path / "site")):
        copy = pickle.loads(pickle.dumps(part))
        assert np.array_equal(copy.load(copy.samples[0]), part.load(part.samples[0]))
