import numpy as np
import pytest
import torch

from pipeline.detection_types import BoxTargets
from pipeline.errors import ConfigError
from pipeline.models.detection.detector import Detector
from tests.unit.models.make_detectors import KINDS, make_detector, make_images, make_sizes, make_target, make_targets

ALL = frozenset({"regions", "penultimate", "dense", "towers"})
pytestmark = pytest.mark.parametrize("kind", KINDS)


def backward_of(detector: Detector, *args: torch.Tensor, targets: tuple[BoxTargets, ...]) -> dict[str, float]:
    output = detector(*args, targets=targets)
    detector.zero_grad()
    sum(output.losses.values()).backward()  # type: ignore[union-attr]
    for name, parameter in detector.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    losses = {name: float(value.detach()) for name, value in output.losses.items()}
    assert all(np.isfinite(value) for value in losses.values()), losses
    return losses


def test_without_wishes_only_the_pyramid_is_computed(kind: str) -> None:
    detector = make_detector(kind)
    called: list[str] = []
    for name, child in detector.named_children():
        child.register_forward_hook(lambda _m, _i, _o, name=name: called.append(name))
    output = detector(make_images(), make_sizes())
    assert sorted(called) == ["pyramid", "trunk"]
    assert output.losses == {}
    assert {stride: tuple(level.shape) for stride, level in output.taps.pyramid.items()} == {
        8: (2, 12, 8, 12), 16: (2, 12, 4, 6), 32: (2, 12, 2, 3),
    }  # fmt: skip
    assert output.taps.regions is None
    assert output.taps.dense_logits == output.taps.towers == {}


def test_all_taps_have_the_documented_shapes(kind: str) -> None:
    detector = make_detector(kind)
    taps = detector(make_images(), make_sizes(), targets=make_targets(), wants=ALL).taps
    total = sum(len(boxes) for boxes in taps.rois)
    assert total > 0
    assert taps.regions.shape == (total, 12, 3, 3)
    assert taps.penultimate.shape == (total, detector.shape.penultimate_width)
    anchors = 1 if kind == "fcos" else 2
    for stride, level in taps.pyramid.items():
        grid = tuple(level.shape[2:])
        assert taps.dense_logits[stride].shape == (2, anchors, *grid)
        assert taps.dense_boxes[stride].shape == (2, 4 * anchors, *grid)
        assert detector.decode(taps.dense_boxes)[stride].shape == (2, anchors, *grid, 4)
    if kind == "fcos":
        assert taps.region_logits is None
        assert tuple(taps.towers) == (8, 16, 32)
        assert taps.towers[16].shape == (2, 10, 4, 6)
    else:
        assert taps.region_logits.shape == (total, 2)
        assert taps.region_deltas.shape == (total, 4)
        assert taps.towers == {}


def test_a_teacher_answers_on_the_students_boxes(kind: str) -> None:
    student, teacher = make_detector(kind), make_detector(kind, seed=1).eval()
    asked = student(make_images(), make_sizes(), targets=make_targets(), wants=frozenset({"regions"})).taps
    wants = frozenset({"regions", "penultimate"})
    with torch.no_grad():
        answer = teacher(make_images(), make_sizes(), rois=asked.rois, wants=wants).taps
    assert answer.rois is asked.rois
    assert answer.regions.shape == asked.regions.shape
    assert len(answer.penultimate) == len(asked.regions)
    assert (answer.region_logits is None) == (kind == "fcos")
    # The answer on a box depends on nothing but the image and the box.
    last = tuple(boxes[-1:] for boxes in asked.rois)
    with torch.no_grad():
        again = teacher(make_images(), make_sizes(), rois=last, wants=wants).taps
    ends = [len(asked.rois[0]) - 1, len(asked.regions) - 1]
    torch.testing.assert_close(again.penultimate, answer.penultimate[ends])


