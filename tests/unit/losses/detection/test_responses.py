"""What heads say: classes and boxes of regions, logits and boxes of cells."""

import math

import pytest
import torch
from torch import Tensor

from pipeline.detection_types import DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.bounded import bounded_errors, bounded_regression_loss
from pipeline.losses.detection.matching import box_offsets, inside_frame, matched_offsets
from pipeline.losses.detection.region_response import RegionResponse
from pipeline.losses.detection.soft_cross_entropy import soft_cross_entropy_loss
from tests.references import detection_losses as twins
from tests.unit.losses.detection.make_views import (
    BOXES,
    ROIS,
    make_batch,
    make_maps,
    make_shapes,
    make_taps,
    make_targets,
)

KIND = "faster_rcnn"


def rows(count: int, width: int, *, seed: int) -> Tensor:
    return make_maps(count, width, seed=seed, dtype=torch.float64)


def test_soft_cross_entropy_golden_value() -> None:
    teacher = torch.tensor([[0.2, 0.8]], dtype=torch.float64).log()
    value = soft_cross_entropy_loss(torch.zeros(1, 2, dtype=torch.float64), teacher, class_weights=(1.5, 1.0))
    assert value.item() == pytest.approx(1.1 * math.log(2))
    assert value.item() == pytest.approx(0.762462, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_cross_entropy_equals_its_loop_twin(temperature: float) -> None:
    student, teacher = rows(5, 2, seed=1), rows(5, 2, seed=2)
    expected = twins.soft_cross_entropy(student.tolist(), teacher.tolist(), (1.5, 1.0), temperature)
    value = soft_cross_entropy_loss(student, teacher, class_weights=(1.5, 1.0), temperature=temperature)
    assert value.item() == pytest.approx(expected)


def test_equal_class_weights_make_the_teacher_the_minimum() -> None:
    teacher = rows(5, 2, seed=2)
    student = teacher.clone().requires_grad_()
    soft_cross_entropy_loss(student, teacher, class_weights=(1.0, 1.0)).backward()
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-12


@pytest.mark.parametrize(("student", "expected"), [(1.0, 1.0), (0.3, 0.09), (0.2, 0.0)])
def test_bounded_golden_values(student: float, expected: float) -> None:
    ours, theirs = torch.tensor([[student]]), torch.tensor([[0.5]])
    found = bounded_errors(ours, theirs, torch.zeros(1, 1), margin=0.2)
    assert found.item() == pytest.approx(expected)


def test_bounded_regression_equals_its_loop_twin() -> None:
    student, teacher, truth = (rows(40, 4, seed=seed) for seed in (1, 2, 3))
    weights = torch.rand(40, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    lists = student.tolist(), teacher.tolist(), truth.tolist(), weights.tolist()
    value = bounded_regression_loss(student, teacher, truth, weights=weights, margin=0.5)
    assert value.item() == pytest.approx(twins.bounded(*lists, 0.5))


def test_a_student_better_than_the_teacher_by_the_margin_is_left_alone() -> None:
    truth = rows(6, 4, seed=1)
    student = (truth + 0.1).requires_grad_()
    bounded_regression_loss(student, truth + 1.0, truth, weights=torch.ones(6), margin=0.2).backward()
    assert student.grad is not None
    assert not student.grad.any()
    alone = bounded_regression_loss(student, truth + 0.2, truth, weights=torch.ones(6), margin=0.2)
    assert alone.item() == pytest.approx(0.04)


def test_offsets_equal_their_loop_twin_and_are_zero_on_the_person() -> None:
    regions, boxes = torch.tensor(ROIS[0]), torch.tensor(BOXES[0])
    expected = [twins.offsets(r, b) for r, b in zip(regions.tolist(), boxes.tolist(), strict=True)]
    torch.testing.assert_close(box_offsets(regions, boxes), torch.tensor(expected), rtol=1e-5, atol=1e-5)
    assert not box_offsets(boxes, boxes).any()


def test_regions_are_matched_to_the_person_that_they_overlap_most() -> None:
    targets = make_targets([[0.0, 0.0, 10.0, 20.0], [2.0, 0.0, 12.0, 20.0]], [0.5, 0.75])
    regions = torch.tensor(
        [[2.0, 0.0, 12.0, 20.0], [0.0, 0.0, 10.0, 19.0], [50.0, 50.0, 60.0, 70.0], [3.0, 3.0, 3.0, 3.0]]
    )
    offsets, weights = matched_offsets(regions, targets)
    assert weights.tolist() == [0.75, 0.5, 0.0, 0.0]
    assert offsets[0].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert offsets[1, 3].item() == pytest.approx(5 * math.log(20 / 19))
    assert not offsets[2:].any()
    for empty in (matched_offsets(regions, make_targets([])), matched_offsets(regions[:0], targets)):
        assert not empty[0].any()
        assert not empty[1].any()


def test_people_are_cut_off_at_the_border_before_they_are_matched() -> None:
    found = inside_frame(make_targets([[-9.0, 3.0, 12.0, 99.0], [70.0, 5.0, 80.0, 30.0]]), torch.tensor([48, 64]))
    assert found.boxes.tolist() == [[0.0, 3.0, 12.0, 48.0], [64.0, 5.0, 64.0, 30.0]]
    # One that lies wholly outside has no area left, so no region is about it.
    _, weights = matched_offsets(torch.tensor([[64.0, 5.0, 64.0, 30.0], [0.0, 3.0, 12.0, 48.0]]), found)
    assert weights.tolist() == [0.0, 1.0]


def test_region_response_is_the_sum_of_its_terms() -> None:
    student, teacher = make_taps(seed=1, kind=KIND), make_taps(seed=2, kind=KIND)
    value = RegionResponse(**make_shapes(kind=KIND))(student, teacher, make_batch())
    assert student.region_logits is not None
    assert teacher.region_logits is not None
    assert student.region_deltas is not None
    assert teacher.region_deltas is not None
    soft = twins.soft_cross_entropy(student.region_logits.tolist(), teacher.region_logits.tolist(), (1.5, 1.0), 1.0)
    # The second region of the first frame is background.
    truth = [twins.offsets(ROIS[0][0], BOXES[0][0]), [0.0] * 4, twins.offsets(ROIS[1][0], BOXES[1][0])]
    deltas = student.region_deltas.tolist(), teacher.region_deltas.tolist()
    expected = soft + 0.5 * twins.bounded(*deltas, truth, [1.0, 0.0, 1.0], 0.2)
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_frames_without_annotations_follow_the_teacher_s_boxes() -> None:
    objective = RegionResponse(boxes="teacher", **make_shapes(kind=KIND))
    assert not objective.needs_targets
    assert RegionResponse(**make_shapes(kind=KIND)).needs_targets
    student, teacher, batch = make_taps(seed=1, kind=KIND), make_taps(seed=2, kind=KIND), make_batch(boxes=None)
    same = DetectorTaps(
        pyramid=student.pyramid, region_logits=student.region_logits, region_deltas=teacher.region_deltas
    )
    classes = RegionResponse(boxes="none", **make_shapes(kind=KIND))(student, teacher, batch)
    torch.testing.assert_close(objective(same, teacher, batch), classes)
    assert objective(student, teacher, batch) > classes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temperature": 0.0}, "temperature of region_response is 0"),
        ({"margin": -0.1}, "margin of region_response is -0.1"),
        ({"background_weight": -1.0}, "background_weight of region_response is -1"),
        ({"boxes": "l1"}, "boxes of region_response is 'l1'; expected bounded, teacher or none"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RegionResponse(**given, **make_shapes(kind=KIND))  # type: ignore[arg-type]
