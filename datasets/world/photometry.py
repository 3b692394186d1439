"""What a camera does to a picture: light, colour, haze, blur, resolution, noise and compression, in this order."""

from functools import lru_cache

import cv2
import numpy as np

from datasets.world.cameras import Optics

_GREY = 0.45
_LUMA = np.array((0.299, 0.587, 0.114))


@lru_cache(maxsize=1)
def _noise_field() -> np.ndarray:
    """Return a field of standard normal noise that crops take windows of, (512, 512, 3) float32."""
    return np.random.Generator(np.random.PCG64(7)).standard_normal((512, 512, 3)).astype(np.float32)


@lru_cache(maxsize=512)
def _tone_curve(gamma: float) -> np.ndarray:
    """Return the tone curve as a table of 256 values."""
    return np.round(255.0 * (np.arange(256) / 255.0) ** gamma).astype(np.uint8)


def colour_matrix(optics: Optics, exposure: float) -> np.ndarray:
    """Return light, white balance, saturation, haze and contrast as one affine map.

    Args:
        optics: of the camera.
        exposure: of this moment, 1 = the camera's usual one.

    Returns:
        (3, 4) float64, on RGB 0..1.
    """
    gains = (
        np.array((1 + 0.28 * optics.warmth, 1.0 - 0.22 * optics.tint, 1 - 0.34 * optics.warmth))
        * optics.light
        * exposure
    )
    mix = optics.saturation * np.eye(3) + (1 - optics.saturation) * _LUMA[None]
    matrix = np.hstack([(mix * gains[:, None]) * (1 - optics.haze), np.full((3, 1), optics.haze * optics.veil)])
    matrix *= optics.contrast
    matrix[:, 3] += _GREY * min(1.0, optics.light) * (1 - optics.contrast)
    return matrix


def expose(canvas: np.ndarray, optics: Optics, exposure: float) -> np.ndarray:
    """Turn light into pixel values.

    Args:
        canvas: (H, W, 3) float32 RGB, 0..1.
        optics: of the camera.
        exposure: of this moment, 1 = the camera's usual one.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    seen = cv2.transform(canvas, colour_matrix(optics, exposure) * 255.0)
    return cv2.LUT(cv2.convertScaleAbs(np.maximum(seen, 0.0)), _tone_curve(round(optics.gamma, 3)))


def develop(
    image: np.ndarray,
    optics: Optics,
    *,
    size: tuple[int, int],
    rows: int,
    rng: np.random.Generator,
    sampling: float = 1.0,
) -> np.ndarray:
    """Blur, sample, disturb and compress an exposed picture.

    Args:
        image: (h, w, 3) uint8 RGB, larger than the sensor's picture.
        optics: of the camera.
        size: height and width of the result.
        rows: height of the picture on the sensor; under the height of the result, details are lost.
        rng: source of noise and of the direction of the motion.
        sampling: rows of the picture for each row of the sensor; under 1, neighbouring pixels are averaged, which
            lowers noise and the damage of compression alike.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    unit = image.shape[0] / 128.0
    if optics.defocus * unit > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), optics.defocus * unit)
    length = int(rng.random() * optics.motion * unit + 0.5)
    if length > 1:
        image = cv2.blur(image, (length, max(1, int(length * rng.random() * 0.5))))
    native = (max(8, round(rows * size[1] / size[0])), rows)
    image = cv2.resize(image, native, interpolation=cv2.INTER_AREA)
    image = _noisy(image, optics.noise * sampling, rng)
    image = _compressed(image, int(100 - (100 - optics.jpeg) * sampling))
    if native != (size[1], size[0]):
        image = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return image


def _noisy(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Add sensor noise of a deviation, 0..1; over a picture larger than the noise field, the field repeats."""
    field = _noise_field()
    repeats = [-(-want // have) for want, have in zip(image.shape[:2], field.shape[:2], strict=True)]
    field = np.tile(field, (*repeats, 1)) if max(repeats) > 1 else field
    top = int(rng.integers(0, field.shape[0] - image.shape[0] + 1))
    left = int(rng.integers(0, field.shape[1] - image.shape[1] + 1))
    window = field[top : top + image.shape[0], left : left + image.shape[1]]
    return cv2.add(image, window * np.float32(255.0 * strength), dtype=cv2.CV_8U)


def _compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """Return what JPEG leaves of an RGB picture."""
    written = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.cvtColor(np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
