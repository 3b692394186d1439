"""The re-ID network: pixels in, embedding, BNNeck embedding and logits out."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.models.bnneck import BNNeck
from pipeline.models.pooling import make_pooling
from pipeline.models.taps import check_taps, record
from pipeline.types import Taps

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
        size: (height, width) in pixels that the trunk sees.
        mean: per-channel mean of pixels in 0..1.
        std: per-channel standard deviation of pixels in 0..1.
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
        size: tuple[int, int] = (256, 128),
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.pooling = make_pooling(pooling)
        width = trunk.num_features
        assert isinstance(width, int), f"num_features of a trunk is an int, got {width!r}"
        self.neck = BNNeck(width, embedding=embedding, num_classes=num_classes)
        self.size = (int(size[0]), int(size[1]))
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

    def check_taps(self, names: Sequence[str]) -> None:
        """Raise ConfigError when a tap name is not a module of the trunk."""
        check_taps(self.tap_root, names)

    def reset_classifier(self, num_classes: int | None) -> None:
        """Replace the classifier by a fresh one, or remove it with None."""
        self.neck.reset_classifier(num_classes)

    def normalise(self, images: Tensor) -> Tensor:
        """Scale to 0..1, resize where the size differs, subtract the mean and divide by the standard deviation.

        Args:
            images: (B, 3, H, W) uint8 or float pixels in 0..255.

        Returns:
            (B, 3, *size) float32.
        """
        pixels = images.float() / 255.0
        if tuple(pixels.shape[-2:]) != self.size:
            pixels = F.interpolate(pixels, size=self.size, mode="bilinear", antialias=True, align_corners=False)
        return (pixels - self.mean) / self.std

    def forward(self, images: Tensor, taps: tuple[str, ...] = ()) -> Taps:
        """Return everything that a loss can read.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.
            taps: names of trunk modules whose outputs are wanted as maps.

        Returns:
            Embedding (B, D), BNNeck embedding (B, D), logits (B, C) or None, and the maps by name.

        Raises:
            ConfigError: a tap name is not a module of the trunk.
        """
        with record(self.tap_root, taps) as maps:
            pooled = self.pooling(self.trunk(self.normalise(images)))
        embedding, bn_embedding, logits = self.neck(pooled)
        return Taps(embedding=embedding, bn_embedding=bn_embedding, logits=logits, maps=dict(maps))

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
