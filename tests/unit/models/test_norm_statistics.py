"""What batch norms see of images, beside what they remember."""

import pytest
import torch
from torch import nn

from pipeline.build import reid_model
from pipeline.models.norm_statistics import channel_statistics, remembering_norms, statistics_seen
from pipeline.models.normalization import InstanceBatchNorm
from tests.references import data_free as loops


def make_model(arch="timm/resnet18", ibn="none", **args):
    torch.manual_seed(0)
    return reid_model(
        arch=arch, size=(32, 16), embedding=8, pooling="gem", ibn=ibn, weights="scratch", args=args,
        mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), num_classes=3,
    ).eval()  # fmt: skip


def make_small(ibn):
    return make_model(ibn=ibn, channels=[4, 4, 8, 8], layers=[1, 1, 1, 1])


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4, 5)])
def test_statistics_equal_the_loops(shape):
    values = torch.randn(*shape, dtype=torch.float64)
    images = values if values.ndim == 4 else values[:, :, None, None]
    variance, mean = channel_statistics(values)
    expected = loops.statistics(images.tolist())
    assert mean.tolist() == pytest.approx(expected[0])
    assert variance.tolist() == pytest.approx(expected[1])


def test_a_norm_sees_its_input_and_remembers_its_own():
    norm = nn.BatchNorm1d(1).eval()
    norm.running_mean.fill_(1.0)
    norm.running_var.fill_(4.0)
    with statistics_seen(norm) as seen:
        norm(torch.tensor([[0.0], [2.0], [4.0], [6.0]]))
    ((mean, variance, kept_mean, kept_variance),) = seen
    assert [float(v) for v in (mean, variance, kept_mean, kept_variance)] == [3.0, 5.0, 1.0, 4.0]
    norm(torch.zeros(2, 1))
    assert len(seen) == 1


@pytest.mark.parametrize(("ibn", "missing"), [("none", 0), ("a", 0), ("b", 1)])
def test_instance_norms_are_left_out(ibn, missing):
    # Variant b has an instance norm in place of the stem's, and two beside the others; a keeps half of each norm.
    plain, model = make_small("none"), make_small(ibn)
    with statistics_seen(model) as seen:
        model(torch.zeros(2, 3, 32, 16))
    assert len(seen) == len(remembering_norms(model)) == len(remembering_norms(plain)) - missing
    halves = [m for m in model.modules() if isinstance(m, InstanceBatchNorm)]
    assert bool(halves) == (ibn == "a")


def test_running_statistics_stay():
    model = make_small("b")
    before = {name: value.clone() for name, value in model.named_buffers()}
    with statistics_seen(model) as seen:
        model(torch.rand(4, 3, 32, 16) * 255)
    assert all(value.equal(before[name]) for name, value in model.named_buffers())
    assert all(torch.isfinite(part).all() for norm in seen for part in norm)


def test_a_transformer_remembers_nothing():
    model = make_model("timm/vit_tiny_patch16_224", img_size=[32, 16], embed_dim=12, depth=1, num_heads=2)
    assert remembering_norms(model.trunk) == []
