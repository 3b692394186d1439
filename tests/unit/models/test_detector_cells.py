import math

import pytest
import torch

from pipeline.detection_types import DetectorShape
from pipeline.errors import ConfigError
from pipeline.models.detection.anchors import pedestrian_anchors
from pipeline.models.detection.cells import (
    cell_centres,
    cells_on_frame,
    decode_dense,
    flatten_boxes,
    flatten_cells,
)

FCOS_SHAPE = DetectorShape("fcos", (8, 16), 4, 3, 4)
RCNN_SHAPE = DetectorShape("faster_rcnn", (8, 16), 4, 3, 4)


def test_centres_run_row_by_row() -> None:
    assert cell_centres((2, 3), 8).tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]


def test_a_cell_is_on_the_frame_when_it_overlaps_it() -> None:
    on_frame = cells_on_frame((2, 3), 8, torch.tensor([8, 17]))
    assert on_frame.tolist() == [True, True, True, False, False, False]
    assert cells_on_frame((2, 3), 8, torch.tensor([1, 1])).tolist() == [True, *[False] * 5]


def test_distances_are_in_strides_from_the_centre() -> None:
    dense = torch.zeros(1, 4, 2, 3)
    dense[0, :, 1, 2] = torch.tensor([0.5, 1.0, 1.5, 2.0])
    boxes = decode_dense(FCOS_SHAPE, {8: dense})[8]
    assert boxes.shape == (1, 1, 2, 3, 4)
    assert boxes[0, 0, 1, 2].tolist() == [16.0, 4.0, 32.0, 28.0]
    assert boxes[0, 0, 0, 0].tolist() == [4.0, 4.0, 4.0, 4.0]


def test_offsets_move_and_scale_anchors() -> None:
    anchors = pedestrian_anchors(16, [2.0, 4.0], aspect=0.5)
    dense = torch.zeros(1, 8, 2, 2)
    # Second anchor (32 x 64) of the cell at (24, 8): a quarter of its width to the right, twice as high.
    dense[0, 4:, 0, 1] = torch.tensor([0.25, 0.0, 0.0, math.log(2.0)])
    boxes = decode_dense(RCNN_SHAPE, {16: dense}, cell_anchors={16: anchors})[16]
    assert boxes.shape == (1, 2, 2, 2, 4)
    torch.testing.assert_close(boxes[0, 1, 0, 1], torch.tensor([16.0, -56.0, 48.0, 72.0]))
    torch.testing.assert_close(boxes[0, 0, 1, 0], torch.tensor([0.0, 8.0, 16.0, 40.0]))


def test_boxes_and_logits_are_laid_out_in_the_same_order() -> None:
    # Each logit and each box carries 1000 * image + 100 * anchor + 10 * row + column.
    def number(channels: int) -> dict[int, torch.Tensor]:
        image, anchor = torch.arange(2).view(2, 1, 1, 1, 1) * 1000.0, torch.arange(2).view(1, 2, 1, 1, 1) * 100.0
        cell = torch.arange(3).view(1, 1, 1, 3, 1) * 10.0 + torch.arange(4).view(1, 1, 1, 1, 4)
        return {8: (image + anchor + cell).expand(2, 2, channels, 3, 4).flatten(1, 2)}

    flat = flatten_cells(number(1), channels=1)
    four = flatten_cells(number(4), channels=4)
    assert flat.shape == (2, 24, 1)
    assert torch.equal(four, flat.expand(-1, -1, 4))
    assert flat[0, :4, 0].tolist() == [0, 100, 1, 101]
    boxes = number(4)[8].unflatten(1, (2, 4)).permute(0, 1, 3, 4, 2)
    assert torch.equal(flatten_boxes({8: boxes}), four)


@pytest.mark.parametrize(("scales", "aspect"), [([], 0.41), ([4.0, 0.0], 0.41), ([4.0], -1.0)])
def test_impossible_anchors_are_refused(scales: list[float], aspect: float) -> None:
    with pytest.raises(ConfigError, match="anchor_"):
        pedestrian_anchors(8, scales, aspect=aspect)
