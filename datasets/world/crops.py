"""One crop of one person in one camera: a pure function of names and numbers."""

from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin

import cv2
import numpy as np

from datasets.world.background import scene_of
from datasets.world.body import Pose, View
from datasets.world.cameras import FRAME, Camera, make_camera
from datasets.world.draw import Box, Light, draw_person
from datasets.world.occluders import draw_obstacle
from datasets.world.people import Person, make_person
from datasets.world.photometry import develop, expose
from datasets.world.seeding import between, generator
from datasets.world.traits import Domain

_SUPERSAMPLING = 1.5
_FILL = 0.88


@dataclass(frozen=True)
class Passage:
    """How one person passes one camera.

    Args:
        heading: walking direction, radians; 0 comes straight to the camera.
        across: lateral place at the middle shot, metres.
        distance: from the camera at the middle shot, metres.
        stride: amplitude of the gait, radians.
        phase: of the gait at the first shot, radians.
        arms: what the left and the right arm do.
        exposure: light at that time, 1 = usual.
        frame: number of the first frame.
    """

    heading: float
    across: float
    distance: float
    stride: float
    phase: float
    arms: tuple[str, str]
    exposure: float
    frame: int


@lru_cache(maxsize=4096)
def person_of(domain: Domain, seed: int, person: int) -> Person:
    """Return a person of a domain."""
    return make_person(domain.people, generator(domain.name, seed, "person", person))


@lru_cache(maxsize=256)
def camera_of(domain: Domain, seed: int, camera: int) -> Camera:
    """Return a camera of a domain."""
    return make_camera(domain.cameras, generator(domain.name, seed, "camera", camera))


def passage_of(domain: Domain, seed: int, person: int, camera: int) -> Passage:
    """Return how a person of a domain passes a camera of it."""
    rng = generator(domain.name, seed, "passage", person, camera)
    place = camera_of(domain, seed, camera)
    bag = person_of(domain, seed, person).outfit
    arms = ["swing", "swing"]
    for arm in (0, 1):
        chance = rng.random()
        arms[arm] = "phone" if chance < 0.06 else "pocket" if chance < 0.15 else "swing"
    if bag.bag in ("handbag", "suitcase"):
        arms[0 if bag.bag_side > 0 else 1] = "carry"
    distance = between(rng, (place.near, place.far))
    reach = 0.4 * FRAME[1] * distance / place.focal
    direction = place.path if rng.random() < place.one_way else place.path + pi
    return Passage(
        heading=direction + float(rng.normal(0.0, place.spread)),
        across=between(rng, (-reach, reach)),
        distance=distance,
        stride=0.05 if rng.random() < 0.1 else between(rng, (0.28, 0.5)),
        phase=between(rng, (0.0, 2 * pi)),
        arms=(arms[0], arms[1]),
        exposure=float(np.exp(rng.normal(0.0, 0.06))),
        frame=int(rng.integers(0, 120_000)),
    )


