"""Learning without forgetting: golden value, loop twins, heads that can't be compared, gradients."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.lwf import LwF, lwf_loss
from pipeline.losses.distillation.rkd import rkd_loss
from pipeline.types import NetworkShape, ReIDBatch, Taps
from tests.references.teaching import kl, softmax

SHAPE, HEADLESS = NetworkShape(width=5, num_classes=3, maps={}), NetworkShape(width=7, num_classes=None, maps={})
BATCH = ReIDBatch(torch.zeros(4, 3, 1, 1), torch.arange(4), None, torch.zeros(4, dtype=torch.int64))


def make_rows(width: int, *, seed: int, count: int = 4) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_taps(seed: int, *, width: int = 5, count: int = 4) -> Taps:
    embedding = make_rows(width, seed=seed, count=count)
    return Taps(embedding, embedding, make_rows(3, seed=seed + 1, count=count))


def make_lwf(**settings: float) -> LwF:
    return LwF(**settings, student_shape=SHAPE, teacher_shape=SHAPE)


def test_golden_value() -> None:
    value = lwf_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]]))
    assert value.item() == pytest.approx(0.443776, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_equals_its_loop_twin(temperature: float) -> None:
    student, earlier = make_rows(6, seed=1), make_rows(6, seed=2)
    rows = [
        temperature**2 * kl(softmax(old, temperature), softmax(new, temperature))
        for new, old in zip(student.tolist(), earlier.tolist(), strict=True)
    ]
    assert lwf_loss(student, earlier, temperature=temperature).item() == pytest.approx(sum(rows) / len(rows))


def test_it_is_the_sum_of_responses_and_relations() -> None:
    student, earlier = make_taps(3), make_taps(5, width=9)
    assert student.logits is not None
    assert earlier.logits is not None
    expected = 0.5 * lwf_loss(student.logits, earlier.logits) + 3.0 * rkd_loss(student.embedding, earlier.embedding)
    torch.testing.assert_close(make_lwf(responses=0.5, relations=3.0)(student, earlier, BATCH), expected)
    assert make_lwf()(student, student, BATCH).item() == pytest.approx(0.0, abs=1e-12)


def test_a_network_without_the_old_head_remembers_relations_alone() -> None:
    with pytest.raises(ConfigError, match="logits of 3 identities with those of None"):
        LwF(student_shape=SHAPE, teacher_shape=HEADLESS)
    objective = LwF(responses=0.0, student_shape=SHAPE, teacher_shape=HEADLESS)
    assert objective.reads == ("embedding",)
    value = objective(make_taps(7), Taps(make_rows(7, seed=8), make_rows(7, seed=8)), BATCH)
    assert value.item() > 0


def test_weights_without_a_meaning_are_refused() -> None:
    for settings in ({"responses": 0.0, "relations": 0.0}, {"relations": -1.0}, {"temperature": 0.0}):
        with pytest.raises(ConfigError, match="lwf with responses"):
            make_lwf(**settings)


def test_gradients_in_float64_and_none_for_the_earlier_self() -> None:
    student, earlier = make_taps(9), make_taps(11)
    assert student.logits is not None
    earlier.embedding.requires_grad_()

    def loss(embedding: Tensor, logits: Tensor) -> Tensor:
        return make_lwf()(Taps(embedding, embedding, logits), earlier, BATCH)

    inputs = (student.embedding.requires_grad_(), student.logits.requires_grad_())
    assert torch.autograd.gradcheck(loss, inputs)
    loss(*inputs).backward()
    assert earlier.embedding.grad is None


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_degenerate_batches_stay_finite(count: int, dtype: torch.dtype) -> None:
    leaf = torch.zeros(count, 5, dtype=dtype, requires_grad=True)
    earlier = make_taps(13, count=count)
    value = make_lwf()(Taps(leaf, leaf, torch.full((count, 3), 6e4, dtype=dtype)), earlier, BATCH)
    value.backward()
    assert torch.isfinite(value)
    assert leaf.grad is not None
    assert torch.isfinite(leaf.grad).all()
