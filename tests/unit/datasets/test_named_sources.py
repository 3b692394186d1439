import numpy as np
import pytest

from datasets.cache import load_pixels
from datasets.crop_batches import read_crops
from datasets.images import resize
from datasets.named_sources import read_crop_source
from datasets.records import ReIDData
from pipeline.errors import ConfigError, DataError

WORLD = ["identities=3", "cameras=2", "shots=2", "size=[32, 16]"]


@pytest.mark.parametrize(("split", "count"), [(None, 12), ("train", 12), ("query", 6), ("gallery", 10)])
def test_a_kind_a_source_and_settings_name_crops(split, count):
    data = read_crop_source("world", "random-3", split=split, words=WORLD)
    assert isinstance(data, ReIDData)
    assert (len(data), len(data.cameras)) == (count, 2)
    assert data.load(data.samples[0]).shape == (32, 16, 3)


@pytest.mark.parametrize(
    ("kind", "split", "words", "message"),
    [
        ("imagefolder", None, [], "--from imagefolder; expected one of cuhk03_np, image_folder"),
        ("world", None, ["identities"], "--with identities; expected NAME=VALUE"),
        ("world", None, ["colour=1"], "world has no setting 'colour'; expected one of seed, split"),
        ("image_folder", "train", [], "image_folder has no setting 'split'"),
        ("world", "query_gallery", WORLD, "--split query or --split gallery"),
    ],
)
def test_mistakes_name_what_there_is(kind, split, words, message):
    with pytest.raises(ConfigError, match=message):
        read_crop_source(kind, "random-3", split=split, words=words)


def test_crops_are_those_of_the_pixel_cache():
    data = read_crop_source("world", "random-3", words=WORLD)
    _, cache = load_pixels(data, size=(24, 12))
    batch = read_crops(data, range(1, 5), size=(24, 12))
    assert batch.positions.tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(batch.images.numpy(), cache.pixels[1:5].transpose(0, 3, 1, 2))
    assert batch.errors == {}


def test_a_crop_that_cannot_be_read_is_empty_and_says_why():
    data = read_crop_source("world", "random-3", words=WORLD)

    def load(sample):
        if sample == data.samples[2]:
            raise DataError("it is broken")
        return data.load(sample)

    broken = ReIDData(data.name, data.samples, load, data.digest)
    batch = read_crops(broken, [1, 2], size=(32, 16))
    assert list(batch.errors) == [2]
    assert (batch.images[1] == 0).all()
    np.testing.assert_array_equal(batch.images[0].numpy(), resize(load(data.samples[1]), (32, 16)).transpose(2, 0, 1))
