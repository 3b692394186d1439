"""Rounding with a learned step: golden values, the loop twin, bounds, and what cannot be rounded."""

import pytest
import torch

from pipeline.models.quantisation.lsq import best_start, lsq_quantise, lsq_start
from tests.references import quantisation as twins


def test_golden_values():
    values, step = torch.tensor([0.3, -1.2, 2.6]), torch.tensor(0.5, requires_grad=True)
    rounded = lsq_quantise(values, step, lower=-4, upper=3)
    assert rounded.tolist() == pytest.approx([0.5, -1.0, 1.5])
    rounded.sum().backward()
    assert step.grad.item() == pytest.approx(1.266667, abs=1e-6)
    assert lsq_start(values[None], upper=3).tolist() == pytest.approx([1.578091], abs=1e-6)


def test_values_and_gradients_are_those_of_the_loops():
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(3, 7, generator=generator, dtype=torch.float64).requires_grad_()
    steps = torch.tensor([0.1, 0.4, 0.02], dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    rounded = lsq_quantise(values, steps[:, None], lower=-3, upper=4)
    (rounded * upstream).sum().backward()
    for row in range(3):
        expected, of_values, of_step = twins.lsq(values[row].tolist(), steps[row].item(), -3, 4, upstream[row].tolist())
        assert rounded[row].tolist() == pytest.approx(expected)
        assert values.grad[row].tolist() == pytest.approx(of_values)
        assert steps.grad[row].item() == pytest.approx(of_step)


def test_out_of_range_the_gradient_of_the_step_is_the_true_one():
    values, step = torch.tensor([9.0, -9.0, 7.0], dtype=torch.float64), 0.5
    at = torch.tensor(step, dtype=torch.float64, requires_grad=True)
    lsq_quantise(values, at, lower=-4, upper=3).sum().backward()
    after, before = (
        lsq_quantise(values, torch.tensor(step + move, dtype=torch.float64), lower=-4, upper=3).sum()
        for move in (1e-6, -1e-6)
    )
    assert at.grad.item() == pytest.approx((after - before).item() / 2e-6 / (3 * 3) ** 0.5, rel=1e-6)


def test_rounding_twice_is_rounding_once():
    values = torch.randn(50, generator=torch.Generator().manual_seed(0))
    once = lsq_quantise(values, torch.tensor(0.05), lower=-128, upper=127)
    assert torch.equal(lsq_quantise(once, torch.tensor(0.05), lower=-128, upper=127), once)
    assert (once - values).abs().max() <= 0.025 + 1e-6


def test_half_precision_is_rounded_in_float32():
    values = torch.tensor([0.31, -0.7], dtype=torch.float16)
    assert lsq_quantise(values, torch.tensor(0.01), lower=-128, upper=127).dtype == torch.float32


def test_no_values_have_no_gradient():
    values, step = torch.zeros(0, requires_grad=True), torch.tensor(0.5, requires_grad=True)
    lsq_quantise(values, step, lower=-4, upper=3).sum().backward()
    assert (len(values.grad), step.grad.item()) == (0, 0.0)


@pytest.mark.parametrize("bounds", [(-127, 127), (0, 255), (-128, 127)])
def test_the_first_step_errs_no_more_than_the_papers(bounds):
    lower, upper = bounds
    values = torch.randn(4, 200, generator=torch.Generator().manual_seed(1))
    values = values.abs() if lower == 0 else values
    errors = [
        (lsq_quantise(values, start[:, None], lower=lower, upper=upper) - values).square().sum()
        for start in (best_start(values, lower=lower, upper=upper), lsq_start(values, upper=upper))
    ]
    assert errors[0] <= errors[1]


def test_dead_channels_get_a_step_above_zero():
    values = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    starts = best_start(values, lower=-127, upper=127)
    assert (starts > 0).all()
    assert starts[0] < starts[1]
    assert best_start(torch.zeros(2, 3), lower=-127, upper=127).tolist() == [1.0, 1.0]
