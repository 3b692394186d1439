import pytest
import torch
from safetensors.torch import save
from torch import nn

from pipeline.errors import ConfigError
from pipeline.models.domain_norm import DomainBatchNorm, convert_domain_batchnorm, export_domain, set_domain
from pipeline.models.normalization import InstanceBatchNorm
from pipeline.models.trunks import build_trunk

SMALL = {"channels": [8, 16, 24, 32], "layers": [2, 1, 1, 1]}


def make_norm(channels: int = 6) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    generator = torch.Generator().manual_seed(0)
    for tensor in (norm.weight.data, norm.bias.data, norm.running_mean):
        tensor.copy_(torch.randn(channels, generator=generator))  # type: ignore[union-attr]
    norm.running_var.copy_(torch.rand(channels, generator=generator) + 0.5)  # type: ignore[union-attr]
    return norm


def instance_places(network: nn.Module) -> list[str]:
    return [name for name, module in network.named_modules() if isinstance(module, nn.InstanceNorm2d)]


def test_ibn_normalises_half_by_instance_and_half_by_batch_with_the_old_weights() -> None:
    norm = make_norm().eval()
    both = InstanceBatchNorm(norm).eval()
    x = torch.randn(2, 6, 4, 3)
    output = both(x)
    torch.testing.assert_close(output[:, 3:], norm(x)[:, 3:])
    mean, var = x[:, :3].mean((2, 3), keepdim=True), x[:, :3].var((2, 3), keepdim=True, unbiased=False)
    expected = (x[:, :3] - mean) / (var + norm.eps).sqrt() * norm.weight[:3, None, None] + norm.bias[:3, None, None]
    torch.testing.assert_close(output[:, :3], expected)


def test_ibn_a_goes_to_the_first_norm_of_layers_one_to_three() -> None:
    trunk = build_trunk("timm/resnet18", ibn="a", args=SMALL)
    blocks = ["layer1.0", "layer1.1", "layer2.0", "layer3.0"]
    assert instance_places(trunk.body) == [f"{block}.bn1.instance_norm" for block in blocks]
    assert trunk(torch.randn(2, 3, 64, 32)).shape == (2, 32, 4, 2)


@pytest.mark.parametrize(("arch", "act"), [("timm/resnet18", "act2"), ("timm/resnet26", "act3")])
def test_ibn_b_goes_to_the_stem_and_behind_the_sum_of_layers_one_and_two(arch: str, act: str) -> None:
    trunk = build_trunk(arch, ibn="b", args=SMALL)
    assert instance_places(trunk.body) == ["bn1", f"layer1.1.{act}.0", f"layer2.0.{act}.0"]
    trunk(torch.randn(2, 3, 64, 32)).sum().backward()


@pytest.mark.parametrize("arch", ["timm/mobilenetv3_small_050", "timm/convnext_atto"])
def test_ibn_of_another_family_is_refused(arch: str) -> None:
    with pytest.raises(ConfigError, match=r"ibn 'a' cannot be applied.*osnet_ibn_x1_0"):
        build_trunk(arch, ibn="a")


def test_an_unknown_ibn_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"ibn is 'c'.*none, a, b"):
        build_trunk("timm/resnet18", ibn="c", args=SMALL)


@pytest.mark.parametrize("shared", [True, False])
def test_domains_keep_their_own_statistics_and_export_to_plain_networks(shared: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5))
    alone = [nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5))]
    alone.append(nn.Sequential(*[type(m)(*_arguments(m)) for m in plain]))
    for network in alone:
        network.load_state_dict(plain.state_dict())
    converted = convert_domain_batchnorm(plain, 2, shared_affine=shared)
    for step in range(3):
        for domain in (0, 1):
            x = torch.randn(4, 3, 2, 2) * (domain + 1) + step
            set_domain(converted, domain)
            torch.testing.assert_close(converted.train()(x), alone[domain].train()(x))
    x = torch.randn(4, 3, 2, 2)
    for domain in (0, 1):
        exported = export_domain(converted.eval(), domain)
        assert not any(isinstance(module, DomainBatchNorm) for module in exported.modules())
        torch.testing.assert_close(exported(x), alone[domain].eval()(x))
        # The count of batches has no effect with a fixed momentum and is not kept.
        kept = {name for name in alone[domain].state_dict() if "num_batches" not in name}
        for name in kept:
            torch.testing.assert_close(exported.state_dict()[name], alone[domain].state_dict()[name])


def _arguments(module: nn.Module) -> tuple[int, ...]:
    if isinstance(module, nn.Conv2d):
        return module.in_channels, module.out_channels, 1
    return (module.num_features,) if isinstance(module, nn.BatchNorm2d) else ()


def test_the_affine_part_is_shared_or_separate() -> None:
    for shared, rows in ((True, 1), (False, 3)):
        norm = convert_domain_batchnorm(nn.Sequential(nn.BatchNorm2d(4)), 3, shared_affine=shared)[0]
        assert norm.weight.shape == (rows, 4)
        assert norm.running_mean.shape == (3, 4)


def test_fused_norms_keep_their_activation_and_instance_norms_survive() -> None:
    for arch, ibn, args in (("timm/mobilenetv3_small_050", "none", {}), ("timm/resnet18", "a", SMALL)):
        trunk = build_trunk(arch, ibn=ibn, args=args).eval()
        x = torch.randn(2, 3, 64, 32)
        with torch.no_grad():
            before, places = trunk(x), instance_places(trunk)
            convert_domain_batchnorm(trunk, 2)
            assert not any(isinstance(module, nn.BatchNorm2d) for module in trunk.modules())
            torch.testing.assert_close(trunk(x), before)
            exported = export_domain(trunk, 1)
            torch.testing.assert_close(exported(x), before)
        assert instance_places(exported) == places


def test_a_frozen_shift_stays_frozen() -> None:
    norm = nn.BatchNorm1d(4)
    norm.bias.requires_grad_(False)
    assert not convert_domain_batchnorm(nn.Sequential(norm), 2)[0].bias.requires_grad


def test_a_converted_network_can_be_saved_without_shared_storage() -> None:
    trunk = convert_domain_batchnorm(build_trunk("timm/resnet18", args=SMALL), 2)
    trunk(torch.randn(2, 3, 64, 32))
    assert save(trunk.state_dict())


def test_a_domain_that_is_not_there_is_refused() -> None:
    trunk = nn.Sequential(nn.BatchNorm2d(4))
    with pytest.raises(ConfigError, match="domain 1 was asked for"):
        set_domain(trunk, 1)
    with pytest.raises(ConfigError, match="one of 2 domains"):
        set_domain(convert_domain_batchnorm(trunk, 2), 2)
    with pytest.raises(ConfigError, match="domains is 0"):
        convert_domain_batchnorm(trunk, 0)
