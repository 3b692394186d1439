"""One crop of one person in one camera: a pure function of names and numbers."""

from math import atan2

import cv2
import numpy as np

from datasets.world.background import scene_of
from datasets.world.draw import Box, Light, draw_person
from datasets.world.occluders import draw_obstacle
from datasets.world.passage import FRAMES_PER_SECOND, camera_of, frame_of_shot, passage_of, person_of
from datasets.world.photometry import develop, expose
from datasets.world.pose import Pose, View
from datasets.world.seeding import between, generator
from datasets.world.shadows import draw_shadow
from datasets.world.traits import Domain

_SUPERSAMPLING = 1.3
_FILL = 0.88


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
    seconds = frame_of_shot(shot) / FRAMES_PER_SECOND
    pose = Pose(passage.phase_at(seconds), passage.stride, *passage.arms, lean=between(rng, (0.0, 0.02)))
    across, distance = passage.place_at(seconds)
    distance = min(max(distance, 0.8 * eye.near), 1.2 * eye.far)
    heading = passage.heading + float(rng.normal(0.0, 0.2)) + atan2(across, distance)
    view = View(heading, eye.elevation(distance))
    foot = eye.foot(across, distance)
    sensor = max(16.0, eye.optics.pixels * (eye.near + eye.far) / 2 / distance)
    pixels = min(float(size[0]), sensor)
    canvas_size = (round(_SUPERSAMPLING * pixels), round(_SUPERSAMPLING * pixels * size[1] / size[0]))
    canvas, box = _window(scene_of(eye), foot, who.body.height * eye.metre(distance), (canvas_size, eye.looseness), rng)
    if rng.random() < 0.12:
        other = person_of(domain, seed, int(rng.integers(10**6, 10**6 + 200)))
        draw_person(
            canvas, other, pose, box=_moved(box, rng, 0.9), view=View(heading + 2.5, view.elevation), light=light
        )
    draw_shadow(canvas, box, light)
    draw_person(canvas, who, pose, box=box, view=view, light=light)
    if rng.random() < eye.occlusion:
        draw_obstacle(canvas, box, rng)
    image = expose(canvas, eye.optics, passage.exposure * float(np.exp(rng.normal(0.0, 0.03))))
    return develop(image, eye.optics, size=size, rows=round(pixels), sampling=pixels / sensor, rng=rng)


def _window(
    scene: np.ndarray,
    foot: tuple[float, float],
    height: float,
    detector: tuple[tuple[int, int], float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, Box]:
    """Cut the detector's box out of the scene; return it as a canvas, and the person's upright box on it."""
    (rows, columns), looseness = detector
    shift_x, shift_y, grow = rng.normal(0.0, looseness, 3).tolist()
    tall = height / _FILL * float(np.exp(1.5 * grow))
    if rng.random() < 0.08:
        cut = between(rng, (0.08, 0.25))
        tall, shift_y = tall * (1 - cut), shift_y + cut / 2 * (1 if rng.random() < 0.8 else -1)
    zoom = rows / tall
    left = foot[0] + shift_x * height - columns / zoom / 2
    top = foot[1] - height / 2 - shift_y * height - tall / 2
    matrix = np.array([[zoom, 0, -left * zoom], [0, zoom, -top * zoom]])
    canvas = cv2.warpAffine(scene, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    middle, ground = (foot[0] - left) * zoom, (foot[1] - top) * zoom
    size = height * zoom
    return canvas.astype(np.float32) * np.float32(1 / 255), (
        middle - size / 4,
        ground - size,
        middle + size / 4,
        ground,
    )


def _moved(box: Box, rng: np.random.Generator, shrink: float) -> Box:
    """Return the box of somebody who stands beside and a little behind."""
    height = box[3] - box[1]
    shift = (0.3 + 0.2 * rng.random()) * height * (1 if rng.random() < 0.5 else -1)
    up = 0.05 * height
    return box[0] + shift, box[3] - up - shrink * height, box[2] + shift, box[3] - up
