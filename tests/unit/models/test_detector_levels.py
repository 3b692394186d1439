import pytest
import torch

from pipeline.models.detection.levels import assign_levels, pool_regions
from tests.references import detector_assignment as slow

STRIDES = (4, 8, 16, 32)


def make_boxes(count: int, *, seed: int = 0, side: float = 300.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=generator) * side
    return torch.cat([corners, corners + torch.rand(count, 2, generator=generator) * side], dim=1)


def make_person(height: float) -> list[float]:
    return [10.0, 10.0, 10.0 + 0.41 * height, 10.0 + height]


@pytest.mark.parametrize(
    ("height", "stride"), [(1, 4), (63, 4), (65, 8), (127, 8), (129, 16), (255, 16), (257, 32), (999, 32)]
)
def test_people_go_to_the_finest_level_of_which_they_span_at_most_sixteen_strides(height: float, stride: int) -> None:
    assert STRIDES[int(assign_levels(torch.tensor([make_person(height)]), STRIDES))] == stride


def test_the_bound_itself_belongs_to_the_finer_level() -> None:
    # The factor that makes the bound of stride 8 exactly the height of this box, rounding included.
    square = torch.tensor([[0.0, 0.0, 16.0, 16.0]])
    factor = float((square[:, 2:].prod(dim=1) / 0.41).sqrt()) / 8
    assert assign_levels(square, (8, 16), factor=factor).item() == 0
    assert assign_levels(square * 1.001, (8, 16), factor=factor).item() == 1


@pytest.mark.parametrize("factor", [4.0, 8.0, 20.0])
def test_levels_equal_the_slow_twin(factor: float) -> None:
    boxes = make_boxes(200)
    expected = [slow.level(box, STRIDES, factor) for box in boxes.tolist()]
    assert assign_levels(boxes, STRIDES, factor=factor).tolist() == expected


def test_inverted_and_empty_boxes_go_to_the_finest_level() -> None:
    boxes = torch.tensor([[5.0, 5.0, 5.0, 5.0], [9.0, 9.0, 2.0, 2.0]])
    assert assign_levels(boxes, STRIDES).tolist() == [0, 0]
    assert assign_levels(boxes[:0], STRIDES).shape == (0,)


def make_maps(*, batch: int = 2) -> dict[int, torch.Tensor]:
    # Each map holds 1000 * stride + 100 * image, so that a pooled value tells where it came from.
    images = torch.arange(batch).view(-1, 1, 1, 1) * 100.0
    return {stride: (images + 1000.0 * stride).expand(-1, 3, 128 // stride, 128 // stride) for stride in (4, 8, 16)}


def test_regions_come_from_the_level_and_image_of_their_box_in_the_given_order() -> None:
    rois = (
        torch.tensor([make_person(100.0), make_person(20.0)]),
        torch.tensor([make_person(70.0), [10.0, 10.0, 110.0, 120.0], make_person(10.0)]),
    )
    pooled = pool_regions(make_maps(), rois, size=3)
    assert pooled.shape == (5, 3, 3, 3)
    expected = torch.tensor([8000.0, 4000.0, 8100.0, 16100.0, 4100.0])
    torch.testing.assert_close(pooled, expected.view(-1, 1, 1, 1).expand(5, 3, 3, 3))


def test_a_region_of_a_ramp_holds_the_positions_of_its_cells() -> None:
    columns = (torch.arange(16) + 0.5) * 8
    ramp = {8: columns.expand(1, 1, 16, 16)}
    pooled = pool_regions(ramp, (torch.tensor([[20.0, 20.0, 44.0, 84.0]]),), size=2)
    torch.testing.assert_close(pooled[0, 0], torch.tensor([[26.0, 38.0], [26.0, 38.0]]))


def test_no_boxes_give_no_regions_and_a_backward_pass() -> None:
    maps = {stride: level.clone().requires_grad_() for stride, level in make_maps().items()}
    pooled = pool_regions(maps, (torch.zeros(0, 4), torch.zeros(0, 4)), size=3)
    assert pooled.shape == (0, 3, 3, 3)
    pooled.sum().backward()


def test_boxes_without_area_or_outside_are_pooled_without_nan() -> None:
    rois = (torch.tensor([[5.0, 5, 5, 5], [500, 500, 600, 600], [-90, -90, -10, -10]]), torch.zeros(0, 4))
    maps = {stride: level.clone().requires_grad_() for stride, level in make_maps().items()}
    pooled = pool_regions(maps, rois, size=3)
    assert torch.isfinite(pooled).all()
    pooled.sum().backward()
    assert all(torch.isfinite(level.grad).all() for level in maps.values())  # type: ignore[arg-type]
