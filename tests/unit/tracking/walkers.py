"""Makers of walking people: boxes, scores and times of made frames."""

import numpy as np


def make_walkers(people=3, frames=20, *, seed=0, step=0.1, jitter=0.0, irregular=0.0):
    """Return a list of (seconds, boxes (people, 4) float32, scores (people,)); everybody is in every frame."""
    rng = np.random.default_rng(seed)
    start = rng.uniform((0, 50), (400, 60), (people, 2))
    height = rng.uniform(40, 70, people)
    speed = rng.uniform((-15, -2), (15, 2), (people, 2))
    seconds, made = 0.0, []
    for _ in range(frames):
        centre = start + speed * seconds + rng.normal(0, jitter, (people, 2)) * height[:, None]
        half = np.stack([0.2 * height, 0.5 * height], axis=1)
        boxes = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
        made.append((seconds, boxes, rng.uniform(0.75, 1.0, people)))
        seconds += step * (1 + irregular * rng.uniform(-1, 1))
    return made


def make_box(x, y=50.0, height=50.0):
    """Return one (4,) box of a person whose centre is at x, y."""
    return np.array([x - 0.2 * height, y - 0.5 * height, x + 0.2 * height, y + 0.5 * height], np.float32)