def render_crop(
    domain: Domain, *, seed: int, person: int, camera: int, shot: int, size: tuple[int, int] = (128, 64)
) -> np.ndarray:
    """Draw one crop.

    Args:
        domain: who walks there and which cameras look.
        seed: of the domain's people and cameras.
        person: number of the person.
        camera: number of the camera.
        shot: number of the moment; people turn, walk on, and the detector's box moves.
        size: height and width, pixels.

    Returns:
        (H, W, 3) uint8 RGB, the same for the same arguments.
    """
    eye, who = camera_of(domain, seed, camera), person_of(domain, seed, person)
    passage = passage_of(domain, seed, person, camera)
    rng = generator(domain.name, seed, "shot", person, camera, shot)
    light = Light(eye.azimuth, eye.direct)
    pose = Pose(passage.phase + between(rng, (0, 2 * pi)), passage.stride, *passage.arms, lean=between(rng, (0.0, 0.02)))
    step = between(rng, (-1.5, 1.5))
    heading = passage.heading + float(rng.normal(0.0, 0.2))
    distance = float(np.clip(passage.distance - step * cos(heading), 0.8 * eye.near, 1.2 * eye.far))
    foot = eye.foot(passage.across + step * sin(heading), distance)
    view = View(heading, eye.elevation(distance))
    canvas, box = _window(scene_of(eye), foot, who.body.height * eye.metre(distance), (size, eye.looseness), rng)
    if rng.random() < 0.12:
        other = person_of(domain, seed, int(rng.integers(10**6, 10**6 + 200)))
        draw_person(canvas, other, pose, box=_moved(box, rng, 0.9), view=View(heading + 2.5, view.elevation), light=light)
    _shadow(canvas, box, light)
    draw_person(canvas, who, pose, box=box, view=view, light=light)
    if rng.random() < eye.occlusion:
        draw_obstacle(canvas, box, rng)
    image = expose(canvas, eye.optics, passage.exposure * float(np.exp(rng.normal(0.0, 0.03))))
    pixels = eye.optics.pixels * (eye.near + eye.far) / 2 / distance
    return develop(image, eye.optics, size=size, pixels=pixels, rng=rng)


def _window(
    scene: np.ndarray,
    foot: tuple[float, float],
    height: float,
    detector: tuple[tuple[int, int], float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, Box]:
    """Cut the detector's box out of the scene; return it as a canvas, and the person's upright box on it."""
    (rows, columns), looseness = detector
    canvas_size = (round(columns * _SUPERSAMPLING), round(rows * _SUPERSAMPLING))
    shift_x, shift_y, grow = rng.normal(0.0, looseness, 3)
    tall = height / _FILL * float(np.exp(1.5 * grow))
    if rng.random() < 0.08:
        cut = between(rng, (0.08, 0.25))
        tall, shift_y = tall * (1 - cut), shift_y + cut / 2 * (1 if rng.random() < 0.8 else -1)
    zoom = canvas_size[1] / tall
    left = foot[0] + shift_x * height - canvas_size[0] / zoom / 2
    top = foot[1] - height / 2 - shift_y * height - tall / 2
    matrix = np.array([[zoom, 0, -left * zoom], [0, zoom, -top * zoom]])
    canvas = cv2.warpAffine(scene, matrix, canvas_size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    middle, ground = (foot[0] - left) * zoom, (foot[1] - top) * zoom
    size = height * zoom
    return canvas.astype(np.float32) * np.float32(1 / 255), (middle - size / 4, ground - size, middle + size / 4, ground)


def _moved(box: Box, rng: np.random.Generator, shrink: float) -> Box:
    """Return the box of somebody who stands beside and a little behind."""
    height = box[3] - box[1]
    shift = (0.3 + 0.2 * rng.random()) * height * (1 if rng.random() < 0.5 else -1)
    up = 0.05 * height
    return box[0] + shift, box[3] - up - shrink * height, box[2] + shift, box[3] - up


def _shadow(canvas: np.ndarray, box: Box, light: Light) -> None:
    """Darken the ground around the feet, and away from the lamp."""
    height = box[3] - box[1]
    reach = 0.1 + 0.35 * light.direct
    centre = ((box[0] + box[2]) / 2 - sin(light.azimuth) * reach * 0.6 * height, box[3] - 0.012 * height)
    axes = (reach * height, 0.035 * height)
    left, top = max(0, int(centre[0] - axes[0] * 1.3)), max(0, int(centre[1] - axes[1] * 1.5))
    region = canvas[top : int(centre[1] + axes[1] * 1.5) + 1, left : max(0, int(centre[0] + axes[0] * 1.3) + 1)]
    if region.size == 0:
        return
    x = (np.arange(region.shape[1], dtype=np.float32) + left - centre[0]) / axes[0]
    y = (np.arange(region.shape[0], dtype=np.float32) + top - centre[1]) / axes[1]
    falloff = np.clip(1.3 - (x**2)[None] - (y**2)[:, None], 0.0, 1.0)
    region *= (1.0 - (0.3 + 0.4 * light.direct) * falloff)[..., None]
