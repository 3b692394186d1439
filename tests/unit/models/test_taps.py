"""Maps under canonical names, whatever the trunk, and the shape that objectives are built with."""

from typing import Any

import pytest
import torch
from torch import nn

from pipeline.errors import ConfigError
from pipeline.models.reid import ReIDModel
from pipeline.models.trunks import build_trunk

SIZE = (64, 32)
FAMILIES: list[tuple[str, dict[str, Any], list[tuple[int, int, int]]]] = [
    (
        "timm/resnet18", {"channels": [8, 16, 24, 32], "layers": [1, 1, 1, 1]},
        [(8, 16, 8), (16, 8, 4), (24, 4, 2), (32, 4, 2)],
    ),
    ("timm/mobilenetv3_small_050", {}, [(8, 16, 8), (16, 8, 4), (24, 4, 2), (288, 4, 2)]),
    (
        "timm/convnext_atto", {"depths": [1, 1, 1, 1], "dims": [8, 16, 24, 32]},
        [(8, 16, 8), (16, 8, 4), (24, 4, 2), (32, 2, 1)],
    ),
    ("timm/vit_tiny_patch16_224", {"depth": 2, "img_size": list(SIZE)}, [(192, 4, 2)] * 2),
    (
        "timm/swin_tiny_patch4_window7_224", {"img_size": list(SIZE), "depths": [1, 1, 1, 1], "embed_dim": 24},
        [(24, 16, 8), (48, 8, 4), (96, 4, 2), (192, 2, 1)],
    ),
    ("osnet_x0_25", {}, [(64, 16, 8), (96, 8, 4), (128, 4, 2), (128, 4, 2)]),
    ("cifar/resnet8", {}, [(16, 64, 32), (32, 32, 16), (64, 16, 8)]),
]  # fmt: skip


class Bare(nn.Module):
    """A trunk that names no stages."""

    num_features = 4

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.stem(images))


def make_model(arch: str = "timm/resnet18", args: dict[str, Any] | None = None) -> ReIDModel:
    torch.manual_seed(0)
    chosen = {"channels": [8, 16, 24, 32], "layers": [1, 1, 1, 1]} if args is None else args
    return ReIDModel(build_trunk(arch, args=chosen), embedding=12, num_classes=5, size=SIZE)


@pytest.mark.parametrize(("arch", "args", "stages"), FAMILIES)
def test_every_family_has_stages_and_a_last_map(
    arch: str, args: dict[str, Any], stages: list[tuple[int, int, int]]
) -> None:
    model = make_model(arch, args)
    names = tuple(f"stage{i}" for i in range(1, len(stages) + 1))
    assert list(model.stages) == list(names)
    maps = model(torch.zeros(2, 3, *SIZE, dtype=torch.uint8), taps=(*names, "last")).maps
    assert [tuple(maps[name].shape[1:]) for name in names] == stages
    assert maps["last"].shape[1] == model.trunk.num_features
    shape = model.shape
    assert {name: shape.maps[name] for name in maps} == {name: value.shape[1] for name, value in maps.items()}
    assert (shape.width, shape.num_classes) == (12, 5)
    assert list(shape.maps)[: len(maps)] == [*names, "last"]


def test_a_stage_is_its_module_and_plain_names_stay() -> None:
    model = make_model().eval()
    taps = model(torch.rand(2, 3, *SIZE), taps=("stage2", "layer2", "layer4", "last", "layer3.0.conv1"))
    assert torch.equal(taps.maps["stage2"], taps.maps["layer2"])
    assert torch.equal(taps.maps["last"], taps.maps["layer4"])
    assert model.shape.maps["layer3.0.conv1"] == 24


def test_tokens_become_the_map_that_the_trunk_returns() -> None:
    model = make_model("timm/vit_tiny_patch16_224", {"depth": 1, "img_size": list(SIZE)}).eval()
    taps = model(torch.rand(2, 3, *SIZE) * 255, taps=("norm", "last"))
    torch.testing.assert_close(taps.maps["norm"], taps.maps["last"])


def test_looking_at_the_shape_leaves_the_network_as_it_was() -> None:
    model = make_model().train()
    model.trunk.body.bn1.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    model.shape  # noqa: B018
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert modes == [module.training for module in model.modules()]
    assert not any(module._forward_hooks for module in model.modules())


def test_an_unknown_stage_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError, match=r"no module 'stage7' to tap; expected one of stage1, .*stage4, last, or a"):
        make_model().check_taps(["stage1", "stage7"])


def test_a_trunk_without_stages_has_its_last_map() -> None:
    model = ReIDModel(Bare(), size=SIZE)
    assert dict(model.shape.maps) == {"last": 4, "stem": 4}
    assert model.stage_modules() == {}
    maps = model(torch.rand(2, 3, *SIZE), taps=("last", "stem")).maps
    torch.testing.assert_close(maps["last"], torch.relu(maps["stem"]))


def test_modules_with_weights_belong_to_the_stage_in_or_before_which_they_stand() -> None:
    osnet = make_model("osnet_x0_25", {})
    modules = osnet.stage_modules()
    assert osnet.trunk.pool2[0].conv in modules["stage2"]
    assert osnet.trunk.conv1.conv not in sum(modules.values(), ())
    assert modules["stage4"] == (osnet.trunk.conv5.conv, osnet.trunk.conv5.bn)
    resnet = make_model()
    listed = sum(resnet.stage_modules().values(), ())
    inside = [m for i in (1, 2, 3, 4) for m in getattr(resnet.trunk.body, f"layer{i}").modules()
              if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]  # fmt: skip
    assert {id(module) for module in listed} == {id(module) for module in inside}
    assert resnet.neck.classifier not in listed
