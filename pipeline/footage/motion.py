"""How much moved between two looks at a fixed camera."""

import cv2
import numpy as np

_THUMBNAIL_WIDTH = 160
# Grey levels by which a pixel has to differ beside the change of light; the noise of compression is less.
_LEVELS = 12.0


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return a small grey picture.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (h, w) float32 in 0..255, at most 160 pixels wide.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    factor = min(1.0, _THUMBNAIL_WIDTH / grey.shape[1])
    size = max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def motion_share(before: np.ndarray | None, now: np.ndarray) -> float:
    """Return the share of pixels that changed: |d - median(d)| > 12 with d = now - before.

    The median is the change of light of the whole picture. Without an earlier picture, or after one of another size,
    nothing is known to have moved.

    Args:
        before: (h, w) float32 grey values in 0..255, or None.
        now: the same, later.

    Returns:
        a share in 0..1.
    """
    if before is None or before.shape != now.shape:
        return 0.0
    change = now - before
    return float(np.mean(np.abs(change - np.median(change)) > _LEVELS))
