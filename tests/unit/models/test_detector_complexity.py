import torch

from pipeline.models.complexity import count_parameters
from pipeline.models.detection.complexity import count_detector_macs
from pipeline.models.detection.postprocess import strongest, to_detections
from tests.unit.models.make_detectors import make_detector


def macs_of_fcos_head(cells: int, *, width_in: int, width: int, depth: int) -> int:
    towers = 2 * (width_in + (depth - 1) * width) * width * 9
    return cells * (towers + 6 * width * 9)


def test_macs_of_the_one_stage_head_by_hand() -> None:
    thin, wide = make_detector("fcos", head_width=8), make_detector("fcos", head_width=16)
    cells = 8 * 12 + 4 * 6 + 2 * 3
    found = count_detector_macs(wide, (64, 96)) - count_detector_macs(thin, (64, 96))
    expected = [macs_of_fcos_head(cells, width_in=12, width=width, depth=2) for width in (16, 8)]
    assert found == expected[0] - expected[1]


def test_each_region_of_the_second_stage_costs_its_layers() -> None:
    detector = make_detector("faster_rcnn")
    few, many = (count_detector_macs(detector, (64, 96), regions=count) for count in (10, 30))
    assert many - few == 20 * (12 * 9 * 10 + 10 * 10 + 10 * 2 + 10 * 4)


def test_counting_leaves_the_mode_and_counts_whole_cells() -> None:
    detector = make_detector("fcos").train()
    assert count_detector_macs(detector, (64, 96)) == count_detector_macs(detector, (33, 65))
    assert detector.training
    assert all(module.training for module in detector.modules())


def test_every_parameter_of_a_detector_counts() -> None:
    for kind in ("fcos", "faster_rcnn"):
        detector = make_detector(kind)
        assert count_parameters(detector) == sum(p.numel() for p in detector.parameters())


def test_detections_are_thresholded_inclusively_clipped_and_suppressed() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 20], [0, 0, 10, 19], [50, 0, 60, 90], [70, 0, 80, 20], [90, 0, 120, 20]])
    scores = torch.tensor([0.5, 0.9, 0.5, 0.49, 0.6])
    found = to_detections(
        boxes, scores, torch.tensor([40, 100]), score_threshold=0.5, nms_threshold=0.5, max_detections=9
    )
    assert found.boxes.tolist() == [[0, 0, 10, 19], [90, 0, 100, 20], [50, 0, 60, 40]]
    assert [round(float(score), 2) for score in found.scores] == [0.9, 0.6, 0.5]


def test_boxes_without_area_or_number_are_no_detections() -> None:
    boxes = torch.tensor([[5.0, 5, 5, 9], [200, 0, 210, 9], [float("nan"), 0, 3, 3], [0, 0, 4, 9]])
    found = to_detections(
        boxes, torch.ones(4), torch.tensor([40, 100]), score_threshold=0.0, nms_threshold=0.5, max_detections=9
    )
    assert found.boxes.tolist() == [[0, 0, 4, 9]]
    empty = to_detections(
        boxes[:0], torch.ones(0), torch.tensor([4, 9]), score_threshold=0.0, nms_threshold=0.5, max_detections=9
    )
    assert empty.boxes.shape == (0, 4)


def test_thousands_of_boxes_are_cut_to_the_strongest() -> None:
    corners = torch.rand(20000, 2) * 1000
    boxes = torch.cat([corners, corners + 10], dim=1)
    found = to_detections(
        boxes, torch.rand(20000), torch.tensor([1100, 1100]), score_threshold=0.1, nms_threshold=0.5, max_detections=50
    )
    assert len(found) == 50
    assert strongest(torch.tensor([0.5, 0.7, 0.5]), 3).tolist() == [1, 0, 2]
