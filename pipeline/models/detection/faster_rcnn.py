"""The two-stage detector: proposals on the pyramid, then a closer look at each region."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pipeline.detection_types import DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.models.detection.detector import Detector
from pipeline.models.detection.feature_trunk import FeatureTrunk
from pipeline.models.detection.levels import ASPECT, pool_regions
from pipeline.models.detection.outputs import DetectorOutput, Request
from pipeline.models.detection.proposals import ProposalNetwork
from pipeline.models.detection.pyramid import Pyramid
from pipeline.models.detection.region_head import REGION_CODER, RegionHead, region_losses, sample_regions


class FasterRCNN(Detector):
    """Region-based detector with one person class and boxes that do not depend on the class.

    Args:
        trunk: maps by stride.
        pyramid: over those maps.
        width: of both fully connected layers of the second stage.
        depth: convolutions of the proposal network.
        region_size: cells along a side of a pooled region.
        anchor_scales: heights of a level's anchors in strides.
        anchor_aspect: width / height of the anchors.
        anchor_samples: anchors an image that the first stage learns from.
        num_regions: regions an image that the second stage learns from, or on which features are compared.
        person_share: of regions with a person among them, at most.
        num_proposals: most proposals an image that the second stage sees.
        pixels: mean and std of the pixels, see `Detector`.

    Reference:
        Ren et al. Faster R-CNN. NeurIPS 2015. See `ProposalNetwork` and `assign_levels` for where we differ.
    """

    def __init__(
        self,
        trunk: FeatureTrunk,
        pyramid: Pyramid,
        *,
        width: int,
        depth: int,
        region_size: int,
        anchor_scales: Sequence[float] = (4.0, 5.66),
        anchor_aspect: float = ASPECT,
        anchor_samples: int = 256,
        num_regions: int = 512,
        person_share: float = 0.25,
        num_proposals: int = 1000,
        **pixels: Any,
    ) -> None:
        if not 0 < person_share <= 1:
            raise ConfigError(f"person_share is {person_share}", "a share above 0 and at most 1")
        shape = DetectorShape("faster_rcnn", pyramid.strides, pyramid.width, region_size, width)
        super().__init__(trunk, pyramid, shape=shape, **pixels)
        self.proposals = ProposalNetwork(
            pyramid.width, strides=pyramid.strides, depth=depth, scales=anchor_scales, aspect=anchor_aspect,
            samples=anchor_samples, candidates=num_proposals,
        )  # fmt: skip
        self.region_head = RegionHead(pyramid.width, size=region_size, hidden=width)
        self.num_regions, self.person_share, self.num_proposals = num_regions, person_share, num_proposals

    def cell_anchors(self) -> Mapping[int, Tensor]:
        """Return the (A, 4) anchors around the origin by stride."""
        return self.proposals.cell_anchors()

    def _respond(self, maps: dict[int, Tensor], sizes: Tensor, request: Request) -> DetectorOutput:
        wants, targets, rois = request.wants, request.targets, request.rois
        taps: dict[str, Any] = {"pyramid": maps}
        losses: dict[str, Tensor] = {}
        answers: dict[str, Any] | None = None
        if targets is not None or request.leaves_choice or "dense" in wants:
            dense = self.proposals(maps)
        if "dense" in wants:
            taps |= {"dense_logits": dense.logits, "dense_boxes": dense.boxes}
        if targets is not None:
            proposed = self.proposals.propose(dense, sizes, count=self.num_proposals)
            chosen, matches = sample_regions(proposed, targets, count=self.num_regions, share=self.person_share)
            answers = self._answer(maps, chosen)
            losses = self.proposals.losses(dense, sizes, targets)
            losses |= region_losses(answers["region_logits"], answers["region_deltas"], chosen, matches, targets)
        if request.asks_regions:
            if rois is None and answers is None:
                rois = self.proposals.propose(dense, sizes, count=self.num_regions)
            if rois is not None:
                answers = self._answer(maps, rois, with_head="penultimate" in wants)
            taps |= answers or {}
        return DetectorOutput(losses=losses, taps=DetectorTaps(**taps))

    def _scored_boxes(self, maps: dict[int, Tensor], sizes: Tensor) -> list[tuple[Tensor, Tensor]]:
        rois = self.proposals.propose(self.proposals(maps), sizes, count=self.num_proposals)
        answers = self._answer(maps, rois)
        boxes = REGION_CODER.decode_single(answers["region_deltas"], torch.cat(rois))
        scores = answers["region_logits"].softmax(dim=1)[:, 1]
        counts = [len(own) for own in rois]
        return list(zip(boxes.split(counts), scores.split(counts), strict=True))

    def _answer(
        self, maps: Mapping[int, Tensor], rois: tuple[Tensor, ...], *, with_head: bool = True
    ) -> dict[str, Any]:
        regions = pool_regions(maps, rois, size=self.shape.region_size)
        answer: dict[str, Any] = {"rois": rois, "regions": regions}
        if with_head:
            penultimate, logits, deltas = self.region_head(regions)
            answer |= {"penultimate": penultimate, "region_logits": logits, "region_deltas": deltas}
        return answer
