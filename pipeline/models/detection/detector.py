"""What every pedestrian detector offers: the same pixels in, the same taps out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.detection_types import BoxTargets, Detections, DetectorShape
from pipeline.errors import ConfigError
from pipeline.models.detection.boxes import visible_targets
from pipeline.models.detection.cells import decode_dense
from pipeline.models.detection.feature_trunk import FeatureTrunk
from pipeline.models.detection.outputs import DetectorOutput, Request, wanted_layers
from pipeline.models.detection.postprocess import to_detections
from pipeline.models.detection.pyramid import Pyramid

_MIN_CELLS = 2


class Detector(nn.Module, ABC):
    """A trunk, a pyramid and whatever a kind of detector puts on top; it never resizes an image.

    Args:
        trunk: maps by stride.
        pyramid: over those maps.
        shape: what connectors have to know.
        mean: per-channel mean of pixels in 0..1.
        std: per-channel standard deviation of pixels in 0..1.
    """

    mean: Tensor
    std: Tensor
    tower_depth = 0

    def __init__(
        self,
        trunk: FeatureTrunk,
        pyramid: Pyramid,
        *,
        shape: DetectorShape,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.trunk, self.pyramid, self.shape = trunk, pyramid, shape
        # Not persistent: the checkpoint header carries them.
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)

    def forward(
        self,
        images: Tensor,
        sizes: Tensor,
        *,
        targets: tuple[BoxTargets, ...] | None = None,
        rois: tuple[Tensor, ...] | None = None,
        wants: frozenset[str] = frozenset(),
    ) -> DetectorOutput:
        """Return losses against the targets and everything that a distillation term can read.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.
            sizes: (B, 2) height and width of each frame inside its image.
            targets: what has to be found; None computes no loss.
            rois: for each image the (R_i, 4) boxes on which regions are asked for; None lets the detector choose.
            wants: of 'regions', 'penultimate', 'dense', 'towers' and, one-stage only, 'tower:i' for the maps after
                convolution i = 1, 2, ...; nothing else is computed.

        Raises:
            ConfigError: this kind of detector has no such thing.
        """
        layers = wanted_layers(wants, kind=self.shape.kind, depth=self.tower_depth)
        maps = self.pyramid_maps(images, sizes)
        visible = None if targets is None else [visible_targets(t, s) for t, s in zip(targets, sizes, strict=True)]
        return self._respond(maps, sizes, Request(targets=visible, rois=rois, wants=wants, layers=layers))

    @torch.no_grad()
    def detect(
        self,
        images: Tensor,
        sizes: Tensor,
        *,
        score_threshold: float,
        nms_threshold: float = 0.5,
        max_detections: int = 100,
    ) -> list[Detections]:
        """Find people; needs eval mode.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.
            sizes: (B, 2) height and width of each frame inside its image.
            score_threshold: least score of a detection, 0..1.
            nms_threshold: IoU above which the weaker of two detections is dropped.
            max_detections: most detections a frame.

        Returns:
            for each image its detections, clipped to the frame, by descending score.
        """
        assert not self.training, "detect() needs eval mode, the detector is in training mode"
        limits = {"score_threshold": max(score_threshold, 0.0), "nms_threshold": nms_threshold}
        scored = self._scored_boxes(self.pyramid_maps(images, sizes), sizes)
        return [
            to_detections(boxes, scores, size, max_detections=max_detections, **limits)
            for (boxes, scores), size in zip(scored, sizes, strict=True)
        ]

    @abstractmethod
    def _respond(self, maps: dict[int, Tensor], sizes: Tensor, request: Request) -> DetectorOutput:
        """Return what is requested."""

    @abstractmethod
    def _scored_boxes(self, maps: dict[int, Tensor], sizes: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return for each image (N, 4) boxes, not clipped, and (N,) scores, negative where there is nothing to see."""

    def cell_anchors(self) -> Mapping[int, Tensor] | None:
        """Return the (A, 4) anchors around the origin by stride, None for a detector without anchors."""
        return None

    def decode(self, dense_boxes: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Turn dense outputs of this detector, or of one of the same shape, into boxes.

        Args:
            dense_boxes: (B, 4A, h, w) by stride.

        Returns:
            (B, A, h, w, 4) float32 xyxy by stride, in pixels, not clipped.
        """
        return decode_dense(self.shape, dense_boxes, cell_anchors=self.cell_anchors())

    def cross_predict(self, towers: Mapping[int, Tensor], layer: int) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Continue another detector's towers with this one's remaining layers.

        Args:
            towers: (B, 2F, h, w) by stride: the maps after convolution `layer`, of this detector's width.
            layer: number of convolutions already done, 1, 2, ...

        Returns:
            (B, 1, h, w) person logits and (B, 4, h, w) boxes by stride, as in the taps.

        Raises:
            ConfigError: this kind of detector has no towers.
        """
        raise ConfigError(
            f"a detector of kind {self.shape.kind} has no towers",
            "a one-stage detector",
            "Leave the cross term out.",
        )

    def pyramid_maps(self, images: Tensor, sizes: Tensor) -> dict[int, Tensor]:
        """Normalise, pad and run trunk and pyramid.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.
            sizes: (B, 2) height and width of each frame inside its image.

        Returns:
            (B, C, h, w) by stride.
        """
        maps: dict[int, Tensor] = self.pyramid(self.trunk(self.normalise(images, sizes)))
        return maps

    def normalise(self, images: Tensor, sizes: Tensor) -> Tensor:
        """Scale to 0..1, subtract the mean, divide by the deviation, and pad with zeros to whole cells of every level.

        What lies beyond a frame becomes zero as well, so that a frame means the same in every batch.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.
            sizes: (B, 2) height and width of each frame inside its image.

        Returns:
            (B, 3, H', W') float32.
        """
        pixels = (images.float() / 255.0 - self.mean) / self.std
        height, width = pixels.shape[-2:]
        rows = torch.arange(height, device=pixels.device) < sizes[:, :1]
        columns = torch.arange(width, device=pixels.device) < sizes[:, 1:]
        pixels = pixels * (rows[:, None, :, None] & columns[:, None, None, :])
        # At least two cells a side: batch norm cannot train on one number a channel.
        unit = self.shape.strides[-1]
        padded = [max(_MIN_CELLS, -(-side // unit)) * unit for side in (height, width)]
        return F.pad(pixels, (0, padded[1] - width, 0, padded[0] - height))
