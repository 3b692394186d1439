"""Which blocks of a stage have maps that can be added up."""

import pytest
import torch

from pipeline.models.reid import ReIDModel
from pipeline.models.trunks import build_trunk

FAMILIES = [
    ("timm/resnet18", {"layers": [2, 1, 3, 1], "channels": [4, 4, 8, 8], "zero_init_last": False},
     {"stage1": ("layer1.0", "layer1.1"), "stage3": ("layer3.0", "layer3.1", "layer3.2")}),
    ("cifar/resnet14", {}, {f"stage{i}": (f"layer{i}.0", f"layer{i}.1") for i in (1, 2, 3)}),
    ("cifar/resnet8", {}, {}),
    ("osnet_x0_25", {}, {f"stage{i - 1}": (f"conv{i}.0", f"conv{i}.1") for i in (2, 3, 4)}),
    ("timm/mobilenetv4_conv_small", {},
     {"stage1": ("blocks.0.0", "blocks.0.1"), "stage3": tuple(f"blocks.2.{i}" for i in range(6))}),
    ("timm/convnext_atto", {"depths": [1, 2, 1, 1]}, {"stage2": ("stages.1.blocks.0", "stages.1.blocks.1")}),
    ("timm/regnety_002", {"zero_init_last": False}, {"stage3": tuple(f"s3.b{i}" for i in range(1, 5)),
                              "stage4": tuple(f"s4.b{i}" for i in range(1, 8))}),
    ("timm/densenet121", {}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("arch", "args", "blocks"), FAMILIES)
def test_blocks_of_every_family(arch, args, blocks):
    model = ReIDModel(build_trunk(arch, args=args), embedding=4, size=(64, 32)).eval()
    assert model.shape.blocks == blocks
    images = torch.randint(0, 256, (2, 3, 64, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    for stage, names in blocks.items():
        with torch.no_grad():
            maps = model(images, taps=(*names, stage)).maps
        assert len({tuple(one.shape) for one in maps.values()}) == 1
        assert torch.equal(maps[names[-1]], maps[stage])
        assert not torch.equal(maps[names[0]], maps[stage])
