"""Source frames in the colours of target frames."""

import pytest
import torch

from pipeline.detection_types import DetectionBatch
from pipeline.training.detection.style import colour_transfer, restyled


def make_image(seed, height=20, width=30):
    return torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def make_batch(seed, count, size=(20, 30), canvas=(24, 32)):
    images = torch.zeros((count, 3, *canvas), dtype=torch.uint8)
    for i in range(count):
        images[i, :, : size[0], : size[1]] = make_image(seed + i, *size) // 2 + 40
    return DetectionBatch(images, torch.tensor([size] * count), torch.arange(count), None)


def slow_transfer(image, like):
    result = torch.zeros_like(image)
    for c in range(3):
        x, y = image[c].flatten().tolist(), like[c].flatten().tolist()
        mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
        spread_x = (sum((v - mean_x) ** 2 for v in x) / (len(x) - 1)) ** 0.5
        spread_y = (sum((v - mean_y) ** 2 for v in y) / (len(y) - 1)) ** 0.5
        moved = [(v - mean_x) * spread_y / max(spread_x, 1.0) + mean_y for v in x]
        result[c] = torch.tensor([min(max(round(v), 0), 255) for v in moved]).view(image.shape[1:])
    return result


@pytest.mark.parametrize("seed", range(3))
def test_transfer_equals_the_slow_twin(seed):
    image, like = make_image(seed), make_image(seed + 10, 8, 9) // 3 + 100
    found, expected = colour_transfer(image, like).int(), slow_transfer(image, like).int()
    assert (found - expected).abs().max() <= 1


def test_golden_numbers():
    image = torch.tensor([0, 100], dtype=torch.uint8).expand(3, 1, 2)
    like = torch.tensor([100, 150], dtype=torch.uint8).expand(3, 1, 2)
    assert colour_transfer(image, like)[0, 0].tolist() == [100, 150]


def test_colours_come_from_the_target_and_stay_in_range():
    like = make_image(1) // 4 + 150
    moved = colour_transfer(make_image(2) // 2 + 20, like).float()
    torch.testing.assert_close(moved.mean((1, 2)), like.float().mean((1, 2)), atol=1.0, rtol=0)
    flat = torch.full((3, 5, 5), 7, dtype=torch.uint8)
    assert colour_transfer(flat, like).float().std() < 5
    assert torch.equal(colour_transfer(like, like), like)


def test_a_share_of_the_frames_changes_and_padding_stays_black():
    source, target = make_batch(1, 4), make_batch(50, 2, size=(16, 16), canvas=(16, 16))
    changed = restyled(source, target, share=0.5)
    different = [not torch.equal(changed.images[i], source.images[i]) for i in range(4)]
    assert different == [True, True, False, False]
    assert not changed.images[:, :, 20:].any()
    assert not changed.images[:, :, :, 30:].any()
    assert restyled(source, target, share=0.0) is source
