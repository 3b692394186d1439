import math

import pytest
import torch
from torch import Tensor

from pipeline.losses.supervised.centroid_contrast import (
    CentroidContrast,
    centroid_contrast_loss,
    soft_centroid_contrast_loss,
)
from pipeline.losses.supervised.cross_entropy import cross_entropy_loss
from pipeline.losses.supervised.proxy_contrast import ProxyContrast, proxy_contrast_loss
from pipeline.losses.supervised.triplet import triplet_loss
from pipeline.types import ReIDBatch, Taps
from tests.references import supervised_losses as twins

LABELS = torch.tensor([0, 0, 1, 1, -1, 2])


def make_rows(count: int, width: int, *, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_batch(labels: Tensor, cameras: Tensor) -> ReIDBatch:
    count = len(labels)
    return ReIDBatch(torch.zeros(count, 3, 1, 1), torch.arange(count), labels, cameras)


def test_cross_entropy_golden_value() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.2, -0.3, 1.0]])
    assert cross_entropy_loss(logits, torch.tensor([1, 2])).item() == pytest.approx(0.503887, abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_its_loop_twin_and_leaves_unlabelled_images_out(smoothing: float) -> None:
    logits = make_rows(6, 3, seed=1)
    expected = twins.cross_entropy(logits.tolist(), LABELS.tolist(), smoothing)
    assert cross_entropy_loss(logits, LABELS, smoothing=smoothing).item() == pytest.approx(expected)


@pytest.mark.parametrize("margin", [0.3, "soft"])
def test_triplet_equals_its_loop_twin(margin) -> None:  # type: ignore[no-untyped-def]
    rows = make_rows(6, 4, seed=2)
    expected = twins.triplet(rows.tolist(), LABELS.tolist(), margin)
    assert triplet_loss(rows, LABELS, margin=margin).item() == pytest.approx(expected, rel=1e-6)


def test_triplet_by_hand_on_a_line() -> None:
    rows, labels = torch.tensor([[0.0], [1.0], [1.5]]), torch.tensor([0, 0, 1])
    # anchor 0: 1 - 1.5 + 1 = 0.5; anchor 1: 1 - 0.5 + 1 = 1.5; anchor 2 has no positive.
    assert triplet_loss(rows, labels, margin=1.0).item() == pytest.approx(1.0)


def test_triplet_ignores_unlabelled_images() -> None:
    rows = make_rows(6, 4, seed=3)
    kept = LABELS >= 0
    torch.testing.assert_close(triplet_loss(rows, LABELS), triplet_loss(rows[kept], LABELS[kept]))


@pytest.mark.parametrize("labels", [[-1, -1, -1], [0, 1, 2], [0, 0, 0]])
@pytest.mark.parametrize("margin", [0.3, "soft"])
def test_triplet_without_valid_anchor_is_zero_with_a_working_backward(labels, margin) -> None:  # type: ignore[no-untyped-def]
    rows = make_rows(3, 4).requires_grad_()
    value = triplet_loss(rows, torch.tensor(labels), margin=margin)
    value.backward()
    assert value.item() == 0.0
    assert rows.grad is not None
    assert torch.equal(rows.grad, torch.zeros_like(rows))


def test_identical_embeddings_have_a_finite_triplet_gradient() -> None:
    rows = torch.ones(4, 3, requires_grad=True)
    triplet_loss(rows, torch.tensor([0, 0, 1, 1])).backward()
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()


def test_centroid_contrast_equals_its_loop_twin() -> None:
    rows, centroids = make_rows(6, 4, seed=4), make_rows(3, 4, seed=5)
    expected = twins.centroid_contrast(rows.tolist(), centroids.tolist(), LABELS.tolist(), 0.05)
    assert centroid_contrast_loss(rows, centroids, LABELS).item() == pytest.approx(expected)


def test_centroid_contrast_by_hand() -> None:
    rows, centroids = torch.tensor([[2.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.0, 1.0]])
    value = centroid_contrast_loss(rows, centroids, torch.tensor([0]), temperature=0.5)
    assert value.item() == pytest.approx(math.log1p(math.exp(-2.0)), abs=1e-6)


def test_centroid_contrast_does_not_overflow_at_a_tiny_temperature() -> None:
    rows = torch.eye(2).half()
    value = centroid_contrast_loss(rows, torch.eye(2), torch.tensor([1, 0]), temperature=1e-4)
    assert value.item() == pytest.approx(1e4, rel=1e-5)


def test_soft_contrast_equals_its_twin_and_its_minimum_is_the_teachers_entropy() -> None:
    student, teacher = make_rows(4, 5, seed=6), make_rows(4, 5, seed=7)
    expected = twins.soft_cross_entropy(student.tolist(), teacher.tolist())
    assert soft_centroid_contrast_loss(student, teacher).item() == pytest.approx(expected)
    assert soft_centroid_contrast_loss(teacher, teacher) < soft_centroid_contrast_loss(student, teacher)


@pytest.mark.parametrize("labels", [[-1, -1], [0, -1]])
def test_contrast_without_centroids_or_labels_is_finite(labels: list[int]) -> None:
    rows = make_rows(2, 4).requires_grad_()
    total = centroid_contrast_loss(rows, torch.empty(0, 0), torch.tensor(labels))
    total = total + centroid_contrast_loss(rows, make_rows(3, 4, seed=1), torch.full((2,), -1))
    total.backward()
    assert total.item() == 0.0
    assert rows.grad is not None
    assert torch.equal(rows.grad, torch.zeros_like(rows))


def test_centroids_move_by_momentum_and_keep_length_one() -> None:
    objective = CentroidContrast(momentum=0.1)
    objective.reset(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    objective.update(torch.tensor([[0.0, 3.0], [1.0, 0.0]]), torch.tensor([0, -1]))
    moved = torch.tensor([0.1, 0.9])
    torch.testing.assert_close(objective.centroids, torch.stack([moved / moved.norm(), torch.tensor([0.0, 1.0])]))


def test_centroids_do_not_move_inside_backward() -> None:
    objective = CentroidContrast()
    objective.reset(torch.eye(2))
    rows = torch.randn(2, 2, requires_grad=True)
    batch = make_batch(torch.tensor([0, 1]), torch.zeros(2, dtype=torch.int64))
    objective(Taps(rows, rows), None, batch).backward()
    assert torch.equal(objective.centroids, torch.eye(2))


def test_memories_come_back_from_a_checkpoint() -> None:
    objective = CentroidContrast()
    objective.reset(torch.eye(3))
    fresh = CentroidContrast()
    fresh.load_state_dict(objective.state_dict())
    assert torch.equal(fresh.centroids, torch.eye(3))
    proxies = ProxyContrast()
    proxies.reset(torch.eye(3), torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]))
    other = ProxyContrast()
    other.load_state_dict(proxies.state_dict())
    assert torch.equal(other.proxy_labels, torch.tensor([0, 0, 1]))


