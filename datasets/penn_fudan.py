"""Reader for Penn-Fudan: people are numbered regions of a mask, their boxes the extents of the regions.

Reference: Wang et al., "Object Detection Combining Recognition and Segmentation", ACCV 2007.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import find_objects

from datasets.box_rows import BoxRow, FrameRows, ParsedFrames
from datasets.frame_files import frame_data
from datasets.frame_records import FrameData
from datasets.image_lookup import place_frames, stem_of
from datasets.listing import list_images, open_root
from pipeline.errors import DataError


def read_penn_fudan(root: str) -> FrameData:
    """Read PNGImages with PedMasks.

    Args:
        root: the folder with both.

    Raises:
        DataError: a folder is missing, a mask cannot be read, or more than a fifth of the images are missing.
    """
    base = open_root(root)
    for folder in ("PNGImages", "PedMasks"):
        if not (base / folder).is_dir():
            raise DataError(f"{root!r} has no folder {folder}", "PNGImages and PedMasks")
    frames = []
    for name in list_images(base / "PedMasks").names:
        mask = _read_mask(base / "PedMasks" / name)
        frames.append(FrameRows(stem_of(name).removesuffix("_mask"), parse_mask(mask), mask.shape))
    images = {stem_of(name): f"PNGImages/{name}" for name in list_images(base / "PNGImages").names}
    placed = place_frames(ParsedFrames(tuple(frames)), images, origin="PedMasks")
    skipped = {**placed.skipped, "image without a mask": len(images) - len(placed.frames)}
    return frame_data(base, placed.frames, skipped=skipped, part="masks")


def parse_mask(mask: np.ndarray) -> tuple[BoxRow, ...]:
    """Return the extents of each numbered region, from the first pixel's left edge to the last one's right edge.

    Args:
        mask: (H, W) integers; 0 = background, 1..n = person.
    """
    regions = find_objects(mask)
    return tuple(
        BoxRow((region[1].start, region[0].start, region[1].stop, region[0].stop))
        for region in regions
        if region is not None
    )


def _read_mask(path: Path) -> np.ndarray:
    """Return the numbers of a mask's pixels; a palette's colours are for the eye only."""
    try:
        with Image.open(path) as image:
            mask = np.asarray(image)
    except Exception as error:  # decoders raise many types on damaged files
        raise DataError(f"mask {str(path)!r} cannot be read ({error})", "a PNG file of one channel") from error
    if mask.ndim != 2 or mask.dtype.kind not in "bui":
        raise DataError(f"mask {str(path)!r} has shape {mask.shape}, {mask.dtype}", "one channel of integers")
    return mask.astype(np.int32)
