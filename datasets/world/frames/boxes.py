"""Boxes of a moment, from the pixels that each person covers and the pixels that nothing nearer covers."""

from typing import NamedTuple

import numpy as np

from datasets.world.draw import Box, cover_person
from datasets.world.frames.moment import Moment, Standing
from datasets.world.frames.screen import Screen
from datasets.world.frames.sprite import overlap
from datasets.world.frames.things import Thing, cut_out
from pipeline.detection_types import FrameBoxes

PEDESTRIAN, DISTANT, HIDDEN = "pedestrian", "distant", "hidden"
# Parts of the picture's height, and of the body: under them, nobody can say who finds the person.
LEAST_HEIGHT, LEAST_VISIBLE, LEAST_TRACE = 0.09, 0.2, 0.03
# Masks are counted on a picture of so many rows, whatever the size of the frame, so that boxes scale exactly.
_ROWS = 384


class Extent(NamedTuple):
    """The pixels of one item.

    Args:
        mask: (h, w) bool, also of what lies outside the picture.
        left: column of the mask's left edge on the picture.
        top: row of its upper edge.
    """

    mask: np.ndarray
    left: int
    top: int


def boxes_of(moment: Moment, size: tuple[int, int]) -> FrameBoxes:
    """Return what is annotated on the frame of a moment.

    Args:
        moment: who stands where.
        size: height and width of the frame, pixels.
    """
    screen = Screen(_ROWS, max(1, round(_ROWS * size[1] / size[0])))
    shape = screen.rows, screen.columns
    found = []
    nearest = np.zeros(shape, np.int32)
    for item in moment.items:
        extent = _extent(moment, item, screen)
        windows = None if extent is None else overlap(shape, extent.mask.shape, (extent.left, extent.top))
        if extent is not None and windows is not None:
            found.append((item, extent, windows[0]))
            nearest[windows[0]][extent.mask[windows[1]]] = len(found)
    rows = []
    for index, (item, extent, there) in enumerate(found, start=1):
        if isinstance(item, Standing) or item.is_figure:
            seen = Extent(nearest[there] == index, there[1].start, there[0].start)
            rows.append(_row(item, extent, seen))
    return _table([row for row in rows if row is not None], size[0] / _ROWS)


def _extent(moment: Moment, item: Standing | Thing, screen: Screen) -> Extent | None:
    """Return the pixels of an item, also those outside the picture; None where it is far from it."""
    if isinstance(item, Thing):
        sprite = cut_out(moment.street, item, screen)
        return Extent(sprite.paint[..., 3] > 0.5, sprite.left, sprite.top)
    box = item.box(screen)
    if not screen.is_near(box, 0.2):
        return None
    tall = box[3] - box[1]
    left, top = int(box[0] - 0.25 * tall) - 1, int(box[1] - 0.3 * tall) - 1
    cover = np.zeros((int(1.6 * tall) + 3, int(tall) + 3), np.float32)
    moved = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    cover_person(cover, item.who, item.pose, box=moved, view=item.view)
    return Extent(cover > 0.5, left, top)


class _Row(NamedTuple):
    box: Box
    visible: Box
    ratio: float
    person: int
    category: str


def _row(item: Standing | Thing, extent: Extent, seen: Extent) -> _Row | None:
    """Return the annotation of an item; None where nothing of it is seen."""
    area, left = int(extent.mask.sum()), int(seen.mask.sum())
    if area == 0 or left < max(1.0, LEAST_TRACE * area):
        return None
    box, visible, ratio = _bounds(extent), _bounds(seen), left / area
    if isinstance(item, Thing):
        return _Row(box, visible, ratio, -1, item.kind)
    is_small = box[3] - box[1] < LEAST_HEIGHT * _ROWS
    category = DISTANT if is_small else HIDDEN if ratio < LEAST_VISIBLE else PEDESTRIAN
    return _Row(box, visible, ratio, item.number, category)


def _bounds(extent: Extent) -> Box:
    """Return (left, top, right, bottom) of the true pixels."""
    rows, columns = np.flatnonzero(extent.mask.any(axis=1)), np.flatnonzero(extent.mask.any(axis=0))
    left, top = extent.left, extent.top
    return left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1


def _table(rows: list[_Row], zoom: float) -> FrameBoxes:
    """Put annotations into columns, people first, from left to right; `zoom` maps to pixels of the frame."""
    rows = sorted(rows, key=lambda row: (row.category != PEDESTRIAN, row.box, row.person))
    return FrameBoxes(
        boxes=zoom * np.array([row.box for row in rows], np.float32).reshape(-1, 4),
        visible=zoom * np.array([row.visible for row in rows], np.float32).reshape(-1, 4),
        visible_ratio=np.array([row.ratio for row in rows], np.float32),
        ignore=np.array([row.category != PEDESTRIAN for row in rows], bool),
        person_ids=np.array([row.person for row in rows], np.int64),
        categories=tuple(row.category for row in rows),
    )
