from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from pipeline.errors import CheckpointError, ConfigError
from pipeline.models.detection.build import build_detector
from pipeline.models.detection.feature_trunk import available_strides, build_feature_trunk
from pipeline.models.detection.pyramid import Pyramid
from pipeline.models.normalization import InstanceBatchNorm

SMALL = {"channels": [8, 16, 24, 32], "layers": [1, 1, 1, 1]}
TINY_CONVNEXT = {"depths": [1, 1, 1, 1], "dims": [8, 16, 24, 32]}


@pytest.mark.parametrize(
    ("arch", "args", "strides", "widths"),
    [
        ("timm/resnet18", SMALL, (4, 8, 16, 32), (8, 16, 24, 32)),
        ("timm/resnet18", SMALL, (8, 16), (16, 24)),
        ("timm/mobilenetv4_conv_small_035", {}, (4, 8), (16, 24)),
        ("timm/convnext_atto", TINY_CONVNEXT, (8, 32), (16, 32)),
        ("timm/swin_tiny_patch4_window7_224",
         {"img_size": [64, 128], "strict_img_size": False, "depths": [1, 1, 1, 1], "embed_dim": 24}, (8, 16), (48, 96)),
    ],
)  # fmt: skip
def test_maps_are_addressed_by_stride(arch: str, args: dict, strides: tuple, widths: tuple) -> None:
    trunk = build_feature_trunk(arch, strides, args=args)
    maps = trunk(torch.randn(1, 3, 64, 128))
    assert {stride: tuple(level.shape[1:]) for stride, level in maps.items()} == {
        stride: (width, 64 // stride, 128 // stride) for stride, width in zip(strides, widths, strict=True)
    }


def test_what_lies_behind_the_coarsest_stride_is_left_out() -> None:
    names = {
        name.split(".")[0] for name, _ in build_feature_trunk("timm/resnet18", (4, 8), args=SMALL).body.named_modules()
    }
    assert "layer2" in names
    assert "layer3" not in names


def test_a_missing_stride_is_named_with_those_that_exist() -> None:
    with pytest.raises(ConfigError, match=r"convnext_atto has no feature map of stride 2; expected strides among 4, 8"):
        build_feature_trunk("timm/convnext_atto", (2, 4), args=TINY_CONVNEXT)
    with pytest.raises(ConfigError, match=r"stride 4, 8; expected strides among 16"):
        build_detector(kind="fcos", arch="timm/vit_tiny_patch16_224", strides=(4, 8, 16))


def test_the_deepest_map_of_a_stride_is_taken() -> None:
    assert available_strides("timm/vit_tiny_patch16_224", args={"depth": 3}) == {16: 2}


def test_a_fixed_input_size_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"images of any size.*dynamic_img_size"):
        build_feature_trunk("timm/vit_tiny_patch16_224", (16,), args={"depth": 3})
    trunk = build_feature_trunk("timm/vit_tiny_patch16_224", (16,), args={"depth": 3, "dynamic_img_size": True})
    assert trunk(torch.randn(1, 3, 64, 96))[16].shape == (1, 192, 4, 6)


@pytest.mark.parametrize("arch", ["resnet18", "timm/resnt18", "osnet_x1_0"])
def test_an_unknown_trunk_is_refused(arch: str) -> None:
    with pytest.raises(ConfigError, match="no detector trunk"):
        build_feature_trunk(arch, (8,))
    with pytest.raises(ConfigError, match="no detector trunk") as error:
        build_detector(kind="fcos", arch=arch)
    # What is offered must be something that a detector can take.
    assert "osnet" not in str(error.value).replace(repr(arch), "")


def test_ibn_is_applied_as_in_re_identification() -> None:
    trunk = build_feature_trunk("timm/resnet18", (8, 16), ibn="a", args=SMALL)
    assert isinstance(trunk.body.layer2[0].bn1, InstanceBatchNorm)
    with pytest.raises(ConfigError, match="ResNet-like"):
        build_feature_trunk("timm/convnext_atto", (8, 16), ibn="a", args=TINY_CONVNEXT)