def test_soft_weight_mixes_the_teachers_distribution_in() -> None:
    rows = make_rows(2, 2, seed=8).float()
    batch = make_batch(torch.tensor([0, 1]), torch.zeros(2, dtype=torch.int64))
    hard, mixed = CentroidContrast(), CentroidContrast(soft_weight=1.0)
    hard.reset(torch.eye(2))
    mixed.reset(torch.eye(2), teacher_centroids=torch.eye(2))
    # A teacher that is certain of the hard labels says the same as they do.
    teacher = Taps(torch.eye(2), torch.eye(2))
    torch.testing.assert_close(mixed(Taps(rows, rows), teacher, batch), hard(Taps(rows, rows), None, batch))


PROXY_KEYS = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 2)]


@pytest.mark.parametrize("hard_negatives", [1, 2, 50])
def test_proxy_contrast_equals_its_loop_twin(hard_negatives: int) -> None:
    rows, proxies = make_rows(6, 4, seed=9), make_rows(6, 4, seed=10)
    cameras = torch.tensor([0, 1, 0, 2, 0, -1])
    labels = torch.tensor([0, 0, 1, 1, -1, 2])
    keys = torch.tensor(PROXY_KEYS)
    value = proxy_contrast_loss(
        rows,
        proxies,
        labels=labels,
        cameras=cameras,
        proxy_labels=keys[:, 0],
        proxy_cameras=keys[:, 1],
        hard_negatives=hard_negatives,
    )
    expected = twins.proxy_contrast(
        rows.tolist(), proxies.tolist(), labels.tolist(), cameras.tolist(), PROXY_KEYS, 0.07, 0.5, hard_negatives
    )
    assert value.item() == pytest.approx(expected)


def test_proxy_contrast_of_unknown_cameras_is_zero_with_a_working_backward() -> None:
    rows = make_rows(3, 4).requires_grad_()
    keys = torch.tensor(PROXY_KEYS)
    unknown = torch.full((3,), -1)
    for labels, cameras in ((torch.zeros(3, dtype=torch.int64), unknown), (unknown, torch.zeros(3, dtype=torch.int64))):
        value = proxy_contrast_loss(
            rows, make_rows(6, 4), labels=labels, cameras=cameras, proxy_labels=keys[:, 0], proxy_cameras=keys[:, 1]
        )
        value.backward()
        assert value.item() == 0.0
        assert rows.grad is not None
        assert torch.isfinite(rows.grad).all()


def test_proxies_are_mean_directions_of_each_cluster_in_each_camera() -> None:
    objective = ProxyContrast(momentum=0.5)
    rows = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 4.0], [1.0, 1.0]])
    objective.reset(rows, torch.tensor([0, 0, 1, -1]), torch.tensor([0, 0, 1, 0]))
    assert list(zip(objective.proxy_labels.tolist(), objective.proxy_cameras.tolist(), strict=True)) == [(0, 0), (1, 1)]
    torch.testing.assert_close(objective.proxies, torch.tensor([[0.5**0.5, 0.5**0.5], [0.0, 1.0]]))
    objective.update(torch.tensor([[1.0, 0.0]]), torch.tensor([1]), torch.tensor([1]))
    torch.testing.assert_close(objective.proxies[1], torch.tensor([0.5**0.5, 0.5**0.5]))


def test_gradchecks() -> None:
    rows = make_rows(6, 4, seed=11).requires_grad_()
    keys, cameras = torch.tensor(PROXY_KEYS), torch.tensor([0, 1, 0, 1, 0, 2])
    proxies = make_rows(6, 4, seed=12)
    known = {"labels": LABELS, "cameras": cameras, "proxy_labels": keys[:, 0], "proxy_cameras": keys[:, 1]}
    for loss in (
        lambda x: cross_entropy_loss(x, LABELS, smoothing=0.1),
        lambda x: triplet_loss(x, LABELS, margin="soft"),
        lambda x: centroid_contrast_loss(x, proxies, LABELS),
        lambda x: proxy_contrast_loss(x, proxies, **known),
    ):
        assert torch.autograd.gradcheck(loss, (rows,))
