"""The texture of a head: face, hair and head wear that follows its outline."""

import numpy as np

from datasets.world import fabric
from datasets.world.colours import shaded
from datasets.world.people import Body, Outfit


def head_texture(body: Body, outfit: Outfit) -> np.ndarray:
    """Paint face, hair and head wear that follows the head's outline."""
    rows = 32
    head, along = fabric.plain(rows, body.skin), fabric.down(rows)
    around = np.abs(fabric.ANGLE)[None]
    eyes = (np.abs(around - 0.36) < 0.12) & (np.abs(along - 0.46) < 0.035)
    fabric.paint(head, eyes, shaded(body.skin, 0.35))
    fabric.paint(head, (around < 0.24) & (np.abs(along - 0.76) < 0.03), (0.55, 0.25, 0.25))
    fabric.paint(head, (around < 0.1) & (np.abs(along - 0.6) < 0.06), shaded(body.skin, 0.85))
    if body.beard:
        fabric.paint(head, (along > 0.66) & (around < 1.3) & (np.abs(along - 0.76) > 0.03), shaded(body.hair, 1.1))
    hairline = {"bald": -1.0, "short": 0.0}.get(body.hair_style, 0.12)
    edge = hairline + 0.2 + 0.5 * np.clip((around - 0.5) / 1.4, 0.0, 1.0)
    hangs = body.hair_style in ("long", "bob")
    fabric.paint(head, (along < edge) | (hangs & (around > 1.7)), body.hair)
    if outfit.hat in ("hood", "headscarf"):
        colour = outfit.upper_colour if outfit.hat == "hood" else outfit.hat_colour
        fabric.paint(head, (around > 0.75) | (along < 0.24) | (along > 0.88), colour)
    return head
