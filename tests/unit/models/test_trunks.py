from typing import Any

import pytest
import timm
import torch
from torch import nn

from pipeline.errors import ConfigError
from pipeline.models import hub, trunks
from pipeline.models.trunks import build_trunk

SMALL = {"channels": [8, 16, 24, 32], "layers": [1, 1, 1, 1]}


@pytest.mark.parametrize(
    ("arch", "args", "reduction"),
    [
        ("timm/resnet18", SMALL, 16),
        ("timm/resnet26d", SMALL, 16),
        ("timm/mobilenetv3_small_050", {}, 16),
        ("timm/mobilenetv4_conv_small_035", {}, 16),
        ("timm/efficientnet_lite0", {}, 16),
        ("timm/regnetx_002", {}, 16),
        ("timm/convnext_atto", {"depths": [1, 1, 1, 1], "dims": [8, 16, 24, 32]}, 32),
        ("timm/vit_tiny_patch16_224", {"depth": 1}, 16),
        ("timm/swin_tiny_patch4_window7_224", {"img_size": [64, 64], "depths": [1, 1, 1, 1], "embed_dim": 24}, 32),
        ("osnet_x0_25", {}, 16),
    ],
)
def test_every_family_gives_a_map_and_trains_every_parameter(arch: str, args: dict[str, Any], reduction: int) -> None:
    trunk = build_trunk(arch, args=args)
    size = (64, 64)
    output = trunk(torch.randn(2, 3, *size))
    assert output.shape == (2, trunk.num_features, size[0] // reduction, size[1] // reduction)
    output.square().sum().backward()
    untrained = [name for name, parameter in trunk.named_parameters() if parameter.grad is None]
    assert untrained == []


def test_width_and_depth_of_a_resnet_can_be_chosen() -> None:
    assert build_trunk("timm/resnet18", args=SMALL).num_features == 32


def test_last_stride_keeps_every_weight_and_only_the_last_stage_changes() -> None:
    torch.manual_seed(0)
    plain = build_trunk("timm/resnet26d", args=SMALL, last_stride=2).eval()
    finer = build_trunk("timm/resnet26d", args=SMALL, last_stride=1).eval()
    finer.load_state_dict(plain.state_dict())
    image = torch.randn(1, 3, 64, 64)
    stages: list[torch.Tensor] = []
    for trunk in (plain, finer):
        trunk.body.layer3.register_forward_hook(lambda _m, _i, output: stages.append(output))
    with torch.no_grad():
        coarse, fine = plain(image), finer(image)
    torch.testing.assert_close(stages[0], stages[1])
    assert coarse.shape[-1] * 2 == fine.shape[-1]
    assert not any(m.dilation != (1, 1) for m in finer.modules() if isinstance(m, nn.Conv2d))


def test_a_demand_for_last_stride_one_that_cannot_be_met_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"last_stride 1 is not possible for ConvNeXt.*Set last_stride to 2"):
        build_trunk("timm/convnext_atto", last_stride=1, args={"depths": [1, 1, 1, 1], "dims": [8, 16, 24, 32]})


def test_a_network_that_cannot_lose_its_stride_is_left_as_it_was() -> None:
    args = {"depths": [1, 1, 1, 1], "dims": [8, 16, 24, 32]}
    torch.manual_seed(0)
    tried = build_trunk("timm/convnext_atto", args=args).eval()
    untouched = build_trunk("timm/convnext_atto", last_stride=2, args=args).eval()
    untouched.load_state_dict(tried.state_dict())
    image = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(tried(image), untouched(image))


@pytest.mark.parametrize(
    ("arch", "hint"),
    [
        ("timm/resnt50", "timm/resnet50"),
        ("resnet50", "timm/resnet50"),
        ("osnet_x2_0", "osnet_x1_0"),
        ("qqqq", "timm/<name of a timm network>"),
    ],
)
def test_an_unknown_name_is_refused_with_near_matches(arch: str, hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        build_trunk(arch)
    assert arch in str(error.value)
    assert hint in str(error.value)


def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(ConfigError, match="does not accept chanels"):
        build_trunk("timm/resnet18", args={"chanels": [8]})


def test_osnet_takes_neither_hub_weights_nor_ibn_nor_arguments() -> None:
    with pytest.raises(ConfigError, match=r"no weights on the hub.*weights file"):
        build_trunk("osnet_x1_0", pretrained=True)
    with pytest.raises(ConfigError, match="osnet_ibn_x1_0"):
        build_trunk("osnet_x1_0", ibn="a")
    with pytest.raises(ConfigError, match=r"got arguments \{'depth': 3\}; expected channels"):
        build_trunk("osnet_x1_0", args={"depth": 3})


def test_no_hub_is_one_sentence_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(trunks, "cached_weights", lambda _: None)
    monkeypatch.setattr(hub.urllib.request, "getproxies", dict)
    monkeypatch.setattr(hub.socket, "create_connection", refuse)
    with pytest.raises(ConfigError, match=r"resnet18.*cannot be reached.*set weights: scratch.*weights file"):
        build_trunk("timm/resnet18", pretrained=True)


def test_a_name_without_hub_weights_is_refused() -> None:
    name = sorted(set(timm.list_models("resnet*")) - {n.split(".")[0] for n in timm.list_pretrained()})[0]
    with pytest.raises(ConfigError, match="has no pretrained weights"):
        build_trunk(f"timm/{name}", pretrained=True)


def test_cached_hub_weights_are_used_without_a_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from safetensors.torch import save_file

    source = timm.create_model("resnet18")
    path = tmp_path / "model.safetensors"
    save_file(source.state_dict(), path)
    monkeypatch.setattr(trunks, "cached_weights", lambda _: path)
    trunk = build_trunk("timm/resnet18", pretrained=True)
    torch.testing.assert_close(trunk.body.layer4[1].conv2.weight, source.layer4[1].conv2.weight)
