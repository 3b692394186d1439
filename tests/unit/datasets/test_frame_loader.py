"""Frame loader: the same batches for any number of workers and ranks, and two views with one geometry."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.batches import iterate_batches
from datasets.box_rows import BoxRow
from datasets.frame_cache import forget_frames, load_frames
from datasets.frame_loader import FrameDataset, iterate_frames_in_order
from datasets.frame_transforms import FRAME_PRESETS, build_frame_transform
from datasets.samplers import UniformSampler
from pipeline.errors import ConfigError, DataError
from tests.unit.datasets.crops import make_pixels
from tests.unit.datasets.frames import MemoryLoader, make_boxes, make_frames


def make_dataset(preset=None, *, limit_bytes=10**9, **options):
    forget_frames()
    data, cache = load_frames(make_frames(sizes=((48, 64), (24, 64))), size=(48, 64), limit_bytes=limit_bytes)
    augment = None if preset is None else build_frame_transform(preset)
    return FrameDataset(cache, cache.truth() if data.is_labelled else None, augment, **options)


def assert_equal(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.sizes, b.sizes)
        assert torch.equal(a.indices, b.indices)
        for one, other in zip(a.targets, b.targets, strict=True):
            assert torch.equal(one.boxes, other.boxes)
            assert torch.equal(one.ignored, other.ignored)


def test_fields_and_padding():
    batch = make_dataset().collect([(0, 1), (1, 2)])
    assert batch.images.shape == (2, 3, 48, 64)
    assert batch.images.dtype == torch.uint8
    assert batch.sizes.tolist() == [[48, 64], [24, 64]]
    assert np.array_equal(batch.images[1, :, :24].permute(1, 2, 0).numpy(), make_pixels(1, 24, 64))
    assert not batch.images[1, :, 24:].any()
    assert [t.boxes.tolist() for t in batch.targets] == [[[0, 2, 10, 32]], [[1, 2, 11, 32]]]
    assert batch.targets[0].boxes.dtype == batch.targets[0].weights.dtype == torch.float32
    assert batch.targets[0].weights.tolist() == [1]


def test_low_and_hidden_people_are_ignored():
    rows = [(0, 0, 10, 9), (20, 0, 30, 20), BoxRow((40, 0, 50, 20), (40, 0, 50, 5))]
    boxes = tuple(make_boxes(*rows) for _ in range(8))
    dataset = replace(make_dataset(), targets=boxes, min_height=10, min_visible=0.3)
    (target,) = dataset.collect([(0, 0)]).targets
    assert target.boxes.tolist() == [[20, 0, 30, 20]]
    assert target.ignored.tolist() == [[0, 0, 10, 9], [40, 0, 50, 20]]


def test_frames_without_targets():
    dataset = replace(make_dataset("standard"), targets=None)
    assert dataset.collect([(0, 0)]).targets is None
    with pytest.raises(DataError, match="has no boxes"):
        dataset.truth([0])
    assert make_dataset().truth(np.array([2]))[0].boxes.tolist() == [[2, 2, 12, 32]]


def test_workers_change_nothing_not_even_the_global_generator():
    dataset, sampler = make_dataset("strong"), UniformSampler(8, batch=4, seed=1)
    before = torch.get_rng_state()
    alone = list(iterate_batches(dataset.collect, sampler, start=2, stop=5, seed=4))
    assert_equal(alone, list(iterate_batches(dataset.collect, sampler, start=2, stop=5, seed=4, workers=2)))
    assert torch.equal(before, torch.get_rng_state())


def test_ranks_share_the_global_batch():
    dataset, sampler = make_dataset("strong"), UniformSampler(8, batch=4, seed=1)
    whole = list(iterate_batches(dataset.collect, sampler, start=0, stop=3, seed=4))
    shares = [list(iterate_batches(dataset.collect, sampler, start=0, stop=3, seed=4, rank=r, world=2)) for r in (0, 1)]
    for step, batch in enumerate(whole):
        assert torch.equal(batch.sizes, torch.cat([share[step].sizes for share in shares]))
        for row in range(4):
            height, width = batch.sizes[row].tolist()
            part = shares[row // 2][step].images[row % 2]
            assert torch.equal(batch.images[row, :, :height, :width], part[:, :height, :width])
    with pytest.raises(ConfigError, match="multiple of 3"):
        next(iterate_batches(dataset.collect, sampler, start=0, stop=1, seed=0, world=3))


def test_starting_late_equals_the_end_of_a_whole_run():
    dataset, sampler = make_dataset("strong"), UniformSampler(8, batch=4, seed=1)
    whole = list(iterate_batches(dataset.collect, sampler, start=0, stop=5, seed=4))
    assert_equal(whole[3:], list(iterate_batches(dataset.collect, sampler, start=3, stop=5, seed=4)))


def test_in_order_is_complete_and_not_augmented():
    batches = list(iterate_frames_in_order(make_dataset("strong"), batch=3))
    assert [len(batch) for batch in batches] == [3, 3, 2]
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(8))
    assert np.array_equal(batches[0].images[2].permute(1, 2, 0).numpy(), make_pixels(2, 48, 64))


@pytest.mark.parametrize("preset", [None, *FRAME_PRESETS])
def test_views_share_their_geometry(preset):
    dataset = make_dataset(preset)
    sampler = UniformSampler(8, batch=4, seed=1)
    plain = replace(
        dataset, augment=None if preset is None else build_frame_transform("standard" if preset == "strong" else preset)
    )
    for weak, strong in iterate_batches(dataset.collect_views, sampler, start=0, stop=4, seed=2):
        assert torch.equal(weak.sizes, strong.sizes)
        assert torch.equal(weak.indices, strong.indices)
        assert all(torch.equal(a.boxes, b.boxes) for a, b in zip(weak.targets, strong.targets, strict=True))
    views = [w for w, _ in iterate_batches(dataset.collect_views, sampler, start=0, stop=4, seed=2)]
    assert_equal(views, [w for w, _ in iterate_batches(plain.collect_views, sampler, start=0, stop=4, seed=2)])


def test_strong_view_changes_pixels_and_moves_nothing():
    dataset = make_dataset("strong")
    weak, strong = dataset.collect_views([(i, seed) for i in range(8) for seed in range(4)])
    differs = (weak.images != strong.images).any(dim=(1, 2, 3))
    assert 0.7 < differs.float().mean() <= 1
    for row, (height, width) in enumerate(strong.sizes.tolist()):
        assert not strong.images[row, :, height:].any()
        assert not strong.images[row, :, :, width:].any()
    assert torch.equal(dataset.collect([(3, 5)]).images, dataset.collect_views([(3, 5)])[1].images)


@pytest.mark.parametrize("workers", [0, 2])
def test_error_of_a_worker_arrives_as_its_sentence(workers):
    dataset = make_dataset(limit_bytes=0)
    data = replace(dataset.cache.data, load=MemoryLoader(broken=(5,)))
    dataset = replace(dataset, cache=replace(dataset.cache, data=data))
    sampler = UniformSampler(8, batch=4, seed=0)
    with pytest.raises(DataError) as error:
        list(iterate_batches(dataset.collect, sampler, start=0, stop=2, seed=0, workers=workers))
    assert str(error.value) == "cannot read image '0005.png': made so"
