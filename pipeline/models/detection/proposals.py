"""The first stage: which anchors may hold a person, and the boxes that they propose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import batched_nms

from pipeline.detection_types import BoxTargets
from pipeline.models.detection.anchors import pedestrian_anchors
from pipeline.models.detection.assignment import BACKGROUND, IGNORED, gather_targets, match_boxes, spare_covered
from pipeline.models.detection.boxes import clip_boxes, has_area
from pipeline.models.detection.cells import ANCHOR_CODER, cells_on_frame, flatten_cells, grids_of, place_anchors
from pipeline.models.detection.levels import ASPECT
from pipeline.models.detection.postprocess import strongest

BETA = 1 / 9
_HIGH, _LOW = 0.5, 0.3
_NMS = 0.7


@dataclass(frozen=True)
class DenseMaps:
    """What the proposal network says, by stride.

    Args:
        logits: (B, A, h, w) person.
        boxes: (B, 4A, h, w) offsets of the anchors.
    """

    logits: dict[int, Tensor]
    boxes: dict[int, Tensor]


class ProposalNetwork(nn.Module):
    """One small head for all levels, with anchors in the shape of a person.

    Args:
        width: channels of the pyramid.
        strides: of the levels, ascending.
        depth: convolutions before the predictors.
        scales: heights of a level's anchors in strides.
        aspect: width / height of the anchors.
        samples: anchors an image that the loss looks at, at most half of them with a person.
        candidates: anchors a level and image that enter the suppression.

    Reference:
        Ren et al. Faster R-CNN. NeurIPS 2015. We match from IoU 0.5 on instead of 0.7: a person is narrower than the
        stride of the level, so that the nearest anchor may not reach 0.7.
    """

    def __init__(
        self,
        width: int,
        *,
        strides: Sequence[int],
        depth: int = 1,
        scales: Sequence[float] = (4.0, 5.66),
        aspect: float = ASPECT,
        samples: int = 256,
        candidates: int = 500,
    ) -> None:
        super().__init__()
        self.strides, self.candidates = tuple(strides), candidates
        self.head = RPNHead(width, len(scales), conv_depth=depth)
        for block in self.head.conv:
            nn.init.kaiming_normal_(block[0].weight, mode="fan_out", nonlinearity="relu")
        self.sampler = BalancedPositiveNegativeSampler(samples, 0.5)
        anchors = torch.stack([pedestrian_anchors(stride, scales, aspect=aspect) for stride in self.strides])
        self.register_buffer("anchors", anchors, persistent=False)

    def cell_anchors(self) -> dict[int, Tensor]:
        """Return the (A, 4) anchors around the origin by stride."""
        assert isinstance(self.anchors, Tensor)
        return dict(zip(self.strides, self.anchors, strict=True))

    def forward(self, maps: Mapping[int, Tensor]) -> DenseMaps:
        """Answer for every cell and anchor.

        Args:
            maps: (B, C, h, w) pyramid by stride.
        """
        logits, boxes = self.head(list(maps.values()))
        return DenseMaps(dict(zip(maps, logits, strict=True)), dict(zip(maps, boxes, strict=True)))

    def losses(self, dense: DenseMaps, sizes: Tensor, targets: Sequence[BoxTargets]) -> dict[str, Tensor]:
        """Return 'proposal_person' and 'proposal_box', means over the sampled anchors.

        Args:
            dense: what the network said.
            sizes: (B, 2) height and width of each frame.
            targets: boxes inside the frames.
        """
        grids = grids_of(dense.logits)
        anchors = self._placed(grids)
        logits, offsets = flatten_cells(dense.logits, channels=1).squeeze(2), flatten_cells(dense.boxes, channels=4)
        person, box, total = [], [], 0
        for i, (target, size) in enumerate(zip(targets, sizes, strict=True)):
            matched = match_boxes(target, anchors, high=_HIGH, low=_LOW, keep_best=True)
            matched = spare_covered(matched, clip_boxes(anchors, size), target.ignored)
            matched[~self._on_frame(grids, size)] = IGNORED
            positive, chosen = sample(self.sampler, matched)
            wanted, weights = gather_targets(target, matched)
            goal = (matched[chosen] >= 0).to(logits)
            each = F.binary_cross_entropy_with_logits(logits[i, chosen], goal, reduction="none")
            person.append((each * torch.where(goal > 0, weights[chosen], 1.0)).sum())
            encoded = ANCHOR_CODER.encode_single(wanted[positive], anchors[positive])
            each = F.smooth_l1_loss(offsets[i, positive], encoded, beta=BETA, reduction="none").sum(dim=1)
            box.append((each * weights[positive]).sum())
            total += len(chosen)
        divisor = max(total, 1)
        return {
            "proposal_person": torch.stack(person).sum() / divisor,
            "proposal_box": torch.stack(box).sum() / divisor,
        }

    @torch.no_grad()
    def propose(self, dense: DenseMaps, sizes: Tensor, *, count: int) -> tuple[Tensor, ...]:
        """Return the best boxes of each image.

        Args:
            dense: what the network said.
            sizes: (B, 2) height and width of each frame.
            count: most boxes an image.

        Returns:
            for each image (R_i, 4) boxes inside the frame, by descending score.
        """
        grids = grids_of(dense.logits)
        anchors = self._placed(grids)
        counts = [rows * columns * len(self.anchors[0]) for rows, columns in grids.values()]  # type: ignore[index]
        levels = torch.arange(len(counts), device=anchors.device).repeat_interleave(anchors.new_tensor(counts).long())
        logits, offsets = flatten_cells(dense.logits, channels=1).squeeze(2), flatten_cells(dense.boxes, channels=4)
        chosen = []
        for i, size in enumerate(sizes):
            on_frame = self._on_frame(grids, size)
            best = [strongest(part.masked_fill(~here, -torch.inf), self.candidates) for part, here in
                    zip(logits[i].split(counts), on_frame.split(counts), strict=True)]  # fmt: skip
            starts = [sum(counts[:level]) for level in range(len(counts))]
            place = torch.cat([part + start for part, start in zip(best, starts, strict=True)])
            place = place[on_frame[place]]
            boxes = clip_boxes(ANCHOR_CODER.decode_single(offsets[i, place], anchors[place]), size)
            usable = has_area(boxes)
            boxes, place = boxes[usable], place[usable]
            kept = batched_nms(boxes, logits[i, place], levels[place], _NMS)[:count]
            chosen.append(boxes[kept])
        return tuple(chosen)

    def _placed(self, grids: Mapping[int, tuple[int, int]]) -> Tensor:
        own = self.cell_anchors()
        return torch.cat([place_anchors(own[stride], grid, stride) for stride, grid in grids.items()])

    def _on_frame(self, grids: Mapping[int, tuple[int, int]], size: Tensor) -> Tensor:
        number = len(self.anchors[0])  # type: ignore[index]
        return torch.cat([cells_on_frame(g, s, size).repeat_interleave(number) for s, g in grids.items()])


def sample(sampler: BalancedPositiveNegativeSampler, matched: Tensor) -> tuple[Tensor, Tensor]:
    """Draw entries for a loss.

    Args:
        sampler: how many, and which share with a person.
        matched: (N,) as assigned.

    Returns:
        positions of the drawn entries with a person, and of all drawn entries, ascending.
    """
    labels = torch.where(matched >= 0, 1, torch.where(matched == BACKGROUND, 0, -1))
    positive, negative = sampler([labels])
    return positive[0].nonzero().squeeze(1), (positive[0] | negative[0]).nonzero().squeeze(1)
