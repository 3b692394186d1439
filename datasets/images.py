"""Read one image file as uint8 RGB, whatever its format says, and resize it."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from pipeline.errors import DataError

MAX_PIXELS = 64_000_000
_EXIF_ORIENTATION = 0x0112
_EXIF_ON_ITS_SIDE = (5, 6, 7, 8)
_BACKGROUND = (128, 128, 128)
# OpenCV decodes these about twice as fast as Pillow; before 5.0 it fills a cut file with grey instead of refusing it,
# so the end marker has to be there.
_FAST_END_MARKERS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}


def load_image(path: str | Path) -> np.ndarray:
    """Read an image file as 8-bit RGB.

    EXIF rotation is applied, 16-bit values are scaled (not clipped), transparent pixels are laid over mid-grey.

    Args:
        path: the file.

    Returns:
        (H, W, 3) uint8 RGB pixels.

    Raises:
        DataError: the file cannot be read or decoded completely, or is larger than MAX_PIXELS.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if not data:
        raise _unreadable(path, "the file is empty (0 bytes)")
    try:
        return _decode(data)
    except Exception as error:  # decoders raise many types on damaged files: OSError, SyntaxError, struct.error ...
        raise _unreadable(path, _reason(error)) from error


def image_size(path: str | Path) -> tuple[int, int]:
    """Return height and width of what `load_image` would give, from the file's header alone.

    Args:
        path: the file.

    Raises:
        DataError: the file cannot be opened as an image, or is larger than MAX_PIXELS.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels, more than {MAX_PIXELS // 1_000_000} million")
            is_turned = image.getexif().get(_EXIF_ORIENTATION, 1) in _EXIF_ON_ITS_SIDE
            return (image.width, image.height) if is_turned else (image.height, image.width)
    except Exception as error:  # as above: many types on damaged files
        raise _unreadable(path, getattr(error, "strerror", None) or _reason(error)) from error


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize by area averaging along the sides that shrink and linearly along the sides that grow.

    Args:
        image: (H, W, 3) uint8 pixels.
        size: height and width to reach.

    Returns:
        (size[0], size[1], 3) uint8 pixels.
    """
    height, width = size
    shrunk = (min(height, image.shape[0]), min(width, image.shape[1]))
    for (h, w), method in ((shrunk, cv2.INTER_AREA), (size, cv2.INTER_LINEAR)):
        if image.shape[:2] != (h, w):
            image = cv2.resize(image, (w, h), interpolation=method)
    return image


def _decode(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels, more than {MAX_PIXELS // 1_000_000} million")
        if _is_plain(image, data):
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            if pixels is not None and pixels.shape[:2] == (image.height, image.width):
                return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
        return np.ascontiguousarray(_to_rgb(ImageOps.exif_transpose(image)))


def _is_plain(image: Image.Image, data: bytes) -> bool:
    """Return whether OpenCV reads this file as we would: 8-bit RGB or grey, upright, opaque and complete."""
    marker = _FAST_END_MARKERS.get(image.format or "")
    if marker is None or marker not in data[-64:] or image.mode not in ("RGB", "L") or "transparency" in image.info:
        return False
    return "exif" not in image.info or image.getexif().get(_EXIF_ORIENTATION, 1) == 1


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        return np.repeat(_scale_deep_grey(np.asarray(image))[:, :, None], 3, axis=2)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        opaque = Image.new("RGBA", image.size, (*_BACKGROUND, 255))
        image = Image.alpha_composite(opaque, image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def _scale_deep_grey(values: np.ndarray) -> np.ndarray:
    """Map 16-bit integers from 0..65535, or floats from 0..1, to 0..255."""
    top = 1.0 if values.dtype.kind == "f" else 65535.0
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > top:
        raise ValueError(f"{values.dtype} grey values lie outside 0..{top:g}")
    return np.round(values.astype(np.float64) * (255.0 / top)).astype(np.uint8)


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "its content is no known image format"
    return str(error).strip() or type(error).__name__


def _unreadable(path: str | Path, reason: str) -> DataError:
    return DataError(f"cannot read image {str(path)!r}: {reason}")
