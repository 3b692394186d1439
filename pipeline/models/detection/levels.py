"""Which pyramid level a box belongs to, and regions pooled there; one rule for every detector."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchvision.ops import roi_align

# Width / height of an upright person.
ASPECT = 0.41
# A level is responsible for people up to this many of its strides high.
LEVEL_FACTOR = 16.0
_SAMPLES = 2


def assign_levels(boxes: Tensor, strides: Sequence[int], *, factor: float = LEVEL_FACTOR) -> Tensor:
    """Return the level of each box: the finest stride s with height <= factor * s, else the coarsest.

    The height is that of an upright person of the box's area, sqrt(area / 0.41), so that a box of any shape has one.

    Args:
        boxes: (N, 4) xyxy.
        strides: of the levels, ascending.
        factor: strides that fit into the largest person of a level.

    Returns:
        (N,) int64 positions in `strides`.

    Reference:
        Lin et al. Feature pyramid networks for object detection. CVPR 2017. There a level takes boxes whose side is 14
        to 28 strides, people of 22 to 44, which sends nearly everybody on a small frame to the finest level.
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).float().clamp(min=0)
    heights = (sides.prod(dim=1) / ASPECT).sqrt()
    bounds = torch.tensor([factor * stride for stride in strides[:-1]], dtype=heights.dtype, device=boxes.device)
    return torch.bucketize(heights, bounds)


def with_image_index(rois: Sequence[Tensor]) -> Tensor:
    """Stack the boxes of the images of a batch.

    Args:
        rois: for each image (R_i, 4) boxes.

    Returns:
        (R, 5) position of the image, then xyxy.
    """
    rows = [torch.cat([boxes.new_full((len(boxes), 1), i), boxes], dim=1) for i, boxes in enumerate(rois)]
    return torch.cat(rows).float()


def pool_regions(maps: Mapping[int, Tensor], rois: Sequence[Tensor], *, size: int, samples: int = _SAMPLES) -> Tensor:
    """Pool each box from the map of its level.

    Args:
        maps: (B, C, h, w) by stride, ascending.
        rois: for each image (R_i, 4) boxes in pixels of the image.
        size: cells along a side of a region.
        samples: points along a side of each cell.

    Returns:
        (R, C, size, size) float32 in the order of `rois`.

    Reference:
        He et al. Mask R-CNN. ICCV 2017.
    """
    indexed = with_image_index(rois)
    levels = assign_levels(indexed[:, 1:], tuple(maps))
    pooled, places = [], []
    for position, (stride, features) in enumerate(maps.items()):
        place = (levels == position).nonzero().squeeze(1)
        # In float32 outside autocast: half precision cannot address a pixel of a large frame.
        pooled.append(roi_align(features.float(), indexed[place], size, 1 / stride, samples, aligned=True))
        places.append(place)
    return torch.cat(pooled)[torch.cat(places).argsort()]
