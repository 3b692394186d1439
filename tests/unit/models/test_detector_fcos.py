import math

import pytest
import torch

from pipeline.detection_types import BoxTargets
from pipeline.errors import ConfigError
from pipeline.models.detection.fcos import FCOS
from pipeline.models.detection.fcos_head import FCOSHead
from pipeline.models.detection.fcos_loss import centreness, fcos_losses, paired_iou
from pipeline.models.detection.levels import ASPECT
from pipeline.models.detection.region_choice import choose_regions, random_people
from tests.unit.models.make_detectors import make_detector, make_images, make_sizes, make_target, make_targets

NONE = torch.zeros(0, 4)


def focal(probability: float, positive: bool) -> float:
    p = probability if positive else 1 - probability
    return -(0.25 if positive else 0.75) * (1 - p) ** 2 * math.log(p)


def make_predictions() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    # Four cells of probabilities 0.8, 0.3, 0.1, 0.6; the first two say the same box.
    logits = torch.logit(torch.tensor([[0.8, 0.3, 0.1, 0.6]])).requires_grad_()
    boxes = torch.tensor([[[0.0, 0, 10, 20], [0, 0, 10, 10], [0, 0, 1, 1], [0, 0, 1, 1]]])
    return logits, boxes.requires_grad_(), torch.zeros(1, 4, requires_grad=True)


def test_losses_by_hand() -> None:
    target = BoxTargets(torch.tensor([[0.0, 0.0, 10.0, 20.0]]), torch.tensor([1.0]), NONE)
    losses = fcos_losses(make_predictions(), [torch.tensor([0, 0, -1, -2])], [target], centres=torch.zeros(4, 2))
    person = (focal(0.8, True) + focal(0.3, True) + focal(0.1, False)) / 2
    assert losses["person"].item() == pytest.approx(person, rel=1e-5)
    # GIoU of the halved box is its IoU, as it lies inside.
    assert losses["box"].item() == pytest.approx(0.5 / 2, rel=1e-5)
    assert losses["quality"].item() == pytest.approx(math.log(2), rel=1e-5)


def test_weights_multiply_what_concerns_a_person_and_nothing_else() -> None:
    boxes = torch.tensor([[0.0, 0.0, 10.0, 20.0], [0.0, 0.0, 10.0, 20.0]])
    owners = [torch.tensor([0, 1, -1, -2])]
    target = BoxTargets(boxes, torch.tensor([1.0, 0.25]), NONE)
    losses = fcos_losses(make_predictions(), owners, [target], centres=torch.zeros(4, 2))
    person = (focal(0.8, True) + 0.25 * focal(0.3, True) + focal(0.1, False)) / 1.25
    assert losses["person"].item() == pytest.approx(person, rel=1e-5)
    assert losses["box"].item() == pytest.approx(0.25 * 0.5 / 1.25, rel=1e-5)


def test_a_weightless_person_is_as_good_as_ignored() -> None:
    target = BoxTargets(torch.tensor([[0.0, 0.0, 10.0, 20.0]]), torch.tensor([0.0]), NONE)
    by_weight = fcos_losses(make_predictions(), [torch.tensor([0, 0, -1, -2])], [target], centres=torch.zeros(4, 2))
    by_region = fcos_losses(make_predictions(), [torch.tensor([-2, -2, -1, -2])], [target], centres=torch.zeros(4, 2))
    torch.testing.assert_close(by_weight, by_region)


def test_ignored_cells_get_no_gradient() -> None:
    predictions = make_predictions()
    target = BoxTargets(torch.tensor([[0.0, 0.0, 10.0, 20.0]]), torch.tensor([1.0]), NONE)
    losses = fcos_losses(predictions, [torch.tensor([0, 0, -1, -2])], [target], centres=torch.zeros(4, 2))
    sum(losses.values()).backward()  # type: ignore[union-attr]
    assert predictions[0].grad[0, 3] == 0  # type: ignore[index]
    assert (predictions[0].grad[0, :3] != 0).all()  # type: ignore[index]


def test_centreness_is_one_in_the_middle_and_falls_to_the_border() -> None:
    box = torch.tensor([[0.0, 0.0, 8.0, 8.0]]).expand(4, 4)
    found = centreness(torch.tensor([[4.0, 4.0], [2.0, 4.0], [0.0, 4.0], [9.0, 4.0]]), box)
    torch.testing.assert_close(found, torch.tensor([1.0, math.sqrt(1 / 3), 0.0, 0.0]))


def test_paired_iou_by_hand_and_without_area() -> None:
    first = torch.tensor([[0.0, 0, 10, 10], [0, 0, 4, 4], [3, 3, 3, 3]])
    second = torch.tensor([[5.0, 0, 15, 10], [5, 5, 9, 9], [3, 3, 3, 3]])
    torch.testing.assert_close(paired_iou(first, second), torch.tensor([1 / 3, 0.0, 0.0]))


def test_a_fresh_head_answers_with_an_upright_person_and_little_confidence() -> None:
    torch.manual_seed(0)
    maps = FCOSHead(12, width=10, depth=2, strides=(8, 16))({8: torch.randn(1, 12, 4, 4), 16: torch.randn(1, 12, 2, 2)})
    for stride in (8, 16):
        left, top, right, bottom = maps.boxes[stride].unbind(dim=1)
        heights, widths = top + bottom, left + right
        assert (heights - 16 / math.sqrt(2)).abs().max() < 2.0
        assert (widths / heights - ASPECT).abs().max() < 0.1
        assert (maps.logits[stride].sigmoid() < 0.02).all()


