"""What a fixed camera always sees, and which part of a box differs from it: people come and go, furniture stays."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.frame_cache import FrameCache

logger = logging.getLogger(__name__)

UNKNOWN = 2  # in place of 0 (background) and 1 (foreground), where a camera has no background
LEAST_FRAMES = 5
_MOST_FRAMES = 48
# Frame numbers between a camera's first and last frame, ten seconds of most videos: in shorter recordings people are a
# part of the background.
_LEAST_SPAN = 250
_ROWS = 64  # of all frames at a time, so that memory stays small
_LEAST_CHANGE, _SPREADS = 12.0, 3.0  # in grey levels, and in standard deviations of the pixel's own noise
_LEAST_PIXELS, _MARGIN = 16, 0.25  # of a moving region; the margin is a share of its sides
_MAD_TO_STD = 1.4826
# A moving camera changes every pixel about as much as the scene has contrast, sensor noise by far less.
_STILL = 0.6


@dataclass(frozen=True)
class Background:
    """What one fixed camera sees when nobody is there.

    Args:
        picture: (h, w, 3) float32, the median of each pixel.
        tolerance: (h, w) float32, grey levels by which a pixel has to differ to be foreground.
    """

    picture: np.ndarray
    tolerance: np.ndarray


# Cameras have one background for each size of frame.
Backgrounds = Mapping[tuple[str | None, tuple[int, int]], Background]


def median_background(frames: np.ndarray) -> Background | None:
    """Return the background of a fixed camera, by the median of each pixel and the median distance from it.

    Args:
        frames: (N, h, w, 3) uint8, of one camera, best far apart in time.

    Returns:
        the background; None with fewer than LEAST_FRAMES frames, or where the camera moves: then each pixel changes
        about as much as the scene has contrast.
    """
    if len(frames) < LEAST_FRAMES:
        return None
    picture = np.empty(frames.shape[1:], np.float32)
    spread = np.empty(frames.shape[1:3], np.float32)
    for top in range(0, frames.shape[1], _ROWS):
        rows = frames[:, top : top + _ROWS].astype(np.float32)
        middle = np.median(rows, axis=0)
        picture[top : top + _ROWS] = middle
        spread[top : top + _ROWS] = np.median(np.abs(rows - middle), axis=0).mean(axis=2)
    if float(np.median(spread)) > _STILL * float(picture.mean(axis=2).std()):
        return None
    return Background(picture, np.maximum(_LEAST_CHANGE, _SPREADS * _MAD_TO_STD * spread))


def foreground(frame: np.ndarray, background: Background) -> np.ndarray:
    """Return where a frame differs from its camera's background; a change of the whole frame's brightness is none.

    Args:
        frame: (h, w, 3) uint8.
        background: of its camera.

    Returns:
        (h, w) uint8, 1 where it differs, else 0.
    """
    change = frame.astype(np.float32) - background.picture
    change -= np.median(change[::4, ::4].reshape(-1, 3), axis=0)
    found: np.ndarray = (np.abs(change).mean(axis=2) > background.tolerance).astype(np.uint8)
    return found


def foreground_shares(plane: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the share of each box that is foreground.

    Args:
        plane: (h, w) uint8 of 0, 1 and UNKNOWN.
        boxes: (N, 4) xyxy in pixels of the plane; what lies outside is not counted.

    Returns:
        (N,) float64 in 0..1; NaN for a box that holds no known pixel.
    """
    height, width = plane.shape
    sums = [_integral(plane == 1), _integral(plane != UNKNOWN)]
    corners = np.stack([np.floor(boxes[:, 0]), np.floor(boxes[:, 1]), np.ceil(boxes[:, 2]), np.ceil(boxes[:, 3])])
    x1, x2 = (np.clip(corners[i], 0, width).astype(np.int64) for i in (0, 2))
    y1, y2 = (np.clip(corners[i], 0, height).astype(np.int64) for i in (1, 3))
    changed, known = (one[y2, x2] - one[y1, x2] - one[y2, x1] + one[y1, x1] for one in sums)
    return np.divide(changed, known, out=np.full(len(boxes), np.nan), where=known > 0)


def moving_regions(plane: np.ndarray) -> np.ndarray:
    """Return boxes around what moves, with a margin: somebody may be there, found or not.

    Args:
        plane: (h, w) uint8 of 0, 1 and UNKNOWN.

    Returns:
        (M, 4) float32 xyxy; they may leave the plane.
    """
    whole = cv2.morphologyEx((plane == 1).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, _, parts, _ = cv2.connectedComponentsWithStats(whole)
    x, y, width, height, area = parts[1:].astype(np.float32).T  # the first part is what does not move
    across, down = _MARGIN * width, _MARGIN * height
    boxes = np.stack([x - across, y - down, x + width + across, y + height + down], axis=1)
    moving: np.ndarray = boxes[area >= _LEAST_PIXELS]
    return moving


def camera_backgrounds(cache: FrameCache) -> Backgrounds:
    """Return the background of every fixed camera of a data set.

    Args:
        cache: its scaled frames; those of unknown cameras, or of a few seconds, have no background.
    """
    places: dict[tuple[str | None, tuple[int, int]], list[int]] = defaultdict(list)
    for index, sample in enumerate(cache.data.samples):
        if sample.camera_id is not None:
            places[sample.camera_id, sample.size].append(index)
    found = {}
    for key, indices in places.items():
        if _span([cache.data.samples[i].frame for i in indices]) < _LEAST_SPAN:
            continue
        chosen = np.unique(np.linspace(0, len(indices) - 1, min(len(indices), _MOST_FRAMES)).round().astype(int))
        background = median_background(np.stack([cache[indices[i]] for i in chosen]))
        if background is not None:
            found[key] = background
    logger.info("%s: %d of %d cameras have a background", cache.data.name, len(found), len(places))
    return found


def _span(frames: list[int | None]) -> float:
    """Return over how many numbers the frames of a camera reach; without numbers nothing speaks against them."""
    known = [frame for frame in frames if frame is not None]
    return max(known) - min(known) if len(known) == len(frames) else float("inf")


def _integral(plane: np.ndarray) -> np.ndarray:
    sums = np.zeros((plane.shape[0] + 1, plane.shape[1] + 1), np.int64)
    sums[1:, 1:] = plane.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    return sums