def test_given_boxes_do_not_change_the_losses(kind: str) -> None:
    detector = make_detector(kind).eval()
    rois = (torch.tensor([[3.0, 3, 20, 40]]), torch.zeros(0, 4))
    torch.manual_seed(5)
    plain = detector(make_images(), make_sizes(), targets=make_targets()).losses
    torch.manual_seed(5)
    asked = detector(make_images(), make_sizes(), targets=make_targets(), rois=rois, wants=ALL)
    assert len(asked.taps.regions) == 1
    torch.testing.assert_close(asked.losses, plain)


@pytest.mark.parametrize("has_targets", [True, False])
def test_own_regions_follow_torchs_seed_and_stay_on_the_frame(kind: str, has_targets: bool) -> None:
    detector = make_detector(kind).eval()
    sizes = torch.tensor([[64, 96], [40, 50]])
    chosen = []
    for _ in range(2):
        torch.manual_seed(3)
        targets = make_targets() if has_targets else None
        chosen.append(detector(make_images(), sizes, targets=targets, wants=frozenset({"regions"})).taps.rois)
    for first, second, size in zip(*chosen, sizes, strict=True):
        assert torch.equal(first, second)
        assert len(first) > 0
        assert (first >= 0).all()
        assert (first <= size.flip(0).repeat(2)).all()
        assert (first[:, 2:] > first[:, :2]).all()


def test_ground_truth_is_among_the_regions(kind: str) -> None:
    torch.manual_seed(0)
    taps = make_detector(kind)(make_images(), make_sizes(), targets=make_targets(), wants=frozenset({"regions"})).taps
    assert any(torch.equal(box, torch.tensor([30.0, 20.0, 42.0, 48.0])) for box in taps.rois[1])


def test_unknown_taps_are_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match=r"no tap 'region'; expected one of regions, penultimate"):
        make_detector(kind)(make_images(), make_sizes(), wants=frozenset({"region"}))
    with pytest.raises(ConfigError, match="no tap 'tower:3'"):
        make_detector(kind)(make_images(), make_sizes(), wants=frozenset({"tower:3"}))


def test_pixels_beyond_a_frame_play_no_part(kind: str) -> None:
    detector = make_detector(kind).eval()
    sizes = torch.tensor([[64, 96], [40, 50]])
    images = make_images()
    changed = images.clone()
    changed[1, :, 40:], changed[1, :, :, 50:] = 255, 7
    for first, second in zip(
        detector(images, sizes).taps.pyramid.values(), detector(changed, sizes).taps.pyramid.values(), strict=True
    ):
        assert torch.equal(first, second)


def test_detections_are_valid_sorted_and_inside_their_frame(kind: str) -> None:
    detector = make_detector(kind).eval()
    sizes = torch.tensor([[61, 90], [40, 50]])
    found = detector.detect(make_images(), sizes, score_threshold=0.0, max_detections=20)
    assert len(found) == 2
    for detections, (height, width) in zip(found, sizes.tolist(), strict=True):
        assert 0 < len(detections) <= 20
        assert detections.boxes.dtype == detections.scores.dtype == np.float32
        assert (np.diff(detections.scores) <= 0).all()
        assert (detections.boxes >= 0).all()
        assert (detections.boxes <= [width, height, width, height]).all()
        assert (detections.boxes[:, 2:] > detections.boxes[:, :2]).all()
    assert all(len(d) == 0 for d in detector.detect(make_images(), sizes, score_threshold=1.1))


def test_detection_needs_eval_mode(kind: str) -> None:
    with pytest.raises(AssertionError, match="eval mode"):
        make_detector(kind).train().detect(make_images(), make_sizes(), score_threshold=0.5)


