import pytest
import torch

from pipeline.losses.detection.masks import box_cells, foreground_cells, masked_softmax, valid_cells
from tests.references import detection_losses as twins

WILD = [[-50.0, -60.0, 900.0, 800.0], [5.0, 5.0, 5.0, 9.0], [700.0, 700.0, 800.0, 900.0], [9.0, 3.0, 2.0, 8.0]]


def test_a_cell_counts_as_soon_as_it_sees_a_pixel_of_the_frame() -> None:
    valid = valid_cells(torch.tensor([[1, 1], [17, 8], [0, 40]]), 8, (3, 4))
    assert valid[0].nonzero().tolist() == [[0, 0]]
    assert valid[1].nonzero().tolist() == [[0, 0], [1, 0], [2, 0]]
    assert not valid[2].any()


@pytest.mark.parametrize("stride", [4, 8, 32])
def test_valid_cells_equal_their_loop_twin(stride: int) -> None:
    sizes = [[1, 1], [31, 64], [200, 33], [0, 5]]
    grid = (7, 9)
    assert valid_cells(torch.tensor(sizes), stride, grid).tolist() == twins.valid_cells(sizes, stride, grid)


def test_a_box_covers_the_cells_from_floor_to_ceiling_both_in() -> None:
    rows, columns, cells = box_cells(torch.tensor([[0.2, 0.2, 1.6, 1.6]]), 1, (4, 5))
    assert rows.tolist() == [[True, True, True, False]]
    assert columns.tolist() == [[True, True, True, False, False]]
    assert cells.tolist() == [9.0]


def test_foreground_equals_its_loop_twin_with_wild_boxes_and_none() -> None:
    boxes = [[[4.0, 2.0, 20.0, 40.0], [30.0, 5.0, 40.0, 30.0]], [], WILD, WILD[1:]]
    tensors = [torch.tensor(mine).reshape(-1, 4) for mine in boxes]
    found = foreground_cells(tensors, 8, (6, 8))
    assert found.tolist() == twins.foreground(boxes, 8, (6, 8))
    assert not found[1].any()
    assert found[2].all()
    assert not found[3].any()


def test_many_boxes_are_marked() -> None:
    corner = 100 * torch.rand(2000, 2, generator=torch.Generator().manual_seed(1))
    boxes = torch.cat([corner, corner + 4], dim=1)
    assert foreground_cells([boxes], 8, (16, 16)).tolist() == twins.foreground([boxes.tolist()], 8, (16, 16))


def test_masked_softmax_is_zero_outside_and_in_empty_rows() -> None:
    logits = torch.tensor([[1.0, 2.0, 900.0], [0.0, 0.0, 0.0]], requires_grad=True)
    found = masked_softmax(logits, torch.tensor([[True, True, False], [False, False, False]]))
    torch.testing.assert_close(found[0], torch.tensor([0.268941, 0.731059, 0.0]), atol=1e-6, rtol=0)
    assert found[1].tolist() == [0.0, 0.0, 0.0]
    found.square().sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
