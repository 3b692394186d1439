"""What has to be done to a decoded picture before anyone looks at it: turn it as it was filmed, take combs out."""

import numpy as np


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """Turn a picture counter-clockwise by whole quarters; other angles stay as they are.

    Args:
        image: (H, W, 3) pixels.
        degrees: as the file's display matrix says, any sign.
    """
    quarters = round(degrees / 90)
    return np.rot90(image, quarters % 4) if abs(degrees - 90 * quarters) < 1.0 else image


def one_field(image: np.ndarray) -> np.ndarray:
    """Return the moment that the upper lines of an interlaced picture show; the lower ones are half a frame later.

    Line 2k of the result is line 2k, line 2k + 1 the mean of its two neighbours; the last line of a picture of even
    height is its neighbour. Half of the height's detail is lost, and who moves has no comb at the edges.

    Args:
        image: (H, W, 3) uint8 pixels.
    """
    lines = image[0::2]
    result = np.repeat(lines, 2, axis=0)[: len(image)]
    between = (lines[:-1].astype(np.uint16) + lines[1:] + 1) >> 1
    result[1 : 2 * len(between) : 2] = between.astype(np.uint8)
    return result