def test_bytes_and_floats_mean_the_same_pixels(kind: str) -> None:
    detector = make_detector(kind, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    images = make_images(1, 64, 64)
    expected = (images.double() / 255 - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / torch.tensor(
        [0.2, 0.3, 0.4]
    ).view(3, 1, 1)
    for pixels in (images, images.float()):
        torch.testing.assert_close(detector.normalise(pixels, make_sizes(1, 64, 64)), expected.float())


@pytest.mark.parametrize("size", [(1, 1), (7, 200), (65, 33)])
def test_any_frame_size_trains_and_detects(kind: str, size: tuple[int, int]) -> None:
    detector = make_detector(kind)
    images, sizes = make_images(1, *size), make_sizes(1, *size)
    backward_of(detector, images, sizes, targets=(make_target([[0.0, 0.0, size[1], size[0]]]),))
    found = detector.eval().detect(images, sizes, score_threshold=0.0)
    assert (found[0].boxes <= [size[1], size[0], size[1], size[0]]).all()


@pytest.mark.parametrize(
    "target",
    [
        make_target(),
        make_target(ignored=[[0, 0, 96, 64]]),
        make_target([[200.0, 200, 220, 250]]),
        make_target([[5.0, 5, 5, 5], [30, 30, 10, 10], [float("nan")] * 4]),
        make_target([[-40.0, -40, 300, 300]], ignored=[[-50, -50, 400, 400]]),
        make_target([[10.0, 10, 20, 40]], weights=[0.0]),
        make_target(torch.rand(3000, 2).repeat(1, 2) * 40 + torch.tensor([0.0, 0, 8, 20])),
    ],
    ids=["empty", "all_ignored", "outside", "degenerate", "larger_than_frame", "weightless", "thousands"],
)
def test_odd_targets_train_without_nan(kind: str, target: BoxTargets) -> None:
    losses = backward_of(make_detector(kind), make_images(), make_sizes(), targets=(target, make_target()))
    assert all(value >= 0 for value in losses.values())


def test_an_ignored_frame_teaches_nothing(kind: str) -> None:
    target = make_target(ignored=[[-500.0, -500, 900, 900]])
    losses = make_detector(kind)(make_images(), make_sizes(), targets=(target, target)).losses
    # Padding, proposals and anchors lie in the region as well: all terms vanish.
    assert {name: float(value.detach()) for name, value in losses.items()} == dict.fromkeys(losses, 0.0)


def test_a_fixed_batch_is_learnt_in_a_few_steps(kind: str) -> None:
    detector = make_detector(kind, pyramid_width=24, head_width=24)
    images = torch.full((2, 3, 64, 96), 60, dtype=torch.uint8)
    people = [[16.0, 8, 32, 48], [56, 16, 72, 56]]
    for i, (x1, y1, x2, y2) in enumerate(people):
        images[i, :, int(y1) : int(y2), int(x1) : int(x2)] = 230
    targets = tuple(make_target([box]) for box in people)
    optimizer = torch.optim.Adam(detector.parameters(), 5e-3)
    history = []
    for _ in range(60):
        total = sum(detector(images, make_sizes(), targets=targets).losses.values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(float(total.detach()))
    assert np.mean(history[-5:]) < 0.4 * np.mean(history[:5])
    # Running statistics lag behind sixty steps; those of the batch itself are what was learnt.
    for module in detector.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        detector(images, make_sizes(), targets=targets)
    for found, box in zip(detector.eval().detect(images, make_sizes(), score_threshold=0.1), people, strict=True):
        assert len(found) > 0
        assert np.abs(found.boxes[0] - box).max() < 8


def test_weights_travel_by_state_dict_and_statistics_of_pixels_do_not(kind: str) -> None:
    source, copy = make_detector(kind).eval(), make_detector(kind, seed=3).eval()
    copy.load_state_dict(source.state_dict())
    assert not {"mean", "std"} & set(source.state_dict())
    first, second = (d.detect(make_images(), make_sizes(), score_threshold=0.0) for d in (source, copy))
    assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(first, second, strict=True))


def test_half_precision_gives_finite_losses(kind: str) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = make_detector(kind)(make_images(), make_sizes(), targets=make_targets(), wants=ALL)
    assert all(torch.isfinite(value) for value in output.losses.values())
    sum(output.losses.values()).backward()  # type: ignore[union-attr]
