"""Where nothing moves, a teacher sees nobody."""

import pytest
import torch

from pipeline.detection_types import DetectorTaps
from pipeline.training.detection.still_cells import NOBODY, still_cells, without_furniture


def loop_still(foreground, grid, stride):
    found = torch.ones(len(foreground), *grid, dtype=torch.bool)
    for b in range(len(foreground)):
        for row in range(grid[0]):
            for column in range(grid[1]):
                for y in range((row - 1) * stride, (row + 2) * stride):
                    for x in range((column - 1) * stride, (column + 2) * stride):
                        if 0 <= y < grid[0] * stride and 0 <= x < grid[1] * stride:
                            inside = y < foreground.shape[1] and x < foreground.shape[2]
                            if not inside or foreground[b, y, x] != 0:
                                found[b, row, column] = False
    return found


@pytest.mark.parametrize(("size", "grid"), [((16, 24), (4, 6)), ((15, 22), (4, 6)), ((17, 25), (4, 6))])
def test_cells_equal_their_loop_twin(size, grid):
    draw = torch.Generator().manual_seed(1)
    foreground = (torch.rand((2, *size), generator=draw) < 0.01).to(torch.uint8)
    foreground[1, :3] = 2
    still = still_cells(foreground, grid, 4)
    assert torch.equal(still, loop_still(foreground, grid, 4))
    assert 0 < still.float().mean() < 1


def test_golden_answer():
    foreground = torch.zeros((1, 8, 40), dtype=torch.uint8)
    foreground[0, 4, 17] = 1  # in the third of five cells: its neighbours may hold a part of that person
    logits = torch.tensor([2.0, 2.0, 2.0, 2.0, -9.0]).reshape(1, 1, 1, 5)
    answer = DetectorTaps(pyramid={}, dense_logits={8: logits}, dense_boxes={8: torch.ones(1, 4, 1, 5)})
    quiet = without_furniture(answer, foreground)
    assert quiet.dense_logits[8].flatten().tolist() == pytest.approx([NOBODY, 2, 2, 2, -9])
    assert torch.equal(quiet.dense_boxes[8], answer.dense_boxes[8])
    assert torch.sigmoid(torch.tensor(NOBODY)).item() == pytest.approx(0.01, abs=1e-4)


def test_unknown_backgrounds_and_answers_without_cells_stay():
    answer = DetectorTaps(pyramid={}, dense_logits={8: torch.randn(1, 1, 2, 2)})
    unknown = torch.full((1, 16, 16), 2, dtype=torch.uint8)
    assert torch.equal(without_furniture(answer, unknown).dense_logits[8], answer.dense_logits[8])
    assert without_furniture(DetectorTaps(pyramid={}), unknown).dense_logits == {}
