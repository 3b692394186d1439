"""Loader: the same batches for any number of workers and ranks."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.batches import BatchLoader, augmentation_seed, iterate_batches
from datasets.cache import forget_pixels, load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset, iterate_in_order
from datasets.samplers import PKSampler, UniformSampler
from datasets.transforms import build_transform
from pipeline.errors import ConfigError, DataError
from tests.unit.datasets.crops import make_data, make_pixels


def _make_dataset(preset="reid", **options):
    forget_pixels()
    data, cache = load_pixels(make_data(), size=(16, 8), **options)
    labels, _ = class_labels(data)
    return CropDataset(cache, labels, camera_indices(data), build_transform(preset, size=(16, 8)))


def _assert_equal(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        for field in ("images", "indices", "labels", "cameras"):
            assert torch.equal(getattr(a, field), getattr(b, field))


def test_fields_and_layout():
    dataset = _make_dataset("none")
    batch = next(iterate_batches(dataset.collect, UniformSampler(12, batch=5, seed=0), start=0, stop=1, seed=0))
    assert batch.images.shape == (5, 3, 16, 8)
    assert batch.images.dtype == torch.uint8
    assert batch.images.is_contiguous()
    for row, index in enumerate(batch.indices.tolist()):
        assert np.array_equal(batch.images[row].permute(1, 2, 0).numpy(), make_pixels(index))
    assert batch.labels.tolist() == [i % 3 for i in batch.indices.tolist()]
    assert batch.cameras.tolist() == [i % 2 for i in batch.indices.tolist()]


def test_workers_change_nothing_not_even_the_global_generator():
    dataset = _make_dataset()
    sampler = PKSampler(dataset.labels, dataset.cameras, identities=2, instances=2, seed=1)
    before = torch.get_rng_state()
    alone = list(iterate_batches(dataset.collect, sampler, start=2, stop=7, seed=4))
    _assert_equal(alone, list(iterate_batches(dataset.collect, sampler, start=2, stop=7, seed=4, workers=2)))
    assert torch.equal(before, torch.get_rng_state())


def test_ranks_share_the_global_batch():
    dataset = _make_dataset()
    sampler = UniformSampler(12, batch=6, seed=1)
    whole = list(iterate_batches(dataset.collect, sampler, start=0, stop=3, seed=4))
    shares = [list(iterate_batches(dataset.collect, sampler, start=0, stop=3, seed=4, rank=r, world=2)) for r in (0, 1)]
    for step, batch in enumerate(whole):
        assert torch.equal(batch.images, torch.cat([share[step].images for share in shares]))
    with pytest.raises(ConfigError, match="multiple of 4"):
        next(iterate_batches(dataset.collect, sampler, start=0, stop=1, seed=0, world=4))


def test_starting_late_equals_the_end_of_a_whole_run():
    dataset = _make_dataset()
    sampler = UniformSampler(12, batch=4, seed=1)
    whole = list(iterate_batches(dataset.collect, sampler, start=0, stop=6, seed=4))
    _assert_equal(whole[4:], list(iterate_batches(dataset.collect, sampler, start=4, stop=6, seed=4)))
    assert list(iterate_batches(dataset.collect, sampler, start=6, stop=6, seed=4, workers=1)) == []


def test_in_order_is_complete_and_not_augmented():
    dataset = replace(_make_dataset("strong"), labels=None)
    batches = list(iterate_in_order(dataset, batch=5))
    assert [len(batch) for batch in batches] == [5, 5, 2]
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(12))
    assert batches[0].labels is None
    assert np.array_equal(batches[2].images[1].permute(1, 2, 0).numpy(), make_pixels(11))


@pytest.mark.parametrize("workers", [0, 2])
def test_error_of_a_worker_arrives_as_its_sentence(workers):
    dataset = _make_dataset(limit_bytes=0)
    broken = make_data(broken=(7,))
    dataset = replace(dataset, cache=replace(dataset.cache, data=broken))
    sampler = UniformSampler(12, batch=6, seed=0)
    with pytest.raises(DataError) as error:
        list(iterate_batches(dataset.collect, sampler, start=0, stop=2, seed=0, workers=workers))
    assert str(error.value) == "cannot read image '0007.png': made so"


def test_augmentation_seeds_are_distinct():
    seeds = {augmentation_seed(s, step, row) for s in range(5) for step in range(20) for row in range(20)}
    assert len(seeds) == 2000
    assert all(0 <= seed < 2**64 for seed in seeds)


def test_labels_need_persons():
    with pytest.raises(DataError, match="without a person id"):
        class_labels(make_data().without_labels())
    data = make_data()
    data = replace(data, samples=tuple(replace(s, person_id=s.person_id * 7, camera_id=None) for s in data.samples))
    labels, ids = class_labels(data)
    assert ids == (0, 7, 14)
    assert labels[:4].tolist() == [0, 1, 2, 0]
    assert camera_indices(data).tolist() == [-1] * 12


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_stay_from_one_call_to_the_next(workers):
    dataset = _make_dataset()
    loader = BatchLoader(dataset.collect, workers=workers)
    first = PKSampler(dataset.labels, dataset.cameras, identities=2, instances=2, seed=1)
    second = UniformSampler(12, batch=6, seed=2)
    processes = []
    for sampler, steps in ((first, (0, 4)), (second, (4, 7)), (first, (7, 9))):
        found = list(loader.batches(sampler, start=steps[0], stop=steps[1], seed=4))
        _assert_equal(found, list(iterate_batches(dataset.collect, sampler, start=steps[0], stop=steps[1], seed=4)))
        processes.append([child.pid for child in multiprocessing.active_children()])
    assert len(processes[0]) == workers
    assert processes[0] == processes[1] == processes[2]
    loader.close()
    assert multiprocessing.active_children() == []


def test_a_round_that_is_left_early_leaves_nothing_behind():
    dataset = _make_dataset()
    sampler = UniformSampler(12, batch=4, seed=1)
    loader = BatchLoader(dataset.collect, workers=1)
    begun = loader.batches(sampler, start=0, stop=9, seed=4)
    next(begun)
    _assert_equal(
        list(loader.batches(sampler, start=5, stop=8, seed=4)),
        list(iterate_batches(dataset.collect, sampler, start=5, stop=8, seed=4)),
    )
    loader.close()


@pytest.mark.cuda
def test_batches_are_pinned_where_the_process_computes_on_cuda():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    torch.zeros(1, device="cuda")
    dataset = _make_dataset()
    batch = next(
        iterate_batches(dataset.collect, UniformSampler(12, batch=4, seed=1), start=0, stop=1, seed=0, workers=1)
    )
    assert all(part.is_pinned() for part in (batch.images, batch.indices, batch.labels, batch.cameras))
