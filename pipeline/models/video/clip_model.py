"""A network of clips: one light trunk, a head for single frames, a head for neighbouring frames, and their fusion."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.models.bnneck import BNNeck
from pipeline.models.ca_residual import CAResidual
from pipeline.models.pooling import make_pooling
from pipeline.models.reid import IMAGENET_MEAN, IMAGENET_STD
from pipeline.models.video.clip_taps import ClipTaps
from pipeline.types import NetworkShape, Taps


class ClipModel(nn.Module):
    """Frames through a trunk; frames alone, neighbouring frames, and both through a BNNeck each.

    The temporal head sees the map of a frame beside the change to the next one. A clip of one frame is a pair of that
    frame with itself.

    Args:
        trunk: network with ``num_features`` whose forward returns the last map (B, num_features, h, w).
        pooling: of maps.
        embedding: width D of all embeddings.
        num_classes: identities of the classifiers; None for a network without them.
        size: (height, width) in pixels that the trunk sees.
        mean: per-channel mean of pixels in 0..1.
        std: per-channel standard deviation of pixels in 0..1.
        answers: what `embed` returns: the embedding of ``spatial``, ``temporal`` or ``fused``, or ``both`` for the
            spatial and the temporal one side by side.

    Reference:
        Fu et al. Ultrafast video attention prediction with coupled knowledge distillation. AAAI 2020. Ours differs: it
        predicts attention maps, here each head embeds a person; how frames are paired is ours.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        trunk: nn.Module,
        *,
        pooling: str = "gem",
        embedding: int = 256,
        num_classes: int | None = None,
        size: tuple[int, int] = (64, 32),
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        answers: str = "fused",
    ) -> None:
        super().__init__()
        self.trunk = trunk
        width = trunk.num_features
        assert isinstance(width, int), f"num_features of a trunk is an int, got {width!r}"
        self.pooling, self.pair_pooling = make_pooling(pooling), make_pooling(pooling)
        self.pairing = CAResidual(2 * width, width, expansion=1)
        self.spatial = BNNeck(width, embedding=embedding, num_classes=num_classes)
        self.temporal = BNNeck(width, embedding=embedding, num_classes=num_classes)
        self.fused = BNNeck(2 * embedding, embedding=embedding, num_classes=num_classes)
        self.size, self.answers = (int(size[0]), int(size[1])), answers
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)

    @property
    def num_classes(self) -> int | None:
        """Identities of the classifiers, None without them."""
        return None if self.fused.classifier is None else self.fused.classifier.out_features

    @property
    def width(self) -> int:
        """Width D of the embeddings of each head."""
        return self.fused.width

    @property
    def head_shape(self) -> NetworkShape:
        """What a term of labels has to know of one head; there are no maps to read."""
        return NetworkShape(width=self.width, num_classes=self.num_classes, maps={})

    def reset_classifier(self, num_classes: int | None) -> None:
        """Replace all classifiers by fresh ones, or remove them with None."""
        for neck in (self.spatial, self.temporal, self.fused):
            neck.reset_classifier(num_classes)

    def normalise(self, images: Tensor) -> Tensor:
        """Resize pixels in 0..255 to the network's size and normalise them.

        Args:
            images: (N, 3, H, W) uint8 or float.
        """
        pixels = images.float() / 255.0
        if tuple(pixels.shape[-2:]) != self.size:
            pixels = F.interpolate(pixels, size=self.size, mode="bilinear", antialias=True, align_corners=False)
        return (pixels - self.mean) / self.std

    def forward(self, clips: Tensor) -> ClipTaps:
        """Return what all heads say.

        Args:
            clips: (B, L, 3, H, W) uint8 or float RGB pixels in 0..255.
        """
        count, length = clips.shape[:2]
        maps = self.trunk(self.normalise(clips.flatten(0, 1))).unflatten(0, (count, length))
        frames = self._by_frame(self.spatial, self.pooling, maps)
        pairs = self._by_frame(self.temporal, self.pair_pooling, self._pairs(maps))
        spatial, temporal = _after(self.spatial, frames.mean(1)), _after(self.temporal, pairs.mean(1))
        fused = self.fused(torch.cat([spatial.embedding, temporal.embedding], dim=1))
        return ClipTaps(frames, pairs, spatial, temporal, Taps(*fused))

    def _pairs(self, maps: Tensor) -> Tensor:
        first = maps[:, :-1] if maps.shape[1] > 1 else maps
        second = maps[:, 1:] if maps.shape[1] > 1 else maps
        together = torch.cat([first, second - first], dim=2)
        paired: Tensor = self.pairing(together.flatten(0, 1))
        return paired.unflatten(0, tuple(together.shape[:2]))

    @staticmethod
    def _by_frame(neck: BNNeck, pooling: nn.Module, maps: Tensor) -> Tensor:
        embedded: Tensor = neck.projection(pooling(maps.flatten(0, 1)))
        return embedded.unflatten(0, tuple(maps.shape[:2]))

    @torch.no_grad()
    def embed(self, clips: Tensor) -> Tensor:
        """Return retrieval embeddings of clips, of length one.

        Args:
            clips: (B, L, 3, H, W) uint8 or float RGB pixels in 0..255.

        Returns:
            (B, D) float32, or (B, 2 D) for a network that answers with both heads.
        """
        assert not self.training, "embed() needs eval mode"
        said = self(clips)
        heads = ("spatial", "temporal") if self.answers == "both" else (self.answers,)
        parts = [F.normalize(said.head(head).bn_embedding.float(), dim=1) for head in heads]
        return torch.cat(parts, dim=1) / len(parts) ** 0.5


def _after(neck: BNNeck, embedding: Tensor) -> Taps:
    """Return the taps of an embedding that was projected already."""
    bn_embedding = neck.bn(embedding)
    logits = None if neck.classifier is None else neck.classifier(bn_embedding)
    return Taps(embedding=embedding, bn_embedding=bn_embedding, logits=logits)
