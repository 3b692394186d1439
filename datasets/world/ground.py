"""The ground of a scene in perspective: paving, asphalt or grass, with what is painted on it."""

import numpy as np

from datasets.world.cameras import FRAME, Camera
from datasets.world.tones import Tint, tone

_GROUNDS = {
    "plaza": ((172, 160, 142), 0.8),
    "street": ((98, 98, 102), 3.0),
    "hall": ((188, 182, 170), 0.6),
    "platform": ((140, 138, 136), 1.2),
    "park": ((98, 112, 70), 0.0),
}


def paint_ground(image: np.ndarray, camera: Camera, rng: np.random.Generator, wall_row: int) -> None:
    """Paint paving, asphalt or grass below the foot of the backdrop.

    Args:
        image: (540, 960, 3) float32 RGB, 0..255, painted in place.
        camera: who looks.
        rng: source of every choice.
        wall_row: row where the backdrop stands.
    """
    first = max(0, wall_row)
    rows = np.arange(first, FRAME[0], dtype=np.float32)
    if not len(rows):
        return
    slope = np.arctan((rows - FRAME[0] / 2) / camera.focal) + camera.pitch
    distance = camera.height / np.tan(np.clip(slope, 0.02, 1.5))
    across = (np.arange(FRAME[1]) - FRAME[1] / 2)[None] * np.hypot(camera.height, distance)[:, None] / camera.focal
    turn = rng.uniform(-0.8, 0.8)
    u, v = (
        across * np.cos(turn) + distance[:, None] * np.sin(turn),
        distance[:, None] * np.cos(turn) - across * np.sin(turn),
    )
    colour, tile = _GROUNDS[camera.scene]
    base = np.array(colour, np.float32) * rng.uniform(0.8, 1.15) + rng.normal(0, 4, 3).astype(np.float32)
    ground = np.broadcast_to(base, (*u.shape, 3)).copy()
    if tile:
        tile *= rng.uniform(0.8, 1.5)
        checker = (np.floor(u / tile) + np.floor(v / tile)) % 2
        joint = (np.minimum(u % tile, v % tile) < 0.05 * tile).astype(np.float32)
        ground *= (1.0 + rng.uniform(0.0, 0.12) * (checker - 0.5) - rng.uniform(0.08, 0.3) * joint)[..., None]
    stripe, mark = _markings(camera.scene, u, v, rng)
    # Paint is worn: an unbroken crossing would outshine the people who walk on it.
    ground[stripe] += rng.uniform(0.3, 0.6) * (mark - ground[stripe])
    image[first:] = ground


def _markings(scene: str, u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Tint]:
    """Return where the ground is marked and in what colour: a path, a crossing, a guide line."""
    place = rng.uniform(-3.0, 3.0)
    middle = float(v.mean())
    if scene == "park":
        return np.abs(v - middle - place + 0.4 * np.sin(u / 3)) < rng.uniform(1.2, 2.5), tone(rng, (178, 166, 144))
    if scene == "street":
        return (np.abs(v - middle - place) < 1.6) & (u % 1.0 < 0.5), tone(rng, (176, 176, 170))
    if scene == "platform":
        return np.abs(v - middle - place) < 0.25, tone(rng, (214, 178, 52))
    if scene == "hall":
        return np.abs(v - middle - place) < rng.uniform(0.2, 0.8), tone(rng, (128, 112, 100))
    return np.abs(np.hypot(u - place, v - middle) - 3.0) < 0.5, tone(rng, (140, 122, 110))