@pytest.mark.parametrize(
    ("arch", "args", "name"),
    [
        ("resnet18", SMALL, "layer2.0.conv1.weight"),
        ("convnext_atto", TINY_CONVNEXT, "stages_1.blocks.0.conv_dw.weight"),
    ],
)
def test_a_classifiers_file_fills_the_trunk(tmp_path: Path, arch: str, args: dict, name: str) -> None:
    source = timm.create_model(arch, **args)
    path = tmp_path / "classifier.safetensors"
    save_file(source.state_dict(), path)
    detector = build_detector(
        kind="fcos", arch=f"timm/{arch}", args=args, weights=str(path), pyramid_width=8, head_width=8
    )
    original = source.state_dict()[name.replace("stages_1", "stages.1")]
    torch.testing.assert_close(detector.trunk.body.state_dict()[name], original)


def test_a_detectors_file_fills_everything_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    settings = {"kind": "fcos", "arch": "timm/resnet18", "args": SMALL, "pyramid_width": 8, "head_width": 8}
    source = build_detector(**settings)
    save_file(source.state_dict(), tmp_path / "detector.safetensors")
    again = build_detector(**settings, weights=str(tmp_path / "detector.safetensors"))
    for name, value in source.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value)
    save_file({"somebody.else": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="no tensor of"):
        build_detector(**settings, weights=str(tmp_path / "foreign.safetensors"))
    with pytest.raises(CheckpointError, match="no weights file"):
        build_detector(**settings, weights=str(tmp_path / "nothing.pth"))


@pytest.mark.parametrize("norm", ["bn", "none"])
def test_the_pyramid_goes_beyond_the_trunk(norm: str) -> None:
    pyramid = Pyramid({8: 6, 16: 10}, width=12, extra_levels=2, norm=norm)
    maps = pyramid({8: torch.randn(2, 6, 16, 24), 16: torch.randn(2, 10, 8, 12)})
    assert {stride: tuple(level.shape) for stride, level in maps.items()} == {
        8: (2, 12, 16, 24), 16: (2, 12, 8, 12), 32: (2, 12, 4, 6), 64: (2, 12, 2, 3),
    }  # fmt: skip
    sum(level.sum() for level in maps.values()).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is not None for parameter in pyramid.parameters())


def test_a_fine_level_hears_of_the_coarse_one() -> None:
    pyramid = Pyramid({8: 6, 16: 10}, width=12).eval()
    fine, coarse = torch.randn(1, 6, 8, 8), torch.randn(1, 10, 4, 4)
    before = pyramid({8: fine, 16: coarse})
    after = pyramid({8: fine, 16: coarse + 1})
    assert not torch.allclose(before[8], after[8])
    assert torch.equal(before[16], pyramid({8: fine + 1, 16: coarse})[16])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": (16, 8)}, r"strides is \[16, 8\]; expected ascending"),
        ({"strides": ()}, "ascending"),
        ({"strides": (8, 16, 32, 128)}, "strides 128 lie beyond the trunk's 32; expected 64"),
        ({"strides": (8, 16), "extra_levels": 2}, "extra_levels is 2"),
        ({"pyramid_norm": "gn"}, "pyramid_norm is 'gn'"),
        ({"pyramid_width": 0}, "pyramid_width is 0"),
        ({"head_depth": 0}, "head_depth is 0"),
        ({"head_norn": "bn"}, "has no argument 'head_norn'; expected one of head_norm"),
        ({"anchor_scales": [4.0]}, "kind fcos has no argument 'anchor_scales'"),
        ({"quality": "good"}, "quality is 'good'"),
        ({"head_norm": "ln"}, "head_norm is 'ln'"),
        ({"kind": "yolo"}, "no detector of kind 'yolo'; expected one of faster_rcnn, fcos"),
        ({"kind": "faster_rcnn", "person_share": 0.0}, "person_share is 0.0"),
        ({"args": {"chanels": [8]}}, "does not accept chanels"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_sentence(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_detector(**{"kind": "fcos", "arch": "timm/resnet18", "args": SMALL, **changes})


def test_a_level_of_the_trunk_can_be_replaced_by_the_pyramids_own() -> None:
    settings = {"kind": "fcos", "arch": "timm/resnet18", "args": SMALL, "pyramid_width": 8, "head_width": 8}
    cut = build_detector(**settings, strides=(8, 16, 32), extra_levels=1)
    assert cut.shape.strides == (8, 16, 32)
    assert cut.trunk.strides == (8, 16)
