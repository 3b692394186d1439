"""The named colours that cloth, hair and skin are drawn from."""

import cv2
import numpy as np

CLOTH: dict[str, tuple[int, int, int]] = {
    "black": (28, 28, 31),
    "charcoal": (58, 60, 66),
    "grey": (122, 124, 128),
    "silver": (182, 184, 188),
    "white": (236, 235, 231),
    "cream": (226, 212, 180),
    "beige": (194, 170, 132),
    "camel": (164, 118, 66),
    "brown": (96, 64, 44),
    "olive": (96, 98, 56),
    "forest": (36, 78, 52),
    "green": (52, 140, 74),
    "mint": (150, 212, 184),
    "teal": (24, 122, 128),
    "sky": (128, 184, 226),
    "blue": (42, 92, 182),
    "denim": (72, 98, 138),
    "faded": (136, 160, 190),
    "navy": (32, 42, 82),
    "purple": (98, 58, 136),
    "lilac": (182, 160, 214),
    "pink": (232, 150, 176),
    "magenta": (194, 46, 116),
    "red": (190, 38, 42),
    "maroon": (106, 28, 40),
    "coral": (238, 116, 92),
    "orange": (232, 128, 36),
    "mustard": (206, 160, 46),
    "yellow": (240, 212, 70),
}
HAIR: dict[str, tuple[int, int, int]] = {
    "black": (26, 22, 22),
    "dark": (52, 38, 30),
    "brown": (92, 62, 40),
    "auburn": (126, 66, 38),
    "blond": (196, 160, 98),
    "grey": (150, 148, 146),
    "dyed": (150, 52, 88),
}
_SKIN_LIGHT = np.array((242, 208, 184), dtype=np.float32)
_SKIN_MID = np.array((190, 138, 102), dtype=np.float32)
_SKIN_DARK = np.array((84, 54, 40), dtype=np.float32)

Colour = tuple[float, float, float]


def jittered(rng: np.random.Generator, colour: tuple[int, int, int], *, spread: float = 1.0) -> Colour:
    """Move a colour a little in hue, saturation and value.

    Args:
        rng: source of the move.
        colour: RGB, 0..255.
        spread: 1 moves hue by about 8 degrees and value by about a tenth.

    Returns:
        RGB, 0..1.
    """
    pixel = np.array(colour, dtype=np.float32).reshape(1, 1, 3) / 255.0
    hue, saturation, value = cv2.cvtColor(pixel, cv2.COLOR_RGB2HSV)[0, 0]
    turn, strength, gain = rng.normal(0.0, spread, 3).tolist()
    moved = ((hue + 8.0 * turn) % 360.0, saturation * (1 + 0.12 * strength), value * (1 + 0.10 * gain) + 0.015 * gain)
    hsv = np.array([[[moved[0], np.clip(moved[1], 0, 1), np.clip(moved[2], 0.03, 0.98)]]], dtype=np.float32)
    red, green, blue = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    return float(red), float(green), float(blue)


def skin(tone: float) -> Colour:
    """Return the skin colour of a tone, 0 (light) to 1 (dark); RGB, 0..1."""
    low, high, part = (_SKIN_LIGHT, _SKIN_MID, tone * 2) if tone < 0.5 else (_SKIN_MID, _SKIN_DARK, tone * 2 - 1)
    red, green, blue = (low + (high - low) * part) / 255.0
    return float(red), float(green), float(blue)


def shaded(colour: Colour, gain: float) -> Colour:
    """Return a colour made darker or brighter."""
    red, green, blue = (min(1.0, channel * gain) for channel in colour)
    return red, green, blue
