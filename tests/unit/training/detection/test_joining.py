"""Frames of two domains in one forward are what they were apart."""

import torch

from pipeline.detection_types import BoxTargets, DetectionBatch, DetectorTaps
from pipeline.training.detection.joining import joined, padded_alike, parted


def make_batch(count, height, width, *, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(1, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)
    targets = tuple(BoxTargets(torch.full((i, 4), float(seed)), torch.ones(i), torch.zeros(0, 4)) for i in range(count))
    return DetectionBatch(images, torch.tensor([[height, width]] * count), torch.arange(count), targets)


def test_padding_leaves_the_frame_where_it_was():
    first, second = padded_alike([make_batch(2, 8, 12, seed=1), make_batch(1, 10, 6, seed=2)])
    assert first.images.shape == (2, 3, 10, 12)
    assert second.images.shape == (1, 3, 10, 12)
    assert torch.equal(first.images[:, :, :8], make_batch(2, 8, 12, seed=1).images)
    assert not first.images[:, :, 8:].any()
    assert not second.images[:, :, :, 6:].any()
    assert second.sizes.tolist() == [[10, 6]]


def test_what_is_joined_can_be_parted():
    batches = [make_batch(2, 8, 8, seed=1), make_batch(3, 8, 8, seed=2)]
    whole = joined(batches)
    assert len(whole) == 5
    assert [len(t.boxes) for t in whole.targets] == [0, 1, 0, 1, 2]
    rois = tuple(torch.full((i + 1, 4), float(i)) for i in range(5))
    rows = torch.cat([boxes[:, :1] for boxes in rois])
    maps = {8: torch.arange(5.0)[:, None, None, None].expand(5, 1, 1, 1)}
    parts = parted(DetectorTaps(pyramid=maps, rois=rois, penultimate=rows), [2, 3])
    assert [part.pyramid[8].flatten().tolist() for part in parts] == [[0, 1], [2, 3, 4]]
    assert [part.penultimate.flatten().tolist() for part in parts] == [[0, 1, 1], [2] * 3 + [3] * 4 + [4] * 5]
    assert [len(part.rois) for part in parts] == [2, 3]
    assert all(part.regions is None and part.towers == {} for part in parts)


def test_batches_without_targets_and_without_regions():
    plain = [DetectionBatch(b.images, b.sizes, b.indices, None) for b in [make_batch(1, 4, 4, seed=3)] * 2]
    assert joined(plain).targets is None
    parts = parted(DetectorTaps(pyramid={8: torch.zeros(2, 1, 1, 1)}), [1, 1])
    assert [part.rois for part in parts] == [(), ()]
