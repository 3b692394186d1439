"""The re-ID network: pixels in, embedding, BNNeck embedding and logits out."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.models.plain_neck import make_neck
from pipeline.models.pooling import make_pooling
from pipeline.models.sight import SIGHTS
from pipeline.models.stages import blocks_by_stage, modules_by_stage
from pipeline.models.taps import LAST, check_taps, map_shapes, record
from pipeline.types import NetworkShape, Taps

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ReIDModel(nn.Module):
    """Normalise pixels, run a trunk, pool, project, batch-normalise, classify.

    Every network normalises and resizes for itself, so that a teacher and a student can be given the same pixels.

    Args:
        trunk: network with ``num_features`` whose forward returns the last map (B, num_features, h, w).
        pooling: ``gem``, ``average`` or ``max_average``.
        embedding: width of the embedding; None keeps the trunk's width.
        num_classes: identities of the classifier; None for a network without one.
        neck: ``bnneck``, or ``none`` for a plain classifier, whose two embeddings are the same.
        size: (height, width) in pixels that the trunk sees.
        mean: per-channel mean of pixels in 0..1.
        std: per-channel standard deviation of pixels in 0..1.
        sees: ``rgb``, ``grey`` or ``infrared``: what it makes of RGB pixels before it normalises them.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        trunk: nn.Module,
        *,
        pooling: str = "gem",
        embedding: int | None = None,
        num_classes: int | None = None,
        neck: str = "bnneck",
        size: tuple[int, int] = (256, 128),
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        sees: str = "rgb",
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.pooling = make_pooling(pooling)
        width = trunk.num_features
        assert isinstance(width, int), f"num_features of a trunk is an int, got {width!r}"
        self.neck = make_neck(neck, width, embedding=embedding, num_classes=num_classes)
        self.size = (int(size[0]), int(size[1]))
        self.sees = sees
        # Not persistent: the checkpoint header carries them, together with the size.
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)

    @property
    def embedding_width(self) -> int:
        """Width D of both embeddings."""
        return self.neck.width

    @property
    def num_classes(self) -> int | None:
        """Identities of the classifier, None without one."""
        return None if self.neck.classifier is None else self.neck.classifier.out_features

    @property
    def tap_root(self) -> nn.Module:
        """Module below which tap names are looked up, so that ``layer3`` is enough for a ResNet."""
        body = getattr(self.trunk, "body", self.trunk)
        assert isinstance(body, nn.Module)
        return body

    @property
    def stages(self) -> dict[str, str]:
        """Module of each stage below the tap root, by canonical name: stage1, stage2, ...; may be empty."""
        return dict(getattr(self.trunk, "stages", {}))

    @property
    def shape(self) -> NetworkShape:
        """Widths of the embeddings and of every map, and the blocks, by one pass of an empty image in eval mode."""
        image = self.normalise(torch.zeros(1, 3, *self.size, device=self.mean.device))
        shapes = map_shapes(self.trunk, self.tap_root, image, layout=self._as_map)
        widths = {name: shape[0] for name, shape in shapes.items()}
        stages = {name: widths[path] for name, path in self.stages.items() if path in widths}
        # A stage goes before a module that happens to have its name, and stands before all of them.
        maps = {**stages, LAST: widths[LAST], **{name: widths[name] for name in widths if name not in stages}}
        blocks = blocks_by_stage(self.tap_root, self.stages, shapes)
        return NetworkShape(width=self.embedding_width, num_classes=self.num_classes, maps=maps, blocks=blocks)

    def stage_modules(self) -> dict[str, tuple[nn.Module, ...]]:
        """Return the modules with weights of each stage, in the order in which they were registered.

        What lies between two stages belongs to the later one; the stem and what follows the last stage to none.
        """
        return modules_by_stage(self.tap_root, self.stages)

    def check_taps(self, names: Sequence[str]) -> None:
        """Raise ConfigError when a tap name is neither a stage nor a module of the trunk."""
        check_taps(self.tap_root, names, stages=self.stages)

    def _as_map(self, features: Tensor) -> Tensor:
        as_map = getattr(self.trunk, "as_map", None)
        if as_map is None:
            return features
        laid_out: Tensor = as_map(features, self.size)
        return laid_out

    def reset_classifier(self, num_classes: int | None) -> None:
        """Replace the classifier by a fresh one, or remove it with None."""
        self.neck.reset_classifier(num_classes)

    def normalise(self, images: Tensor) -> Tensor:
        """Scale to 0..1, keep what the network sees, resize, subtract the mean and divide by the standard deviation.

        Args:
            images: (B, 3, H, W) uint8 or float pixels in 0..255.

        Returns:
            (B, 3, *size) float32.
        """
        pixels = SIGHTS[self.sees](images.float() / 255.0)
        if tuple(pixels.shape[-2:]) != self.size:
            pixels = F.interpolate(pixels, size=self.size, mode="bilinear", antialias=True, align_corners=False)
        return (pixels - self.mean) / self.std

    def forward(self, images: Tensor, taps: tuple[str, ...] = ()) -> Taps:
        """Return everything that a loss can read.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.
            taps: wanted maps: `stage1`, `stage2`, ..., `last` for the trunk's output, or names of trunk modules.

        Returns:
            Embedding (B, D), BNNeck embedding (B, D), logits (B, C) or None, and the maps (B, c, h, w) by name.

        Raises:
            ConfigError: a tap name is neither a stage nor a module of the trunk, or no map.
        """
        with record(self.tap_root, taps, stages=self.stages) as recorded:
            last = self.trunk(self.normalise(images))
        embedding, bn_embedding, logits = self.neck(self.pooling(last))
        maps = {name: last if name == LAST else self._as_map(recorded[name]) for name in taps}
        return Taps(embedding=embedding, bn_embedding=bn_embedding, logits=logits, maps=maps)

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        """Return retrieval embeddings: after the BNNeck, of length one.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.

        Returns:
            (B, D) float32.
        """
        assert not self.training, f"embed() needs eval mode, {type(self.trunk).__name__} is in training mode"
        # The classifier is left out on purpose: with thousands of identities it costs as much as a small trunk.
        embedding = self.neck.projection(self.pooling(self.trunk(self.normalise(images))))
        return F.normalize(self.neck.bn(embedding).float(), dim=1)
