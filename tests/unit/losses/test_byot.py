"""Self-distillation: golden value, loop twin, what the exits hear, degenerate batches, settings that are refused."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.byot import BYOT, byot_loss
from pipeline.models.bnneck import BNNeck
from pipeline.types import NetworkShape, ReIDBatch, Taps
from tests.references.mutual import exit_loss

MAPS = {"stage1": 2, "stage2": 3, "stage3": 4, "last": 4}
SHAPE = NetworkShape(width=5, num_classes=3, maps=MAPS)
PUBLISHED = {"labels": 0.7, "responses": 0.3, "features": 0.03}


def make_rows(count: int, *shape: int, seed: int) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def make_taps(count: int = 6, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Taps:
    maps = {
        name: make_rows(count, channels, 4, 2, seed=seed + i).to(dtype).requires_grad_()
        for i, (name, channels) in enumerate(MAPS.items())
    }
    vectors = [make_rows(count, width, seed=seed + 9 + width).to(dtype).requires_grad_() for width in (5, 5, 3)]
    return Taps(*vectors, maps=maps)


def make_batch(labels: list[int] | None, count: int = 6) -> ReIDBatch:
    known = None if labels is None else torch.tensor(labels)
    return ReIDBatch(torch.zeros(count, 3, 1, 1), torch.arange(count), known, torch.zeros(count, dtype=torch.int64))


def make_byot(**settings: object) -> BYOT:
    torch.manual_seed(0)
    return BYOT(**settings, student_shape=SHAPE, make_neck=BNNeck)  # type: ignore[arg-type]


def logits_taps(logits: Tensor, embedding: Tensor) -> Taps:
    return Taps(embedding, embedding, logits)


def test_golden_value() -> None:
    shallow = logits_taps(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]]))
    deepest = logits_taps(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 0.0]]))
    value = byot_loss(shallow, deepest, torch.tensor([0]), weights=PUBLISHED)
    assert value.item() == pytest.approx(0.904752, abs=1e-6)
    assert exit_loss([[0.0, 0.0]], [[3.0, 0.0]], [0], [4.0], (0.7, 0.3, 0.03), 3.0) == pytest.approx(0.904752, abs=1e-6)


@pytest.mark.parametrize("labels", [[0, 1, 2, 0, 1, 2], [0, -1, -1, 2, 1, -1], [-1] * 6])
def test_equals_its_loop_twin(labels: list[int]) -> None:
    ours, theirs = make_rows(6, 3, seed=1).double(), make_rows(6, 3, seed=2).double()
    first, second = make_rows(6, 5, seed=3).double(), make_rows(6, 5, seed=4).double()
    value = byot_loss(
        logits_taps(ours, first), logits_taps(theirs, second), torch.tensor(labels), weights=PUBLISHED, temperature=2.0
    )
    apart = [sum((a - b) ** 2 for a, b in zip(*rows, strict=True))
             for rows in zip(first.tolist(), second.tolist(), strict=True)]  # fmt: skip
    expected = exit_loss(ours.tolist(), theirs.tolist(), labels, apart, (0.7, 0.3, 0.03), 2.0)
    assert value.item() == pytest.approx(expected)


def test_gradients_in_float64_and_none_for_the_deepest_answer() -> None:
    shallow = [make_rows(4, width, seed=width).double().requires_grad_() for width in (3, 5)]
    deepest = [make_rows(4, width, seed=width + 1).double().requires_grad_() for width in (3, 5)]

    def loss(logits: Tensor, embedding: Tensor) -> Tensor:
        labels = torch.tensor([0, 1, -1, 2])
        return byot_loss(logits_taps(logits, embedding), logits_taps(*deepest), labels, weights=PUBLISHED)

    assert torch.autograd.gradcheck(loss, shallow)
    loss(*shallow).backward()
    assert all(rows.grad is None for rows in deepest)


def test_every_stage_but_the_last_has_an_exit_with_a_neck() -> None:
    objective = make_byot()
    assert objective.reads == ("labels", "maps:stage1", "maps:stage2")
    assert [leave.neck.classifier.out_features for leave in objective.exits] == [3, 3]
    assert not any(leave.neck.bn.bias.requires_grad for leave in objective.exits)
    assert make_byot(exits=["stage2"]).reads == ("labels", "maps:stage2")


def test_it_is_the_sum_over_the_exits_and_directions_alone_are_compared() -> None:
    taps, batch = make_taps(), make_batch([0, 1, 2, 0, 1, 2])
    both = make_byot()
    long = Taps(taps.embedding, 7.0 * taps.bn_embedding, taps.logits, taps.maps)
    torch.testing.assert_close(both(long, None, batch), both(taps, None, batch))
    parts = []
    for position, layer in enumerate(("stage1", "stage2")):
        single = make_byot(exits=[layer])
        single.exits[0].load_state_dict(both.exits[position].state_dict())
        parts.append(single(taps, None, batch))
    torch.testing.assert_close(both(taps, None, batch), sum(parts))


def test_without_labels_it_hears_the_deepest_answer_alone() -> None:
    objective = make_byot(labels=0.0)
    assert (objective.needs_labels, objective.needs_identities) == (False, False)
    assert not BYOT.needs_identities_with({"labels": 0.0})
    assert objective.reads == ("maps:stage1", "maps:stage2")
    assert objective(make_taps(), None, make_batch(None)).item() > 0
    features = BYOT(labels=0.0, responses=0.0, student_shape=NetworkShape(5, None, MAPS), make_neck=BNNeck)
    taps = make_taps()
    headless = Taps(taps.embedding, taps.bn_embedding, None, taps.maps)
    assert 0 < features(headless, None, make_batch(None)).item() <= 0.5 * 2 * 4


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_degenerate_batches_stay_finite(count: int, dtype: torch.dtype) -> None:
    taps = make_taps(count, dtype=dtype)
    value = make_byot()(taps, None, make_batch([-1] * count, count))
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert value.item() == 0.0 or count == 2


@pytest.mark.parametrize(
    ("settings", "shape", "sentence"),
    [
        ({"temperature": 0.0}, SHAPE, "byot with weights"),
        ({"features": -1.0}, SHAPE, "byot with weights"),
        ({"labels": 0.0, "responses": 0.0, "features": 0.0}, SHAPE, "byot with weights"),
        ({"exits": ["stage1", "stage1"]}, SHAPE, "the layers of byot"),
        ({"exits": ["stage9"]}, SHAPE, "stage9"),
        ({}, NetworkShape(5, None, MAPS), "a network without a classifier"),
        ({}, NetworkShape(5, 3, {"last": 4, "layer1": 2}), "names 0 stages"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], shape: NetworkShape, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        BYOT(**settings, student_shape=shape, make_neck=BNNeck)  # type: ignore[arg-type]
