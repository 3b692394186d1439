"""What every cell says: logits and boxes of dense heads."""

import pytest
import torch

from pipeline.detection_types import DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.dense_response import DenseResponse, confident_scores, giou_loss, score_loss
from pipeline.losses.detection.dense_rows import box_rows, from_distances, from_offsets, logit_rows
from tests.references import detection_losses as twins
from tests.unit.losses.detection.make_views import (
    make_batch,
    make_maps,
    make_positive,
    make_shape,
    make_shapes,
    make_taps,
)


def test_rows_keep_anchors_and_their_four_numbers_together() -> None:
    logits = torch.arange(2 * 2 * 2 * 3.0).reshape(2, 2, 2, 3)
    boxes = torch.stack([logits, 100 + logits, 200 + logits, 300 + logits], dim=2).flatten(1, 2)
    valid = torch.tensor([[[True, False, True], [False, False, False]], [[False] * 3, [False, False, True]]])
    found = logit_rows(logits, valid)
    assert found.tolist() == [0.0, 6.0, 2.0, 8.0, 17.0, 23.0]
    assert box_rows(boxes, valid).tolist() == [[v, 100 + v, 200 + v, 300 + v] for v in found.tolist()]


def test_distances_and_offsets_become_boxes() -> None:
    assert from_distances(torch.tensor([[1.0, 2.0, 3.0, 4.0]])).tolist() == [[-1.0, -2.0, 3.0, 4.0]]
    found = from_offsets(torch.tensor([[0.5, -0.5, 0.0, 0.0], [0.0, 0.0, 99.0, 0.0]]))
    assert found[0].tolist() == [0.0, -1.0, 1.0, 0.0]
    assert found[1, 2].item() == pytest.approx(1000 / 32)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_scores_equal_their_loop_twin_and_are_zero_when_equal(beta: float) -> None:
    student, teacher = make_maps(50, seed=1, dtype=torch.float64), make_maps(50, seed=2, dtype=torch.float64)
    weights = confident_scores(teacher, min_score=0.3)
    expected = twins.scores(student.tolist(), teacher.tolist(), weights.tolist(), beta)
    assert score_loss(student, teacher, weights=weights, beta=beta).item() == pytest.approx(expected)
    assert score_loss(teacher, teacher, weights=weights, beta=beta).item() == 0.0


def test_scores_golden_value() -> None:
    # Teacher 0.8, student 0.5: |0.3| * ln 2, divided by 1 because the confidence is below 1.
    teacher = torch.tensor([0.8]).logit()
    value = score_loss(torch.zeros(1), teacher, weights=confident_scores(teacher, min_score=0.05))
    assert value.item() == pytest.approx(0.207944, abs=1e-6)


def test_giou_golden_values_and_loop_twin() -> None:
    ours, theirs = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 3.0, 3.0]])
    # Overlap 1/7, hull 9, union 7.
    assert giou_loss(ours, theirs, weights=torch.ones(1)).item() == pytest.approx(1 - (1 / 7 - 2 / 9))
    assert giou_loss(ours, ours, weights=torch.ones(1)).item() == pytest.approx(0.0, abs=1e-6)
    rows = [from_distances(make_positive(make_maps(30, 4, seed=seed, dtype=torch.float64))) for seed in (1, 2)]
    weights = torch.rand(30, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    expected = twins.boxes_giou(rows[0].tolist(), rows[1].tolist(), weights.tolist())
    assert giou_loss(*rows, weights=weights).item() == pytest.approx(expected, rel=1e-5)


def test_overlap_of_offsets_is_that_of_boxes_around_any_anchor() -> None:
    ours, theirs = 0.3 * make_maps(20, 4, seed=1), 0.3 * make_maps(20, 4, seed=2)
    centre, side = torch.tensor([40.0, 70.0]), torch.tensor([12.0, 31.0])

    def in_pixels(rows: torch.Tensor) -> list[list[float]]:
        unit = from_offsets(rows)
        return torch.cat([centre + unit[:, :2] * side, centre + unit[:, 2:] * side], dim=1).tolist()

    expected = twins.boxes_giou(in_pixels(ours), in_pixels(theirs), [1.0] * 20)
    value = giou_loss(from_offsets(ours), from_offsets(theirs), weights=torch.ones(20))
    assert value.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["fcos", "faster_rcnn"])
@pytest.mark.parametrize("boxes", ["giou", "squared", "none"])
def test_is_zero_when_the_student_is_the_teacher(kind: str, boxes: str) -> None:
    taps = make_taps(seed=4, kind=kind)
    objective = DenseResponse(boxes=boxes, **make_shapes(kind=kind))  # type: ignore[arg-type]
    assert objective(taps, taps, make_batch()).item() == pytest.approx(0.0, abs=1e-6)


def test_boxes_of_cells_in_which_the_teacher_sees_nobody_are_not_listened_to() -> None:
    student, teacher = make_taps(seed=1), make_taps(seed=2)
    silent = DetectorTaps(
        pyramid=teacher.pyramid,
        dense_logits={stride: torch.full_like(maps, -9.0) for stride, maps in teacher.dense_logits.items()},
        dense_boxes=teacher.dense_boxes,
    )
    values = [
        DenseResponse(boxes=boxes, **make_shapes())(student, silent, make_batch())  # type: ignore[arg-type]
        for boxes in ("giou", "squared", "none")
    ]
    assert values[0] == values[1] == values[2] > 0


def test_heads_that_say_different_things_are_refused() -> None:
    with pytest.raises(ConfigError, match="student of kind fcos with a teacher of kind faster_rcnn"):
        DenseResponse(student_shape=make_shape(), teacher_shape=make_shape(kind="faster_rcnn"))
    student, teacher = make_taps(seed=1, kind="faster_rcnn"), make_taps(seed=2)
    with pytest.raises(ConfigError, match="2 anchors of the student with 1 of the teacher at stride 8"):
        DenseResponse(**make_shapes(kind="faster_rcnn"))(student, teacher, make_batch())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"beta": 0.0}, "beta of dense_response is 0"),
        ({"min_score": 1.0}, "min_score of dense_response is 1"),
        ({"boxes": "iou"}, "boxes of dense_response is 'iou'; expected giou, squared or none"),
        ({"box_weight": -1.0}, "box_weight of dense_response is -1"),
    ],
)
def test_settings_out_of_range_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DenseResponse(**given, **make_shapes())  # type: ignore[arg-type]
