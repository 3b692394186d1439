"""The second stage: is the region a person, and where exactly."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler, BoxCoder
from torchvision.models.detection.faster_rcnn import TwoMLPHead

from pipeline.detection_types import BoxTargets
from pipeline.models.detection.assignment import gather_targets, match_boxes, spare_covered
from pipeline.models.detection.proposals import BETA, sample

REGION_CODER = BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
_MATCH = 0.5


class RegionHead(nn.Module):
    """Two fully connected layers, then background and person logits and one box for both.

    Args:
        width: channels of a region.
        size: cells along a side of a region.
        hidden: width of both layers.

    Reference:
        Lin et al. Feature pyramid networks for object detection. CVPR 2017. The box does not depend on the class.
    """

    def __init__(self, width: int, *, size: int, hidden: int) -> None:
        super().__init__()
        self.layers = TwoMLPHead(width * size * size, hidden)
        self.person = nn.Linear(hidden, 2)
        self.box = nn.Linear(hidden, 4)
        nn.init.normal_(self.person.weight, std=0.01)
        nn.init.normal_(self.box.weight, std=0.001)
        for predictor in (self.person, self.box):
            nn.init.zeros_(predictor.bias)

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (R, C, s, s) to penultimate (R, hidden), logits (R, 2) and box offsets (R, 4)."""
        penultimate = self.layers(regions)
        return penultimate, self.person(penultimate).float(), self.box(penultimate).float()


def sample_regions(
    proposals: Sequence[Tensor], targets: Sequence[BoxTargets], *, count: int, share: float
) -> tuple[tuple[Tensor, ...], list[Tensor]]:
    """Draw the regions that the second stage learns from, the people themselves among them.

    Args:
        proposals: for each image (R_i, 4) boxes.
        targets: boxes inside the frames.
        count: most regions an image.
        share: of regions with a person, at most.

    Returns:
        for each image the drawn boxes (S_i, 4), and (S_i,) whom they match.
    """
    sampler = BalancedPositiveNegativeSampler(count, share)
    boxes, matches = [], []
    for proposed, target in zip(proposals, targets, strict=True):
        candidates = torch.cat([target.boxes, proposed.to(target.boxes)])
        matched = match_boxes(target, candidates, high=_MATCH, low=_MATCH, keep_best=False)
        matched = spare_covered(matched, candidates, target.ignored)
        _, chosen = sample(sampler, matched)
        boxes.append(candidates[chosen])
        matches.append(matched[chosen])
    return tuple(boxes), matches


def region_losses(
    logits: Tensor, offsets: Tensor, rois: Sequence[Tensor], matches: Sequence[Tensor], targets: Sequence[BoxTargets]
) -> dict[str, Tensor]:
    """Return 'person' and 'box', means over the regions; what concerns a person is multiplied by the box's weight.

    Args:
        logits: (R, 2) background and person.
        offsets: (R, 4).
        rois: for each image the (S_i, 4) regions.
        matches: for each image (S_i,) whom they match.
        targets: boxes inside the frames.
    """
    gathered = [gather_targets(target, matched) for target, matched in zip(targets, matches, strict=True)]
    wanted, weights = (torch.cat(parts) for parts in zip(*gathered, strict=True))
    positive = torch.cat(list(matches)) >= 0
    total = max(len(positive), 1)
    person = F.cross_entropy(logits, positive.long(), reduction="none") * torch.where(positive, weights, 1.0)
    encoded = REGION_CODER.encode_single(wanted[positive], torch.cat(list(rois))[positive])
    box = F.smooth_l1_loss(offsets[positive], encoded, beta=BETA, reduction="none").sum(dim=1) * weights[positive]
    return {"person": person.sum() / total, "box": box.sum() / total}
