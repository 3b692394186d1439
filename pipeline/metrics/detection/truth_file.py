"""Truth of a whole data set out of COCO-like JSON, with the keys of pedestrian data sets where there are any."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import DataError
from pipeline.metrics.detection.json_rows import Row, boxes, check_rows, identifiers, integers, load_json, numbers
from pipeline.metrics.detection.truth import FrameTruth

_SHAPE = "a COCO object with the lists 'images' and 'annotations'"


@dataclass(frozen=True)
class TruthTable:
    """All annotated boxes of a data set.

    Args:
        image_ids: I identifiers, sorted.
        sizes: I pairs of height and width, None where unknown.
        images: (N,) int64 positions in `image_ids`.
        categories: (N,) int64.
        boxes: (N, 4) float64 xywh.
        heights: (N,) float64 full heights in pixels.
        visible_ratio: (N,) float64.
        ignore: (N,) bool, by the key 'ignore' or 'iscrowd'.
        crowd: (N,) bool, by the key 'iscrowd' alone.
        areas: (N,) float64.
    """

    image_ids: tuple[int | str, ...]
    sizes: tuple[tuple[float, float] | None, ...]
    images: np.ndarray
    categories: np.ndarray
    boxes: np.ndarray
    heights: np.ndarray
    visible_ratio: np.ndarray
    ignore: np.ndarray
    crowd: np.ndarray
    areas: np.ndarray

    def frames(self, category: int) -> list[FrameTruth]:
        """Return the boxes of one category, image by image.

        Args:
            category: its number; boxes of all others are left out.
        """
        rows = rows_by_image(self.images, self.categories == category, len(self.image_ids))
        corners = np.concatenate([self.boxes[:, :2], self.boxes[:, :2] + self.boxes[:, 2:]], axis=1)
        return [
            FrameTruth(
                boxes=corners[chosen],
                heights=self.heights[chosen],
                visible_ratio=self.visible_ratio[chosen],
                ignore=self.ignore[chosen],
                areas=self.areas[chosen],
                size=size,
            )
            for chosen, size in zip(rows, self.sizes, strict=True)
        ]


def read_truth(path: Path) -> TruthTable:
    """Read a truth file.

    An annotation has image_id, category_id and bbox (left, top, width, height); it may have height (else the box's),
    vis_ratio (else the area of vis_bbox over the box's, else 1), ignore, iscrowd and area (else the box's).

    Args:
        path: the file; images may have file_name or CityPersons' im_name, neither is needed.

    Raises:
        DataError: naming the entry that does not fit.
    """
    content = load_json(path)
    if not isinstance(content, dict) or not {"images", "annotations"} <= set(content):
        found = "is a list" if isinstance(content, list) else "lacks 'images' or 'annotations'"
        raise DataError(f"{path} {found}", _SHAPE, "Detections, a plain list, go to the other option.")
    images = check_rows(content["images"], f"{path}: images")
    rows = check_rows(content["annotations"], f"{path}: annotations")
    for name, entries in (("image", images), ("annotation", rows)):
        if not entries:
            raise DataError(f"{path} holds no {name}", "at least one")
    ids = identifiers(images, "id", what=f"{path}: images")
    order = sorted(range(len(ids)), key=lambda position: (isinstance(ids[position], str), ids[position]))
    sizes = _sizes(images, f"{path}: images")
    return _table(tuple(ids[i] for i in order), tuple(sizes[i] for i in order), rows, path)


def rows_by_image(images: np.ndarray, chosen: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the chosen rows of each image, in their order.

    Args:
        images: (N,) position of each row's image.
        chosen: (N,) bool.
        count: number of images.
    """
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(images[rows], kind="stable")]
    return np.split(rows, np.searchsorted(images[rows], np.arange(1, count)))


def _table(
    ids: tuple[int | str, ...], sizes: tuple[tuple[float, float] | None, ...], rows: Sequence[Row], path: Path
) -> TruthTable:
    what = f"{path}: annotations"
    positions = {identifier: position for position, identifier in enumerate(ids)}
    if len(positions) < len(ids):
        twice = next(a for a, b in itertools.pairwise(ids) if a == b)
        raise DataError(f"{path} lists image {twice!r} more than once", "one entry an image")
    image_ids = identifiers(rows, "image_id", what=what)
    for index, identifier in enumerate(image_ids):
        if identifier not in positions:
            raise DataError(f"{what}[{index}] is of image {identifier!r}", "an image of the file's list")
    sides = boxes(rows, "bbox", what=what)
    areas = sides[:, 2] * sides[:, 3]
    zeros = np.zeros(len(rows)).tolist()
    crowd = numbers(rows, "iscrowd", what=what, defaults=zeros) != 0
    return TruthTable(
        image_ids=ids,
        sizes=sizes,
        images=np.array([positions[identifier] for identifier in image_ids], dtype=np.int64),
        categories=integers(rows, "category_id", what=what),
        boxes=sides,
        heights=numbers(rows, "height", what=what, defaults=sides[:, 3].tolist()),
        visible_ratio=_visible_ratio(rows, areas, what),
        ignore=crowd | (numbers(rows, "ignore", what=what, defaults=zeros) != 0),
        crowd=crowd,
        areas=numbers(rows, "area", what=what, defaults=areas.tolist()),
    )


def _visible_ratio(rows: Sequence[Row], areas: np.ndarray, what: str) -> np.ndarray:
    """Return the given shares, else those of the visible boxes; an all-zero visible box says 'not occluded'."""
    ratio = np.ones(len(rows))
    shown = [index for index, row in enumerate(rows) if "vis_ratio" not in row and row.get("vis_bbox") is not None]
    visible = boxes([rows[index] for index in shown], "vis_bbox", what=f"{what} with vis_bbox")
    size = visible[:, 2] * visible[:, 3]
    has_both = (size > 0) & (areas[shown] > 0) if shown else np.zeros(0, bool)
    ratio[shown] = np.divide(size, areas[shown], out=np.ones(len(shown)), where=has_both)
    return numbers(rows, "vis_ratio", what=what, defaults=ratio.tolist())


def _sizes(images: Sequence[Row], what: str) -> list[tuple[float, float] | None]:
    nothing = np.full(len(images), -1.0).tolist()
    heights = numbers(images, "height", what=what, defaults=nothing).tolist()
    widths = numbers(images, "width", what=what, defaults=nothing).tolist()
    return [(h, w) if h > 0 and w > 0 else None for h, w in zip(heights, widths, strict=True)]
