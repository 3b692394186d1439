"""Batch norm over small batches, and over ranks as one rank sees it; several ranks are in tests/distributed."""

import copy

import pytest
import torch
from torch import nn

from pipeline.errors import ConfigError
from pipeline.models.shared_norms import SyncedBatchNorm, VirtualBatchNorm, _Synced
from tests.references.batch_norm import loop_batch_norm


def make_norm(width=3, kind=nn.BatchNorm2d):
    norm = kind(width)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 1.5, generator=generator)
        norm.bias.uniform_(-1, 1, generator=generator)
    return norm


def make_rows(count=8, shape=(3, 4, 2), seed=0):
    return 3.0 + 2.0 * torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_small_batches_equal_the_loops(batches):
    norm, rows = make_norm(), make_rows()
    with VirtualBatchNorm(8 // batches):
        found = norm(rows)
    expected, means, variances = loop_batch_norm(rows, norm.weight.detach(), norm.bias.detach(), batches=batches)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(norm.running_mean, 0.1 * means.mean(0))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * variances.mean(0))
    assert int(norm.num_batches_tracked) == 1


def test_a_whole_batch_as_one_small_batch_is_plain_batch_norm():
    norm, rows = make_norm(), make_rows()
    plain = copy.deepcopy(norm)
    with VirtualBatchNorm(8):
        assert torch.equal(norm(rows), plain(rows))
    torch.testing.assert_close(norm.running_var, plain.running_var)


def test_rows_that_leave_a_rest_are_refused():
    with VirtualBatchNorm(3), pytest.raises(ConfigError, match="8 images of a domain on each process; expected a mult"):
        make_norm()(make_rows())


@pytest.mark.parametrize("mode", [lambda: VirtualBatchNorm(2), SyncedBatchNorm])
def test_nothing_changes_in_eval_mode_or_on_one_process(mode):
    norm, rows = make_norm().eval(), make_rows()
    with mode():
        found = norm(rows)
    assert torch.equal(found, norm(rows))
    assert torch.equal(norm.running_mean, torch.zeros(3))


@pytest.mark.parametrize("shape", [(3, 4, 2), (3,)])
def test_the_synced_norm_equals_plain_batch_norm_forward_and_backward(shape):
    norm = make_norm(kind=nn.BatchNorm2d if len(shape) > 1 else nn.BatchNorm1d).double()
    rows = make_rows(shape=shape).double().requires_grad_()
    weights = torch.randn(8, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found, mean, variance, count = _Synced.apply(rows, norm.weight, norm.bias, norm.eps)
    got = torch.autograd.grad((found * weights).sum(), [rows, norm.weight, norm.bias])
    expected = norm(rows)
    wanted = torch.autograd.grad((expected * weights).sum(), [rows, norm.weight, norm.bias])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(norm.running_mean, 0.1 * mean)
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * variance * count / (count - 1))


def test_the_synced_norm_sums_half_precision_in_single():
    rows = (100.0 + torch.randn(64, 2, 8, 8, generator=torch.Generator().manual_seed(0))).bfloat16()
    found, mean, _, _ = _Synced.apply(rows, None, None, 1e-5)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(mean, rows.float().mean((0, 2, 3)), rtol=1e-6, atol=0)
