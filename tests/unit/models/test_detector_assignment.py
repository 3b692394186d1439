import pytest
import torch

from pipeline.detection_types import BoxTargets
from pipeline.models.detection.anchors import pedestrian_anchors
from pipeline.models.detection.assignment import (
    BACKGROUND,
    IGNORED,
    assign_cells,
    gather_targets,
    match_boxes,
    spare_covered,
)
from pipeline.models.detection.boxes import clip_boxes, is_covered, visible_targets
from pipeline.models.detection.cells import place_anchors
from tests.references import detector_assignment as slow

GRIDS = {4: (24, 32), 8: (12, 16), 16: (6, 8)}
NONE = torch.zeros(0, 4)


def make_target(boxes: list[list[float]] | torch.Tensor, ignored: list[list[float]] | None = None) -> BoxTargets:
    boxes = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    return BoxTargets(boxes, torch.ones(len(boxes)), torch.tensor(ignored or [], dtype=torch.float32).reshape(-1, 4))


def make_people(count: int, *, seed: int, size: tuple[int, int] = (90, 120)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand(count, 4, generator=generator)
    heights = 6 * 16 ** draws[:, 0]
    sides = torch.stack([0.41 * heights * (0.7 + draws[:, 1]), heights], dim=1)
    centres = draws[:, 2:] * torch.tensor([size[1], size[0]])
    return clip_boxes(torch.cat([centres - sides / 2, centres + sides / 2], dim=1), torch.tensor(size))


def test_cells_of_a_toy_grid() -> None:
    # A person of 12 x 20 pixels around (16, 20); cells of 8 pixels with their centres at 4, 12, 20, 28.
    target = make_target([[10.0, 10.0, 22.0, 30.0]], ignored=[[24.0, 0.0, 32.0, 4.0]])
    owner = assign_cells(target, torch.tensor([32, 24]), {8: (4, 4)}, radius=1.5).view(4, 4)
    assert owner.tolist() == [
        [BACKGROUND, BACKGROUND, BACKGROUND, IGNORED],
        [BACKGROUND, 0, 0, IGNORED],
        [BACKGROUND, 0, 0, IGNORED],
        [BACKGROUND, 0, 0, IGNORED],
    ]


def test_a_smaller_radius_keeps_the_cell_of_the_centre() -> None:
    target = make_target([[10.0, 10.0, 22.0, 30.0]])
    owner = assign_cells(target, torch.tensor([32, 32]), {8: (4, 4)}, radius=0.1)
    assert owner.nonzero().flatten().tolist() != []
    assert (owner == 0).nonzero().flatten().tolist() == [2 * 4 + 2]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("radius", "factor"), [(0.6, 8.0), (1.5, 4.0), (1.5, 16.0), (2.5, 8.0)])
def test_cells_equal_the_slow_twin(seed: int, radius: float, factor: float) -> None:
    size = (90, 120)
    boxes = make_people(12, seed=seed)
    ignored = make_people(3, seed=100 + seed).tolist()
    target = visible_targets(make_target(boxes, ignored), torch.tensor(size))
    expected = slow.owners(target.boxes.tolist(), ignored, size, GRIDS, radius, factor)
    assert assign_cells(target, torch.tensor(size), GRIDS, radius=radius, factor=factor).tolist() == expected


def test_nobody_is_too_narrow_for_a_cell() -> None:
    boxes = [[float(x), 40.0, x + 1.0, 43.0] for x in range(0, 120, 10)]
    owner = assign_cells(make_target(boxes), torch.tensor([96, 128]), GRIDS, radius=1.5)
    assert sorted(set(owner.tolist()) - {BACKGROUND, IGNORED}) == list(range(12))


def test_a_person_at_the_far_border_has_a_cell() -> None:
    size = torch.tensor([90, 120])
    for boxes in ([[119.0, 89.0, 130.0, 120.0]], [[118.9, 20.0, 140.0, 60.0]]):
        owner = assign_cells(visible_targets(make_target(boxes), size), size, GRIDS, radius=1.5)
        assert (owner == 0).any()


def test_a_person_goes_before_an_ignored_region() -> None:
    target = make_target([[40.0, 20.0, 52.0, 50.0]], ignored=[[0.0, 0.0, 128.0, 96.0]])
    owner = assign_cells(target, torch.tensor([96, 128]), GRIDS, radius=1.5)
    assert set(owner.tolist()) == {0, IGNORED}
    anchors = torch.tensor([[40.0, 20.0, 52.0, 50.0], [80.0, 20.0, 92.0, 50.0]])
    found = match_boxes(target, anchors, high=0.5, low=0.3, keep_best=True)
    assert spare_covered(found, anchors, target.ignored).tolist() == [0, IGNORED]


def test_the_smaller_of_two_people_takes_a_shared_cell() -> None:
    target = make_target([[16.0, 8.0, 32.0, 48.0], [20.0, 16.0, 30.0, 40.0]])
    owner = assign_cells(target, torch.tensor([64, 64]), {8: (8, 8)}, radius=1.5).view(8, 8)
    assert owner[3, 3] == 1
    assert owner[2, 2] == 0


