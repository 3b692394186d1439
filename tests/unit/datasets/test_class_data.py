"""Images of classes: splits, archives, and the sentences for what is not right."""

import pickle

import numpy as np
import pytest

from datasets.class_kinds import cifar100, class_arrays, class_folder, digits
from datasets.class_lists import array_data, part_of
from datasets.class_loader import class_dataset
from pipeline.errors import ConfigError, DataError
from tests.smoke.tiny import write_crops


def make_arrays(count: int = 20, classes: int = 4):
    images = np.random.default_rng(1).integers(0, 256, (count, 5, 4, 3), dtype=np.uint8)
    return images, np.arange(count) % classes


def make_data(count: int = 20, classes: int = 4):
    images, labels = make_arrays(count, classes)
    return array_data("made", images, labels, class_names=[f"class {k}" for k in range(classes)])


def test_digits_are_those_of_scikit_learn():
    everything = digits(split="all")
    assert len(everything) == 1797
    assert everything.class_names == tuple("0123456789")
    pixels = everything.load(everything.samples[0])
    assert pixels.shape == (8, 8, 3)
    assert (pixels.min(), pixels.max()) == (0, 239)  # 15 of 16
    assert everything.samples[0].label == 0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_two_parts_of_a_split_are_disjoint_complete_and_even(share):
    train, test = (digits(split=split, share=share, seed=3) for split in ("train", "test"))
    ours, theirs = ({sample.path for sample in part.samples} for part in (train, test))
    assert not ours & theirs
    assert len(ours | theirs) == 1797
    assert train.digest != test.digest
    for label in range(10):
        inside = sum(sample.label == label for sample in train.samples)
        whole = inside + sum(sample.label == label for sample in test.samples)
        assert inside == round(share * whole)


def test_another_seed_is_another_split_and_the_same_seed_the_same():
    paths = [[s.path for s in part_of(make_data(), "train", share=0.5, seed=seed).samples] for seed in (0, 0, 1)]
    assert paths[0] == paths[1] != paths[2]


def test_a_class_of_one_image_trains_and_is_not_tested():
    data = make_data(count=4, classes=4)
    assert len(part_of(data, "train", share=0.5, seed=0)) == 4
    with pytest.raises(DataError, match=r"has no test image at share 0\.5"):
        part_of(data, "test", share=0.5, seed=0)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_a_share_outside_of_its_range_is_refused(share):
    with pytest.raises(ConfigError, match="a number between 0 and 1"):
        part_of(make_data(), "train", share=share, seed=0)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((3, 4, 4), np.float32), "float32"),
        (np.zeros((3, 4, 4, 1), np.uint8), r"\(3, 4, 4, 1\)"),
        (np.zeros((0, 4, 4), np.uint8), r"\(0, 4, 4\)"),
    ],
)
def test_arrays_that_are_no_images_are_refused(images, words):
    with pytest.raises(DataError, match=words):
        array_data("made", images, np.zeros(len(images), np.int64), class_names=["a"])


def test_folder_of_classes_by_sub_folder_and_by_share(tmp_path):
    names = [f"{part}/{name}/{shot}.png" for part in ("train", "test") for name in ("b", "a") for shot in range(4)]
    write_crops(tmp_path / "office" / "amazon", names)
    root = str(tmp_path / "office")
    train = class_folder(root=root, folder="amazon", split="train")
    assert [(s.path, s.label) for s in train.samples][3:5] == [("a/3.png", 0), ("b/0.png", 1)]
    assert train.class_names == ("a", "b")
    drawn = [class_folder(root=root, folder="amazon/train", split=split, share=0.75) for split in ("train", "test")]
    assert [len(part) for part in drawn] == [6, 2]


def test_images_beside_class_folders_are_told(tmp_path):
    write_crops(tmp_path, ["a/1.png", "loose.png"])
    with pytest.raises(DataError, match="1 images beside its folders"):
        class_folder(root=str(tmp_path))


@pytest.mark.parametrize("spelling", [("{}_images", "{}_labels"), ("x_{}", "y_{}")])
def test_archives_with_parts_are_read_by_part_or_whole(tmp_path, spelling):
    images, labels = make_arrays()
    content = {}
    for part, chosen in (("train", slice(0, 12)), ("test", slice(12, 20))):
        content |= {spelling[0].format(part): images[chosen], spelling[1].format(part): labels[chosen, None]}
    np.savez(tmp_path / "data.npz", **content)
    train, test, whole = (class_arrays(root=str(tmp_path), split=split) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(whole)) == (12, 8, 20)
    assert np.array_equal(test.load(test.samples[2]), images[14])
    assert [s.label for s in test.samples] == labels[12:].tolist()


def test_names_of_classes_come_from_the_archive(tmp_path):
    images, labels = make_arrays(classes=2)
    np.savez(tmp_path / "data.npz", images=images, labels=labels, class_names=["cat", "dog", "fox"])
    assert class_arrays(root=str(tmp_path)).class_names == ("cat", "dog", "fox")
    np.savez(tmp_path / "data.npz", images=images, labels=10 * labels)
    assert class_arrays(root=str(tmp_path)).class_names == ("0", "10")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"pictures": np.zeros(2)}, "holds the arrays pictures"),
        ({"images": np.zeros((2, 4, 4), np.uint8), "labels": np.zeros(2)}, "labels are float64"),
        (
            {"images": np.zeros((2, 4, 4), np.uint8), "labels": np.array([0, 1]), "class_names": ["a"]},
            "run from 0 to 1",
        ),
        ({"images": np.array([{"a": 1}, None], dtype=object), "labels": np.zeros(2, int)}, "cannot be read"),
    ],
)
def test_archives_that_are_not_right_are_refused(tmp_path, content, words):
    np.savez(tmp_path / "data.npz", **content)
    with pytest.raises(DataError, match=words):
        class_arrays(root=str(tmp_path))


def test_a_damaged_or_missing_archive_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no archive"):
        class_arrays(root=str(tmp_path))
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match="cannot be read"):
        class_arrays(root=str(tmp_path))


class Explosive:
    """Would write a file if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_files_in_the_place_of_cifar100_are_never_unpickled(tmp_path):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test", "meta"):
        (folder / name).write_bytes(pickle.dumps(Explosive(tmp_path / "proof")))
    with pytest.raises(DataError, match="does not hold CIFAR-100 as published"):
        cifar100(root=str(tmp_path))
    assert not (tmp_path / "proof").exists()


def test_batches_have_labels_or_none_and_no_camera():
    data = make_data()
    _, images = class_dataset(data, size=(6, 6))
    batch = images.collect([(3, 0), (1, 0)])
    assert batch.labels.tolist() == [3, 1]
    assert batch.cameras.tolist() == [-1, -1]
    assert batch.images.shape == (2, 3, 6, 6)
    _, bare = class_dataset(data.without_labels(), size=(6, 6))
    assert bare.collect([(3, 0)]).labels is None
