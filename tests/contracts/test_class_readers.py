"""What every listed reader of classes must do; a new entry is tested the moment it is in the table."""

import inspect
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from datasets.class_kinds import CLASS_KINDS
from datasets.class_records import ClassData
from pipeline.build import COMPONENTS
from tests.smoke.tiny import write_crops


def write_folder(root: Path) -> None:
    write_crops(root, [f"{name}/{shot}.png" for name in ("bike", "mug", "pen") for shot in range(4)])


def write_arrays(root: Path) -> None:
    root.mkdir(parents=True)
    generator = np.random.default_rng(0)
    np.savez(root / "data.npz", images=generator.integers(0, 256, (12, 6, 5), dtype=np.uint8), labels=np.arange(12) % 3)


WRITERS = {"class_folder": write_folder, "class_arrays": write_arrays}
# CIFAR-100's own files are 160 MB and are not made up: a checksum stands before them.
KINDS = sorted(set(CLASS_KINDS) - {"cifar100"})


def read(kind: str, root: Path) -> ClassData:
    if kind not in WRITERS:
        return CLASS_KINDS[kind]()
    if not root.exists():
        WRITERS[kind](root)
    return CLASS_KINDS[kind](root=str(root))


def test_every_reader_is_tried():
    assert set(WRITERS) | {"digits", "cifar100"} == set(CLASS_KINDS)
    assert set(CLASS_KINDS) <= set(COMPONENTS["data"].entries)


@pytest.mark.parametrize("kind", CLASS_KINDS)
def test_arguments_are_keyword_only_and_annotated(kind):
    for parameter in inspect.signature(CLASS_KINDS[kind]).parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter.name
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_sorted_labelled_and_readable(kind, tmp_path):
    data = read(kind, tmp_path / "site")
    paths = [sample.path for sample in data.samples]
    assert paths == sorted(set(paths))
    assert data.is_labelled
    assert {sample.label for sample in data.samples} == set(range(len(data.class_names)))
    pixels = data.load(data.samples[0])
    assert (pixels.ndim, pixels.shape[2], pixels.dtype) == (3, 3, np.uint8)
    assert data.cameras == ()


@pytest.mark.parametrize("kind", KINDS)
def test_reading_twice_or_elsewhere_gives_the_same_digest(kind, tmp_path):
    first = read(kind, tmp_path / "a" / "site")
    assert read(kind, tmp_path / "a" / "site").digest == first.digest
    assert len(first.digest) == 64
    if (tmp_path / "a").exists():
        shutil.move(tmp_path / "a", tmp_path / "b")
        assert read(kind, tmp_path / "b" / "site").digest == first.digest


@pytest.mark.parametrize("kind", KINDS)
def test_labels_can_be_removed_and_then_nothing_tells_them(kind, tmp_path):
    data = read(kind, tmp_path / "site")
    bare = data.without_labels()
    assert {sample.label for sample in bare.samples} == {None}
    assert (bare.class_names, bare.is_labelled) == ((), False)
    assert "classes" in data.facts(labels_read=True)
    assert "classes" not in bare.facts(labels_read=False)


@pytest.mark.parametrize("kind", KINDS)
def test_loaders_travel_to_data_workers(kind, tmp_path):
    data = read(kind, tmp_path / "site")
    copy = pickle.loads(pickle.dumps(data))
    assert np.array_equal(copy.load(copy.samples[0]), data.load(data.samples[0]))
