"""The head of the one-stage detector: two towers, and for each cell a person logit, a box and the box's quality."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.models.detection.levels import ASPECT, LEVEL_FACTOR

HEAD_NORMS = ("bn", "gn")
_GROUP = 8
_PRIOR = 0.01
_MAX_LOG = 6.0


class ConvTower(nn.Module):
    """Convolutions that all levels share, with norms of their own.

    Args:
        width_in: channels of the input.
        width: channels of every convolution.
        depth: number of convolutions.
        levels: number of pyramid levels.
        norm: 'bn' or 'gn'.

    Reference:
        Tan et al. EfficientDet. CVPR 2020: with one batch norm for all levels, the statistics of training (a level)
        and of evaluation (a mixture) differ.
    """

    def __init__(self, width_in: int, width: int, *, depth: int, levels: int, norm: str) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(width if i else width_in, width, 3, padding=1, bias=False) for i in range(depth)
        )
        copies = levels if norm == "bn" else 1
        self.norms = nn.ModuleList(nn.ModuleList(_norm(norm, width) for _ in range(copies)) for _ in range(depth))
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")  # type: ignore[arg-type]

    def forward(self, x: Tensor, *, level: int, start: int = 0) -> list[Tensor]:
        """Return the maps after each convolution from number `start` on, the first of them the input.

        Args:
            x: (B, C, h, w).
            level: position of the pyramid level.
            start: convolutions already done.
        """
        outputs = [x]
        for conv, norms in zip(self.convs[start:], self.norms[start:], strict=True):
            norm = norms[level % len(norms)]  # type: ignore[index, arg-type]
            outputs.append(norm(conv(outputs[-1])).relu())
        return outputs


@dataclass(frozen=True)
class HeadMaps:
    """What the head says, by stride.

    Args:
        logits: (B, 1, h, w) person.
        boxes: (B, 4, h, w) float32 distances from the cell's centre to left, top, right and bottom, in strides.
        quality: (B, 1, h, w) logits of how well the box fits.
        towers: (B, F, h, w) last map of the classification tower.
        stack: for each wanted layer (B, 2F, h, w): both towers' maps after it.
    """

    logits: dict[int, Tensor]
    boxes: dict[int, Tensor]
    quality: dict[int, Tensor]
    towers: dict[int, Tensor]
    stack: dict[int, dict[int, Tensor]]


class FCOSHead(nn.Module):
    """Towers and predictors, shared by all levels.

    A fresh head answers with an upright person of the level's middle height around every cell, so that boxes overlap
    people from the first step on.

    Args:
        width_in: channels of the pyramid.
        width: channels of the towers.
        depth: convolutions of each tower, at least 1.
        strides: of the levels, ascending.
        norm: 'bn', one for each level, or 'gn'.
        factor: people up to this many strides high belong to a level.

    Raises:
        ConfigError: an argument is out of range.

    Reference:
        Tian et al. FCOS: fully convolutional one-stage object detection. ICCV 2019.
    """

    prior: Tensor

    def __init__(
        self,
        width_in: int,
        *,
        width: int,
        depth: int,
        strides: Sequence[int],
        norm: str = "bn",
        factor: float = LEVEL_FACTOR,
    ) -> None:
        super().__init__()
        if norm not in HEAD_NORMS:
            raise ConfigError(f"head_norm is {norm!r}", f"one of {', '.join(HEAD_NORMS)}")
        if depth < 1:
            raise ConfigError(f"head_depth is {depth}", "at least 1 convolution")
        self.strides, self.depth, self.width = tuple(strides), depth, width
        sizes = {"depth": depth, "levels": len(self.strides), "norm": norm}
        self.person_tower = ConvTower(width_in, width, **sizes)  # type: ignore[arg-type]
        self.box_tower = ConvTower(width_in, width, **sizes)  # type: ignore[arg-type]
        self.person, self.box, self.quality = (nn.Conv2d(width, out, 3, padding=1) for out in (1, 4, 1))
        for predictor in (self.person, self.box, self.quality):
            nn.init.normal_(predictor.weight, std=0.01)
            nn.init.zeros_(predictor.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.person.bias, -math.log((1 - _PRIOR) / _PRIOR))  # type: ignore[arg-type]
        self.scales = nn.Parameter(torch.ones(len(self.strides)))
        half = factor / math.sqrt(2) / 2
        prior = torch.tensor([ASPECT * half, half, ASPECT * half, half]).log().view(1, 4, 1, 1)
        self.register_buffer("prior", prior, persistent=False)

    def forward(self, maps: Mapping[int, Tensor], *, layers: Sequence[int] = (), with_boxes: bool = True) -> HeadMaps:
        """Answer for every cell.

        Args:
            maps: (B, C, h, w) pyramid by stride.
            layers: layers of the towers that are returned as well, 1 = after the first convolution; needs the boxes.
            with_boxes: False leaves out the box tower with its boxes and qualities.
        """
        found = HeadMaps(logits={}, boxes={}, quality={}, towers={}, stack={layer: {} for layer in layers})
        for level, (stride, features) in enumerate(maps.items()):
            person = self.person_tower(features, level=level)
            found.towers[stride] = person[-1]
            found.logits[stride] = self.person(person[-1])
            if not with_boxes:
                continue
            box = self.box_tower(features, level=level)
            found.boxes[stride] = self._distances(box[-1], level)
            found.quality[stride] = self.quality(box[-1])
            for layer in layers:
                found.stack[layer][stride] = torch.cat([person[layer], box[layer]], dim=1)
        return found

    def resume(self, towers: Mapping[int, Tensor], layer: int) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Answer from the maps after convolution `layer` of another head.

        Args:
            towers: (B, 2F, h, w) by stride, both towers'.
            layer: convolutions already done, 1..depth.

        Returns:
            person logits and boxes by stride.

        Raises:
            ConfigError: there is no such layer, or strides or widths differ.
        """
        if not 1 <= layer <= self.depth:
            raise ConfigError(f"layer is {layer}", f"1..{self.depth}, the convolutions of the head that goes on")
        logits, boxes = {}, {}
        for stride, features in towers.items():
            if stride not in self.strides or features.shape[1] != 2 * self.width:
                raise ConfigError(
                    f"towers of {features.shape[1]} channels at stride {stride}",
                    f"{2 * self.width} channels at strides {', '.join(map(str, self.strides))}",
                    "Put a connector between the heads, and give both detectors the same strides.",
                )
            level = self.strides.index(stride)
            person, box = features.split(self.width, dim=1)
            logits[stride] = self.person(self.person_tower(person, level=level, start=layer)[-1])
            boxes[stride] = self._distances(self.box_tower(box, level=level, start=layer)[-1], level)
        return logits, boxes

    def _distances(self, features: Tensor, level: int) -> Tensor:
        # In float32: the exponential of half precision has steps of several pixels.
        raw = self.box(features).float() * self.scales[level]
        return (raw.clamp(-_MAX_LOG, _MAX_LOG) + self.prior).exp()


def _norm(kind: str, width: int) -> nn.Module:
    if kind == "bn":
        return nn.BatchNorm2d(width)
    return nn.GroupNorm(width // _GROUP if width % _GROUP == 0 else 1, width)
