import math

import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.adaptation import schedules
from pipeline.losses.adaptation.dmmd import (
    DMMD,
    MAX_DISTANCES,
    dissimilarity_rows,
    dissimilarity_scalars,
    dmmd_loss,
    fixed_kernel_mmd,
)
from pipeline.losses.adaptation.gradient_reversal import GradientReversal, adversarial_loss, reverse_gradient
from pipeline.losses.adaptation.mmd import mmd_loss
from pipeline.types import ReIDBatch, Taps
from tests.references import adaptation_losses as twins


def make_rows(count: int, width: int, *, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_mmd_golden_value() -> None:
    assert mmd_loss(make_column(0, 1), make_column(2, 3)).item() == pytest.approx(4.579796, abs=1e-6)


def test_mmd_equals_its_loop_twin_with_unequal_domains() -> None:
    source, target = make_rows(5, 3, seed=1), make_rows(4, 3, seed=2)
    assert mmd_loss(source, target).item() == pytest.approx(twins.mmd(source.tolist(), target.tolist()))


def test_mmd_is_zero_for_equal_and_permuted_domains_and_symmetric() -> None:
    source, target = make_rows(5, 3, seed=3), make_rows(5, 3, seed=4)
    assert mmd_loss(source, source).item() == pytest.approx(0.0, abs=1e-12)
    assert mmd_loss(source, source.flip(0)).item() == pytest.approx(0.0, abs=1e-12)
    torch.testing.assert_close(mmd_loss(source, target), mmd_loss(target, source))
    assert mmd_loss(source, target) > 0


def test_released_kernel_golden_values() -> None:
    assert fixed_kernel_mmd(make_column(0), make_column(1)).item() == pytest.approx(13.288391, abs=1e-6)
    assert fixed_kernel_mmd(make_column(0, 2), make_column(1, 3)).item() == pytest.approx(6.591262, abs=1e-6)
    source, target = make_rows(4, 3, seed=5), make_rows(3, 3, seed=6)
    expected = twins.fixed_kernel_mmd(source.tolist(), target.tolist())
    assert fixed_kernel_mmd(source, target).item() == pytest.approx(expected)


def test_released_rows_golden_values() -> None:
    features = torch.tensor([[[0.0, 0], [1, 0]], [[0, 2], [3, 2]]])
    within, between = dissimilarity_rows(features)
    torch.testing.assert_close(within, torch.tensor([[0.0, 1], [1, 0], [0, 9], [9, 0]]))
    torch.testing.assert_close(between, torch.tensor([[4.0, 13], [5, 8], [4, 5], [13, 8]]))


def test_scalar_dmmd_equals_its_loop_twin() -> None:
    source, target = make_rows(6, 4, seed=7), make_rows(7, 4, seed=8)
    ours, theirs = torch.tensor([0, 0, 1, 1, 2, -1]), torch.tensor([0, 0, 0, 1, 1, -1, 2])
    value = dmmd_loss(source, target, source_groups=ours, target_groups=theirs)
    expected = twins.dmmd_scalar(source.tolist(), target.tolist(), ours.tolist(), theirs.tolist())
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_permuting_a_batch_leaves_its_distances_the_same() -> None:
    rows, groups = make_rows(6, 4, seed=9), torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    for first, second in zip(
        dissimilarity_scalars(rows, groups), dissimilarity_scalars(rows[order], groups[order]), strict=True
    ):
        torch.testing.assert_close(first.sort(0).values, second.sort(0).values)


def test_distances_are_kept_to_a_limit_in_large_batches() -> None:
    within, between = dissimilarity_scalars(make_rows(64, 4), torch.arange(64) // 4)
    assert len(within) == 96
    assert len(between) == MAX_DISTANCES


@pytest.mark.parametrize("style", ["scalar", "released"])
def test_source_distances_send_no_gradient(style) -> None:  # type: ignore[no-untyped-def]
    source, target = make_rows(4, 3, seed=10).requires_grad_(), make_rows(4, 3, seed=11).requires_grad_()
    groups = torch.tensor([0, 0, 1, 1])
    total = dmmd_loss(source, target, source_groups=groups, target_groups=groups, style=style)
    embeddings_only = (mmd_loss if style == "scalar" else fixed_kernel_mmd)(source, target)
    full = torch.autograd.grad(total, [source, target], retain_graph=True)
    part = torch.autograd.grad(embeddings_only, [source, target])
    torch.testing.assert_close(full[0], part[0])
    assert not torch.allclose(full[1], part[1])


@pytest.mark.parametrize("style", ["scalar", "released"])
@pytest.mark.parametrize("groups", [[-1, -1, -1, -1], [0, 1, 2, 3], [0, 0, 0, 0]])
def test_dmmd_without_pairs_is_finite(style, groups: list[int]) -> None:  # type: ignore[no-untyped-def]
    source, target = make_rows(4, 3, seed=12), make_rows(4, 3, seed=13).requires_grad_()
    known = torch.tensor([0, 0, 1, 1])
    value = dmmd_loss(source, target, source_groups=known, target_groups=torch.tensor(groups), style=style)
    value.backward()
    assert torch.isfinite(value)
    assert target.grad is not None
    assert torch.isfinite(target.grad).all()


def test_dmmd_refuses_an_unknown_style() -> None:
    with pytest.raises(ConfigError, match="style of dmmd is 'rows'"):
        DMMD(style="rows")  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_single_images_stay_finite(dtype: torch.dtype) -> None:
    for source in (
        (50 * make_rows(4, 512)).to(dtype),
        torch.zeros(4, 512, dtype=dtype),
        torch.ones(1, 512, dtype=dtype),
    ):
        leaf = source.clone().requires_grad_()
        target = torch.zeros(2, 512, dtype=dtype)
        groups = torch.zeros(len(source), dtype=torch.int64)
        value = mmd_loss(leaf, target) + dmmd_loss(
            leaf, target, source_groups=groups, target_groups=groups[:2].new_zeros(2)
        )
        value.backward()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert leaf.grad is not None
        assert torch.isfinite(leaf.grad).all()


def test_an_empty_domain_gives_zero() -> None:
    source = make_rows(3, 2).requires_grad_()
    value = mmd_loss(source, torch.empty(0, 2, dtype=torch.float64))
    value.backward()
    assert value.item() == 0.0


def test_gradchecks() -> None:
    source, target = make_rows(4, 3, seed=14).requires_grad_(), make_rows(4, 3, seed=15).requires_grad_()
    # The width of the kernels is a constant of the loss, so the five-kernel form has no plain derivative to check.
    assert torch.autograd.gradcheck(fixed_kernel_mmd, (source, target))
    assert torch.autograd.gradcheck(adversarial_loss, (source[:, :1], target[:, :1]))


def test_reversal_golden_gradient() -> None:
    feature = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    strength = schedules.reversal_strength(0.1)
    score = 2.0 * reverse_gradient(feature, strength)
    torch.nn.functional.binary_cross_entropy_with_logits(score, torch.ones_like(score)).backward()
    assert strength == pytest.approx(0.462117, abs=1e-6)
    assert feature.grad is not None
    assert feature.grad.item() == pytest.approx(0.248565, abs=1e-6)


def test_adversarial_loss_equals_its_loop_twin_and_survives_large_scores() -> None:
    value = adversarial_loss(make_column(0.3, -1.0), make_column(2.0, 0.1, -0.5))
    assert value.item() == pytest.approx(twins.adversarial([0.3, -1.0], [2.0, 0.1, -0.5]))
    assert torch.isfinite(adversarial_loss(torch.full((2,), -300.0).half(), torch.full((2,), 300.0).half()))


def test_discriminator_learns_while_the_embedding_is_pushed_the_other_way() -> None:
    objective = GradientReversal(width=4, hidden=8)
    objective.set_progress(1.0)
    rows = torch.randn(6, 4, requires_grad=True)
    batch = ReIDBatch(torch.zeros(6, 3, 1, 1), torch.arange(6), None, torch.zeros(6, dtype=torch.int64))
    reversed_loss = objective(Taps(rows, rows), Taps(-rows, -rows), batch, batch)
    (reversed_gradient,) = torch.autograd.grad(reversed_loss, rows, retain_graph=True)
    plain = adversarial_loss(objective.discriminator(rows), objective.discriminator(-rows))
    (gradient,) = torch.autograd.grad(plain, rows)
    torch.testing.assert_close(reversed_gradient, -schedules.reversal_strength(1.0) * gradient)
    reversed_loss.backward()
    assert all(parameter.grad is not None for parameter in objective.parameters())


def test_exponential_schedule_golden_values() -> None:
    weights = [schedules.exponential_weight(e, first=0.1, last=0.9, epochs=400) for e in (1, 101, 201, 301, 400)]
    assert weights == pytest.approx([0.1, 0.173205, 0.3, 0.519615, 0.895070], abs=1e-6)


def test_annealed_rate_golden_values() -> None:
    rates = [schedules.annealed_rate(e, base=1e-3, epochs=400) for e in (1, 201, 400)]
    assert rates == pytest.approx([1e-3, 2.612547e-4, 1.661253e-4], rel=1e-6)


def test_reversal_strength_golden_values() -> None:
    values = [schedules.reversal_strength(p) for p in (0, 0.1, 0.25, 0.5, 1)]
    assert values == pytest.approx([0, 0.462117, 0.848284, 0.986614, 0.999909], abs=1e-6)


def test_linear_and_constant_schedules() -> None:
    assert [schedules.linear_weight(e, first=0.1, last=0.9, epochs=5) for e in (1, 3, 5)] == pytest.approx(
        [0.1, 0.5, 0.9]
    )
    assert schedules.linear_weight(1, first=0.1, last=0.9, epochs=1) == 0.9
    assert schedules.constant_weight(3, first=0.1, last=0.9, epochs=5) == 0.9


def test_an_exponential_schedule_from_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"from 0 to 0\.9"):
        schedules.exponential_weight(1, first=0, last=0.9, epochs=4)


def test_growth_uses_the_natural_logarithm() -> None:
    step = schedules.exponential_weight(2, first=0.1, last=0.9, epochs=400) / 0.1
    assert math.log(step) == pytest.approx(0.00549306, abs=1e-8)