def test_no_people_and_no_regions_leave_background_and_padding() -> None:
    owner = assign_cells(make_target([]), torch.tensor([1, 1]), GRIDS, radius=1.5)
    assert (owner == BACKGROUND).sum() == len(GRIDS)
    assert (owner == IGNORED).sum() == len(owner) - len(GRIDS)


def test_anchors_have_the_height_of_their_scale_and_the_width_of_a_person() -> None:
    anchors = pedestrian_anchors(8, [4.0, 5.0])
    torch.testing.assert_close(anchors, torch.tensor([[-6.56, -16.0, 6.56, 16.0], [-8.2, -20.0, 8.2, 20.0]]))
    sides = anchors[:, 2:] - anchors[:, :2]
    torch.testing.assert_close(sides[:, 1] / sides[:, 0], torch.full((2,), 1 / 0.41))


def test_placed_anchors_equal_the_slow_twin() -> None:
    placed = place_anchors(pedestrian_anchors(8, [4.0, 5.66], aspect=0.5), (3, 5), 8)
    torch.testing.assert_close(placed, torch.tensor(slow.anchors((3, 5), 8, [4.0, 5.66], 0.5)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("high", "low", "keep_best"), [(0.5, 0.3, True), (0.5, 0.5, False), (0.7, 0.3, True)])
def test_matches_equal_the_slow_twin(seed: int, high: float, low: float, keep_best: bool) -> None:
    anchors = place_anchors(pedestrian_anchors(8, [3.0, 5.0]), (12, 16), 8).double()
    people, ignored = make_people(7, seed=seed).double(), make_people(3, seed=50 + seed).double()
    target = BoxTargets(people, torch.ones(7), ignored)
    found = match_boxes(target, anchors, high=high, low=low, keep_best=keep_best)
    found = spare_covered(found, anchors, ignored)
    expected = slow.matches(people.tolist(), anchors.tolist(), ignored.tolist(), high, low, keep_best)
    assert found.tolist() == expected


def test_a_person_whom_no_box_touches_matches_none() -> None:
    anchors = torch.tensor([[0.0, 0.0, 4.0, 10.0], [8.0, 0.0, 12.0, 10.0]])
    found = match_boxes(make_target([[50.0, 50.0, 60.0, 70.0]]), anchors, high=0.5, low=0.3, keep_best=True)
    assert found.tolist() == [BACKGROUND, BACKGROUND]


@pytest.mark.parametrize("seed", range(3))
def test_cover_equals_the_slow_twin_in_portions_of_any_size(seed: int) -> None:
    boxes, regions = make_people(30, seed=seed), make_people(600, seed=9 + seed, size=(900, 1200))
    expected = [slow.covered(box, regions.tolist()) for box in boxes.tolist()]
    assert is_covered(boxes, regions).tolist() == expected
    assert not is_covered(torch.tensor([[5.0, 5.0, 5.0, 9.0]]), torch.tensor([[0.0, 0.0, 9.0, 9.0]])).any()
    assert not is_covered(boxes, NONE).any()


def test_half_an_area_is_enough_to_be_covered() -> None:
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    assert is_covered(boxes, torch.tensor([[0.0, 0.0, 5.0, 10.0]])).item()
    assert not is_covered(boxes, torch.tensor([[0.0, 0.0, 4.99, 10.0]])).item()
    # Two regions of a quarter each do not add up.
    assert not is_covered(boxes, torch.tensor([[0.0, 0.0, 2.5, 10.0], [5.0, 0.0, 7.5, 10.0]])).item()


def test_only_what_lies_on_the_frame_is_learnt() -> None:
    boxes = [[-10.0, 5.0, 20.0, 60.0], [200.0, 5.0, 220.0, 60.0], [5.0, 5.0, 5.0, 60.0], [9.0, 9.0, 2.0, 2.0]]
    target = make_target([*boxes, [float("nan"), 0.0, 5.0, 5.0]])
    target = BoxTargets(target.boxes, torch.tensor([0.5, 1, 1, 1, 1]), torch.tensor([[-5.0, 90.0, 500.0, 500.0]]))
    visible = visible_targets(target, torch.tensor([100, 120]))
    assert visible.boxes.tolist() == [[0.0, 5.0, 20.0, 60.0]]
    assert visible.weights.tolist() == [0.5]
    assert visible.ignored.tolist() == [[0.0, 90.0, 120.0, 100.0]]


def test_targets_are_gathered_with_their_weights() -> None:
    target = BoxTargets(torch.tensor([[0.0, 0, 5, 9], [1, 1, 3, 7]]), torch.tensor([0.3, 0.7]), NONE)
    boxes, weights = gather_targets(target, torch.tensor([1, BACKGROUND, 0, IGNORED]))
    assert boxes.tolist() == [[1, 1, 3, 7], [0, 0, 0, 0], [0, 0, 5, 9], [0, 0, 0, 0]]
    torch.testing.assert_close(weights, torch.tensor([0.7, 0.0, 0.3, 0.0]))
    empty, _ = gather_targets(make_target([]), torch.tensor([BACKGROUND]))
    assert empty.tolist() == [[0, 0, 0, 0]]
