"""Reads a folder of images as a recording: one image after the other in the order of their numbers."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import DataError
from pipeline.footage.file_names import is_image, natural_key
from pipeline.footage.video_file import TimedPicture


def read_sequence(folder: Path, *, rate: float) -> Iterator[TimedPicture]:
    """Yield the images of a folder.

    Args:
        folder: holds the images; 'frame 10' comes after 'frame 9'.
        rate: images a second.

    Raises:
        DataError: there is no image, or the folder cannot be read.
    """
    try:
        names = sorted((entry.name for entry in folder.iterdir() if is_image(entry.name)), key=natural_key)
    except OSError as error:
        raise DataError(f"folder {str(folder)!r} cannot be read ({error.strerror})") from error
    if not names:
        raise DataError(f"folder {str(folder)!r} holds no image", "the images of a recording")
    for number, name in enumerate(names):
        yield TimedPicture(number / rate, partial(_pixels, folder / name))


def _pixels(path: Path) -> np.ndarray:
    # Read by Python, because OpenCV cannot open every name on every system.
    try:
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise DataError(f"image {str(path)!r} cannot be read ({error.strerror})", "a readable image") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        raise DataError(f"image {str(path)!r} cannot be decoded", "a readable image")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