def test_levels_share_convolutions_and_have_norms_of_their_own() -> None:
    head = FCOSHead(12, width=16, depth=2, strides=(8, 16, 32))
    assert len(head.person_tower.convs) == 2
    assert [len(norms) for norms in head.person_tower.norms] == [3, 3]  # type: ignore[arg-type]
    grouped = FCOSHead(12, width=16, depth=2, strides=(8, 16, 32), norm="gn")
    assert [len(norms) for norms in grouped.person_tower.norms] == [1, 1]  # type: ignore[arg-type]


@pytest.mark.parametrize("norm", ["bn", "gn"])
def test_own_towers_continued_give_the_own_answer(norm: str) -> None:
    detector = make_detector("fcos", head_depth=3, head_norm=norm).eval()
    wants = frozenset({"dense", "towers", "tower:1", "tower:3"})
    output = detector(make_images(), make_sizes(), wants=wants)
    assert sorted(output.tower_stack) == [1, 3]
    assert output.tower_stack[3][8].shape == (2, 20, 8, 12)
    torch.testing.assert_close(output.tower_stack[3][8][:, :10], output.taps.towers[8])
    for layer in (1, 3):
        logits, boxes = detector.cross_predict(output.tower_stack[layer], layer)
        torch.testing.assert_close(logits, dict(output.taps.dense_logits))
        torch.testing.assert_close(boxes, dict(output.taps.dense_boxes))


def test_a_gradient_runs_through_a_foreign_head_into_the_student() -> None:
    student, teacher = make_detector("fcos"), make_detector("fcos", seed=1).eval().requires_grad_(False)
    towers = student(make_images(), make_sizes(), wants=frozenset({"tower:1"})).tower_stack[1]
    logits, boxes = teacher.cross_predict(towers, 1)
    sum(level.sum() for maps in (logits, boxes) for level in maps.values()).backward()  # type: ignore[union-attr]
    assert student.head.person_tower.convs[0].weight.grad is not None
    assert student.head.person_tower.convs[1].weight.grad is None


def test_what_cannot_be_continued_is_refused() -> None:
    detector = make_detector("fcos")
    towers = {8: torch.zeros(1, 20, 4, 4)}
    with pytest.raises(ConfigError, match=r"layer is 3; expected 1\.\.2"):
        detector.cross_predict(towers, 3)
    with pytest.raises(ConfigError, match="towers of 14 channels at stride 8; expected 20 channels"):
        detector.cross_predict({8: torch.zeros(1, 14, 4, 4)}, 1)
    with pytest.raises(ConfigError, match="at stride 4; expected 20 channels at strides 8, 16, 32"):
        detector.cross_predict({4: torch.zeros(1, 20, 4, 4)}, 1)
    with pytest.raises(ConfigError, match="faster_rcnn has no towers"):
        make_detector("faster_rcnn").cross_predict(towers, 1)


def test_features_without_boxes_leave_the_box_tower_alone() -> None:
    detector = make_detector("fcos").eval()
    called: list[int] = []
    detector.head.box_tower.register_forward_hook(lambda *_: called.append(1))
    rois = tuple(target.boxes for target in make_targets())
    detector(make_images(), make_sizes(), rois=rois, wants=frozenset({"penultimate", "towers"}))
    assert called == []


def test_the_score_is_the_geometric_mean_of_person_and_quality() -> None:
    detector = make_detector("fcos").eval()
    with torch.no_grad():
        output = detector(make_images(1), make_sizes(1), wants=frozenset({"dense"}))
    best = max(
        float((output.taps.dense_logits[s].sigmoid() * output.quality[s].sigmoid()).sqrt().max()) for s in (8, 16, 32)
    )
    found = detector.detect(make_images(1), make_sizes(1), score_threshold=0.0)[0]
    assert found.scores[0] == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("quality", ["iou", "centreness"])
def test_both_qualities_train(quality: str) -> None:
    detector = make_detector("fcos", quality=quality)
    assert isinstance(detector, FCOS)
    sum(detector(make_images(), make_sizes(), targets=make_targets()).losses.values()).backward()  # type: ignore[union-attr]
    assert all(p.grad is not None for p in detector.head.quality.parameters())


def test_regions_are_people_own_boxes_near_misses_and_background() -> None:
    people, own = torch.tensor([[10.0, 10, 20, 40]]), torch.tensor([[40.0, 10, 52, 44], [60, 10, 70, 30]])
    size = torch.tensor([64, 96])
    chosen = choose_regions(people, own, size, count=16)
    assert chosen.shape == (16, 4)
    torch.testing.assert_close(chosen[:3], torch.cat([people, own]))
    assert choose_regions(NONE, NONE, size, count=5).shape == (5, 4)
    assert choose_regions(people.repeat(50, 1), own.repeat(50, 1), size, count=16).shape == (16, 4)
    assert choose_regions(NONE, NONE, torch.tensor([1, 1]), count=3).tolist() == [[0.0, 0.0, 1.0, 1.0]] * 3
    drawn = random_people(torch.tensor([1080, 1920]), 200)
    sides = drawn[:, 2:] - drawn[:, :2]
    torch.testing.assert_close(sides[:, 0] / sides[:, 1], torch.full((200,), ASPECT))
    assert sides[:, 1].min() >= 15.9
    assert sides[:, 1].max() <= 1080.1


def test_a_narrow_target_still_gives_three_positive_terms() -> None:
    losses = make_detector("fcos")(make_images(1), make_sizes(1), targets=(make_target([[50.0, 20, 51, 23]]),)).losses
    assert all(float(value.detach()) > 0 for value in losses.values())
