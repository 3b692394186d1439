"""A contact sheet of a domain: one row for each person, one column for each camera and shot."""

import cv2
import numpy as np

from datasets.world.crops import render_crop
from datasets.world.traits import Domain

_GAP = 3


def make_sheet(
    domain: Domain, *, seed: int, people: int, cameras: int, shots: int, size: tuple[int, int] = (128, 64)
) -> np.ndarray:
    """Draw the first people of a domain in every camera.

    Args:
        domain: who walks there and which cameras look.
        seed: of the domain's people and cameras.
        people: number of rows.
        cameras: number of groups of columns.
        shots: columns in each group.
        size: height and width of a crop, pixels.

    Returns:
        (H, W, 3) uint8 RGB, crops on white.
    """
    rows, columns = size[0] + _GAP, cameras * (shots * size[1] + _GAP)
    sheet = np.full((people * rows + _GAP, columns + _GAP, 3), 255, np.uint8)
    for person in range(people):
        for camera in range(cameras):
            for shot in range(shots):
                top = _GAP + person * rows
                left = _GAP + camera * (shots * size[1] + _GAP) + shot * size[1]
                crop = render_crop(domain, seed=seed, person=2 * person + 1, camera=camera + 1, shot=shot, size=size)
                sheet[top : top + size[0], left : left + size[1]] = crop
    return sheet


def encode_image(image: np.ndarray, suffix: str, *, quality: int = 95) -> bytes:
    """Encode an image for a file.

    Args:
        image: (H, W, 3) uint8 RGB.
        suffix: ".png" or ".jpg".
        quality: of a JPEG, 1..100.
    """
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    return cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), parameters)[1].tobytes()
