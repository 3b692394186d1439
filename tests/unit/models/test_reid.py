import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pipeline.errors import ConfigError
from pipeline.models.complexity import count_macs, count_parameters
from pipeline.models.connectors import LinearConnector
from pipeline.models.pooling import GeM, gem_pool, make_pooling
from pipeline.models.reid import ReIDModel
from pipeline.models.trunks import build_trunk

SMALL = {"channels": [8, 16, 24, 32], "layers": [1, 1, 1, 1]}


def make_model(**changes: object) -> ReIDModel:
    torch.manual_seed(0)
    settings: dict = {"embedding": 12, "num_classes": 5, "size": (64, 32), **changes}
    return ReIDModel(build_trunk("timm/resnet18", args=SMALL), **settings)


def make_images(count: int = 3, height: int = 64, width: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, height, width), generator=generator, dtype=torch.uint8)


def test_taps_have_the_documented_shapes() -> None:
    taps = make_model()(make_images(), taps=("layer2", "layer4.0.conv1"))
    assert taps.embedding.shape == taps.bn_embedding.shape == (3, 12)
    assert taps.logits is not None
    assert taps.logits.shape == (3, 5)
    assert {name: tuple(value.shape) for name, value in taps.maps.items()} == {
        "layer2": (3, 16, 8, 4),
        "layer4.0.conv1": (3, 32, 4, 2),
    }


def test_no_hook_is_left_behind() -> None:
    model = make_model()
    model(make_images(), taps=("layer2",))
    assert not any(module._forward_hooks for module in model.modules())
    assert model(make_images()).maps == {}


def test_an_unknown_tap_is_refused_with_near_matches() -> None:
    with pytest.raises(ConfigError, match=r"no module 'layer22' to tap.*layer2"):
        make_model()(make_images(), taps=("layer22",))


def test_pixels_are_normalised_inside() -> None:
    model = make_model(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    images = make_images()
    expected = (images.double() / 255 - torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)) / torch.tensor(
        [0.2, 0.3, 0.4]
    ).view(1, 3, 1, 1)
    torch.testing.assert_close(model.normalise(images), expected.float())
    torch.testing.assert_close(model.normalise(images.float()), expected.float())


def test_another_size_is_resized_with_antialiasing() -> None:
    model = make_model(mean=(0.0,) * 3, std=(1.0,) * 3)
    fine = torch.zeros(1, 3, 128, 64)
    fine[..., ::2] = 255.0
    # Without antialiasing, stripes of one pixel would come out as stripes or vanish.
    assert model.normalise(fine)[..., 4:-4].sub(0.5).abs().max() < 0.05
    assert model.normalise(fine).shape[-2:] == (64, 32)


def test_embed_is_the_unit_bn_embedding_and_needs_eval_mode() -> None:
    model = make_model().eval()
    with torch.no_grad():
        expected = F.normalize(model(make_images()).bn_embedding, dim=1)
    torch.testing.assert_close(model.embed(make_images()), expected)
    with pytest.raises(AssertionError, match="eval mode"):
        model.train().embed(make_images())


def test_the_shift_of_the_neck_is_frozen_and_the_classifier_has_none() -> None:
    model = make_model()
    model(make_images()).logits.sum().backward()  # type: ignore[union-attr]
    assert model.neck.bn.bias.grad is None
    assert model.neck.classifier is not None
    assert model.neck.classifier.bias is None


def test_the_classifier_can_be_replaced_and_removed() -> None:
    model = make_model()
    model.reset_classifier(9)
    assert model.num_classes == 9
    assert model(make_images()).logits.shape == (3, 9)  # type: ignore[union-attr]
    model.reset_classifier(None)
    assert model.num_classes is None
    assert model(make_images()).logits is None


def test_without_projection_the_embedding_is_as_wide_as_the_trunk() -> None:
    assert make_model(embedding=None).embedding_width == 32


def test_parameters_are_counted_without_the_classifier_and_macs_without_it_too() -> None:
    model = make_model()
    assert count_parameters(model, with_classifier=True) - count_parameters(model) == 12 * 5
    larger = make_model(num_classes=500)
    assert count_macs(model, (64, 32)) == count_macs(larger, (64, 32))
    assert count_macs(model, (64, 32)) == count_macs(model.train(), (64, 32))
    assert model.training


def test_macs_of_a_convolution_by_hand() -> None:
    layer = nn.Conv2d(3, 8, 3, padding=1, stride=2)
    assert count_macs(layer, (16, 8)) == 8 * 4 * 8 * 3 * 9
    assert count_macs(nn.Conv2d(3, 6, 3, padding=1, groups=3), (16, 8)) == 16 * 8 * 6 * 9


def test_gem_is_the_mean_at_one_and_the_maximum_in_the_limit() -> None:
    x = torch.rand(2, 3, 4, 5, dtype=torch.float32) + 0.1
    torch.testing.assert_close(gem_pool(x, 1.0), x.mean((2, 3)))
    torch.testing.assert_close(gem_pool(x, 200.0), x.amax((2, 3)), rtol=0.03, atol=0)
    expected = torch.tensor([((1 + 8 + 27 + 64) / 4) ** (1 / 3)])
    torch.testing.assert_close(gem_pool(torch.tensor([[[[1.0, 2], [3, 4]]]]), 3.0), expected[None])


def test_gem_learns_its_exponent_and_survives_zero_negative_and_half_precision_maps() -> None:
    pool = GeM()
    for x in (torch.zeros(1, 2, 3, 3), -torch.ones(1, 2, 3, 3), torch.full((1, 2, 3, 3), 300.0).half()):
        pool.zero_grad()
        leaf = x.clone().requires_grad_()
        pool(leaf).sum().backward()
        assert torch.isfinite(pool(leaf)).all()
        assert torch.isfinite(pool.exponent.grad).all()  # type: ignore[arg-type]
        assert torch.isfinite(leaf.grad).all()  # type: ignore[arg-type]
    torch.testing.assert_close(pool(torch.full((1, 2, 3, 3), 300.0).half()), torch.full((1, 2), 300.0))


def test_other_poolings() -> None:
    x = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(make_pooling("average")(x), x.mean((2, 3)))
    torch.testing.assert_close(make_pooling("max_average")(x), x.mean((2, 3)) + x.amax((2, 3)))
    with pytest.raises(ConfigError, match="no pooling 'sum'"):
        make_pooling("sum")


def test_a_connector_that_widens_keeps_cosines_at_the_start() -> None:
    connector = LinearConnector(6, 10)
    x = torch.randn(5, 6)
    before, after = F.normalize(x, dim=1), F.normalize(connector(x), dim=1)
    torch.testing.assert_close(after @ after.T, before @ before.T)


def test_forward_works_under_autocast_with_embeddings_that_are_finite() -> None:
    model = make_model()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        taps = model(make_images())
    assert torch.isfinite(taps.bn_embedding).all()
