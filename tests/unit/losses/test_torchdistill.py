"""The same numbers as torchdistill, an independent implementation, where it is installed.

Left out on purpose, because they differ: its similarity-preserving loss divides rows by their L1 norm, and its KD terms
leave the squared temperature out unless a hard loss is asked for, so that is asked for here, with weight 1e-12.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.losses.distillation.attention_transfer import attention_transfer_loss
from pipeline.losses.distillation.dist import dist_loss
from pipeline.losses.distillation.kd import kd_loss, standardised_logits
from pipeline.losses.distillation.pkt import pkt_loss
from pipeline.losses.distillation.rkd import rkd_loss
from tests.unit.losses.make_logits import make_labels, make_logits

theirs: Any = pytest.importorskip("torchdistill.losses.mid_level", reason="torchdistill is not installed")
PATHS = ("net", "output", "net", "output")


def told(criterion: Any, student: Tensor, teacher: Tensor, *rest: Any) -> Tensor:
    value: Tensor = criterion({"net": {"output": student}}, {"net": {"output": teacher}}, *rest)
    return value


def assert_same(criterion: Any, loss: Any, pair: tuple[Tensor, Tensor], *rest: Any) -> None:
    """Compare values and gradients in double precision."""
    slopes, values = [], []
    for function in (lambda s, t: told(criterion, s, t, *rest), loss):
        student = pair[0].clone().requires_grad_()
        value = function(student, pair[1].clone())
        (slope,) = torch.autograd.grad(value, student)
        slopes.append(slope)
        values.append(value.detach())
    torch.testing.assert_close(values[1], values[0], rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(slopes[1], slopes[0], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_attention_transfer(seed: int) -> None:
    paths = {"io": "output", "path": "net"}
    criterion = theirs.ATLoss({"pair": {"student": paths, "teacher": paths, "weight": 1.0}}, mode="code")
    maps = [make_logits(4, c * 12, seed=seed + i).reshape(4, c, 4, 3) for i, c in enumerate((3, 7))]
    assert_same(criterion, attention_transfer_loss, (maps[0], maps[1]))


@pytest.mark.parametrize("seed", range(3))
def test_pkt(seed: int) -> None:
    assert_same(theirs.PKTLoss(*PATHS), pkt_loss, (make_logits(8, 4, seed=seed), make_logits(8, 9, seed=seed + 10)))


@pytest.mark.parametrize(("distance", "angle"), [(1.0, 0.0), (0.0, 2.0), (25.0, 50.0)])
def test_rkd(distance: float, angle: float) -> None:
    criterion = theirs.RKDLoss("net", "net", distance, angle, "mean")
    pair = make_logits(6, 4, seed=1), make_logits(6, 9, seed=2)
    assert_same(criterion, lambda s, t: rkd_loss(s, t, distance=distance, angle=angle), pair)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("scale", [0.5, 5.0])
def test_dist(temperature: float, scale: float) -> None:
    criterion = theirs.DISTLoss(*PATHS, beta=2.0, gamma=0.5, tau=temperature)
    pair = make_logits(8, 20, seed=3, scale=scale), make_logits(8, 20, seed=4, scale=scale)
    assert_same(criterion, lambda s, t: dist_loss(s, t, temperature=temperature, beta=2.0, gamma=0.5), pair)


def test_kd_and_standardised_logits() -> None:
    pair, labels = (make_logits(6, 5, seed=5), make_logits(6, 5, seed=6)), make_labels()
    soft = theirs.KDLoss(*PATHS, temperature=4.0, alpha=1e-12, beta=1.0)
    assert_same(soft, lambda s, t: kd_loss(s, t, temperature=4.0), pair, labels)
    scaled = theirs.LogitStdKDLoss(*PATHS, temperature=2.0, alpha=1e-12, beta=1.0)
    assert_same(
        scaled, lambda s, t: kd_loss(standardised_logits(s), standardised_logits(t), temperature=2.0), pair, labels
    )
