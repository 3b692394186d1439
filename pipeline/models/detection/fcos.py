"""The one-stage detector: every cell of every level answers for itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pipeline.detection_types import BoxTargets, DetectorShape, DetectorTaps
from pipeline.models.detection.assignment import assign_cells
from pipeline.models.detection.boxes import clip_boxes, has_area
from pipeline.models.detection.cells import cell_centres, cells_on_frame, flatten_boxes, flatten_cells, grids_of
from pipeline.models.detection.detector import Detector
from pipeline.models.detection.fcos_head import FCOSHead, HeadMaps
from pipeline.models.detection.fcos_loss import check_quality, fcos_losses
from pipeline.models.detection.feature_trunk import FeatureTrunk
from pipeline.models.detection.levels import LEVEL_FACTOR, pool_regions
from pipeline.models.detection.outputs import DetectorOutput, Request
from pipeline.models.detection.postprocess import keep_best, strongest
from pipeline.models.detection.pyramid import Pyramid
from pipeline.models.detection.region_choice import choose_regions

_CANDIDATES = 200
_NMS = 0.7


class FCOS(Detector):
    """Anchor-free detector with a person logit, four distances and a quality for each cell.

    The score of a detection is sqrt(person probability * quality). Its penultimate features are those of the
    classification tower, averaged over the region.

    Args:
        trunk: maps by stride.
        pyramid: over those maps.
        width: channels of the towers.
        depth: convolutions of each tower.
        region_size: cells along a side of a pooled region.
        head_norm: of the towers, 'bn' or 'gn'.
        quality: what the quality branch learns, 'iou' or 'centreness'.
        radius: cells nearer than this many strides to a person's centre learn the person.
        factor: people up to this many strides high belong to a level.
        num_regions: regions an image on which features are compared, where nobody gives them.
        pixels: mean and std of the pixels, see `Detector`.

    Reference:
        Tian et al. FCOS: fully convolutional one-stage object detection. ICCV 2019. See `assign_cells` and `FCOSHead`
        for where we differ.
    """

    def __init__(
        self,
        trunk: FeatureTrunk,
        pyramid: Pyramid,
        *,
        width: int,
        depth: int,
        region_size: int,
        head_norm: str = "bn",
        quality: str = "iou",
        radius: float = 1.5,
        factor: float = LEVEL_FACTOR,
        num_regions: int = 32,
        **pixels: Any,
    ) -> None:
        check_quality(quality)
        shape = DetectorShape("fcos", pyramid.strides, pyramid.width, region_size, width)
        super().__init__(trunk, pyramid, shape=shape, **pixels)
        self.head = FCOSHead(
            pyramid.width, width=width, depth=depth, strides=pyramid.strides, norm=head_norm, factor=factor
        )
        self.tower_depth = depth
        self.quality, self.radius, self.factor, self.num_regions = quality, radius, factor, num_regions

    def cross_predict(self, towers: Mapping[int, Tensor], layer: int) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Continue another detector's towers; see `Detector.cross_predict`."""
        return self.head.resume(towers, layer)

    def _respond(self, maps: dict[int, Tensor], sizes: Tensor, request: Request) -> DetectorOutput:
        wants, targets = request.wants, request.targets
        needs_boxes = targets is not None or bool(request.layers) or "dense" in wants or request.leaves_choice
        needs_head = needs_boxes or bool(wants & {"penultimate", "towers"})
        head = self.head(maps, layers=request.layers, with_boxes=needs_boxes) if needs_head else None
        taps: dict[str, Any] = {"pyramid": maps}
        if head is not None and "dense" in wants:
            taps |= {"dense_logits": head.logits, "dense_boxes": head.boxes}
        if head is not None and "towers" in wants:
            taps["towers"] = head.towers
        if request.asks_regions:
            rois = self._choose_regions(head, sizes, targets) if request.rois is None else request.rois
            taps |= self._pooled(maps, head, rois, wants)
        losses = {} if targets is None or head is None else self._losses(head, sizes, targets)
        quality = head.quality if head is not None and "dense" in wants else {}
        stack = {} if head is None else head.stack
        return DetectorOutput(losses=losses, taps=DetectorTaps(**taps), quality=quality, tower_stack=stack)

    def _pooled(
        self, maps: dict[int, Tensor], head: HeadMaps | None, rois: tuple[Tensor, ...], wants: frozenset[str]
    ) -> dict[str, Any]:
        pooled: dict[str, Any] = {"rois": rois}
        if "regions" in wants:
            pooled["regions"] = pool_regions(maps, rois, size=self.shape.region_size)
        if head is not None and "penultimate" in wants:
            # One cell with the points of all cells of a region.
            pooled["penultimate"] = pool_regions(head.towers, rois, size=1, samples=self.shape.region_size).flatten(1)
        return pooled

    def _losses(self, head: HeadMaps, sizes: Tensor, targets: Sequence[BoxTargets]) -> dict[str, Tensor]:
        grids = grids_of(head.logits)
        owners = [
            assign_cells(target, size, grids, radius=self.radius, factor=self.factor)
            for target, size in zip(targets, sizes, strict=True)
        ]
        centres = [cell_centres(grid, stride, device=sizes.device) for stride, grid in grids.items()]
        logits, quality = (flatten_cells(maps, channels=1).squeeze(2) for maps in (head.logits, head.quality))
        predictions = (logits, flatten_boxes(self.decode(head.boxes)), quality)
        return fcos_losses(predictions, owners, targets, centres=torch.cat(centres), quality=self.quality)

    def _scored_boxes(self, maps: dict[int, Tensor], sizes: Tensor) -> list[tuple[Tensor, Tensor]]:
        return self._scored(self.head(maps), sizes)

    def _scored(self, head: HeadMaps, sizes: Tensor) -> list[tuple[Tensor, Tensor]]:
        logits, quality = (flatten_cells(maps, channels=1).squeeze(2) for maps in (head.logits, head.quality))
        scores = (logits.sigmoid() * quality.sigmoid()).sqrt()
        grids = grids_of(head.logits)
        on_frame = [torch.cat([cells_on_frame(g, s, size) for s, g in grids.items()]) for size in sizes]
        scores = torch.where(torch.stack(on_frame), scores, -1.0)
        return list(zip(flatten_boxes(self.decode(head.boxes)), scores, strict=True))

    @torch.no_grad()
    def _choose_regions(
        self, head: HeadMaps | None, sizes: Tensor, targets: Sequence[BoxTargets] | None
    ) -> tuple[Tensor, ...]:
        assert head is not None, "regions are chosen among the head's own boxes"
        chosen = []
        for i, (boxes, scores) in enumerate(self._scored(head, sizes)):
            best = strongest(scores, _CANDIDATES)
            best = best[scores[best] >= 0]
            own = clip_boxes(boxes[best], sizes[i])
            usable = has_area(own)
            own, best = own[usable], best[usable]
            own = own[keep_best(own, scores[best], count=self.num_regions, nms_threshold=_NMS)]
            people = own[:0] if targets is None else targets[i].boxes
            chosen.append(choose_regions(people, own, sizes[i], count=self.num_regions))
        return tuple(chosen)
