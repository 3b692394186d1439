"""Which crops of a frame are worth keeping: how sharp one is, whether it is cut off, how much of it others hide."""

import cv2
import numpy as np

from pipeline.tracking.association import areas

_SIZE = (64, 128)  # width and height at which sharpness is measured, so that near and far people compare


def sharpness(crop: np.ndarray) -> float:
    """Return the variance of the Laplacian of the grey crop at 128 x 64 pixels; large = sharp.

    Args:
        crop: (h, w, 3) uint8 RGB with h, w >= 1.

    Reference:
        Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000. Ours differs: the crop is scaled
        to one size first.
    """
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), _SIZE, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def hidden_shares(boxes: np.ndarray) -> np.ndarray:
    """Return the share of each box that nearer people cover: those whose box ends lower in the picture.

    What two of them cover counts twice, so that the share is an upper bound; it is 1 at most.

    Args:
        boxes: (N, 4) xyxy of all people of the frame.

    Returns:
        (N,) float64 in 0..1.
    """
    corners = boxes.astype(np.float64)
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    is_nearer = corners[None, :, 3] > corners[:, None, 3]
    covered = np.where(is_nearer, shared, 0.0).sum(axis=1)
    found: np.ndarray = np.minimum(covered / np.maximum(areas(boxes), 1e-9), 1.0)
    return found


def are_cut(boxes: np.ndarray, size: tuple[int, int], margin: float) -> np.ndarray:
    """Return which boxes reach the frame's border, where the rest of the person may be missing.

    Args:
        boxes: (N, 4) xyxy.
        size: height and width of the frame.
        margin: pixels from the border that still count as the border.

    Returns:
        (N,) bool.
    """
    height, width = size
    x1, y1, x2, y2 = boxes.T
    found: np.ndarray = (x1 <= margin) | (y1 <= margin) | (x2 >= width - margin) | (y2 >= height - margin)
    return found


def cut_out(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return a copy of the pixels of a box, its borders rounded to pixels and clipped to the frame.

    Args:
        image: (H, W, 3) uint8.
        box: (4,) xyxy.

    Returns:
        (h, w, 3) uint8; empty where the box lies outside.
    """
    height, width = image.shape[:2]
    x1, x2 = np.clip(np.rint(box[[0, 2]]), 0, width).astype(int)
    y1, y2 = np.clip(np.rint(box[[1, 3]]), 0, height).astype(int)
    return image[y1:y2, x1:x2].copy()
