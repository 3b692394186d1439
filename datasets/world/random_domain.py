"""Domains drawn by seed, as far apart as the named ones."""

import numpy as np

from datasets.world.colours import CLOTH, HAIR
from datasets.world.seeding import between, generator
from datasets.world.traits import (
    BAGS,
    HATS,
    LOWER_KINDS,
    PATTERNS,
    SCENES,
    UPPER_KINDS,
    CameraTraits,
    Domain,
    Limits,
    PeopleTraits,
    Weights,
)

_SUMMER = {
    "tshirt": 4.0,
    "dress": 2.0,
    "shorts": 3.0,
    "skirt": 2.0,
    "sunhat": 2.0,
    "coat": 0.05,
    "beanie": 0.05,
    "hood": 0.2,
}
_WINTER = {
    "coat": 4.0,
    "jacket": 3.0,
    "beanie": 3.0,
    "hood": 2.0,
    "tshirt": 0.05,
    "shorts": 0.05,
    "dress": 0.1,
    "sunhat": 0.0,
}
_COMMON = {"plain": 4.0, "jeans": 2.0, "trousers": 2.0, "headscarf": 0.5, "suitcase": 0.5}
_BAGLESS, _BAREHEADED = {"none": 2.5}, {"none": 8.0}


def make_random_domain(seed: int) -> Domain:
    """Draw a domain: a season, a palette, habits, and a kind of camera.

    Args:
        seed: any non-negative integer; the same one always gives the same domain.
    """
    rng = generator("random-domain", seed)
    is_winter = bool(rng.random() < 0.5)
    light = ("day", "overcast", "indoor", "night")[int(rng.integers(4))]
    season = "winter" if is_winter else "summer"
    return Domain(
        name=f"random-{seed}",
        summary=f"drawn by seed {seed}: {season} clothes, {light} light",
        people=_people(rng, _WINTER if is_winter else _SUMMER, is_winter),
        cameras=_cameras(rng, light),
    )


def _people(rng: np.random.Generator, season: dict[str, float], is_winter: bool) -> PeopleTraits:
    """Draw palette and habits; few colours dominate, and winter prefers the dark ones."""
    return PeopleTraits(
        upper_colours=_palette(rng, is_winter),
        lower_colours=_palette(rng, bool(rng.random() < 0.7)),
        accent_colours=_palette(rng, False),
        uppers=_weights(rng, UPPER_KINDS, season),
        lowers=_weights(rng, LOWER_KINDS, season),
        patterns=_weights(rng, PATTERNS, season),
        bags=_weights(rng, BAGS, season | _BAGLESS),
        hats=_weights(rng, HATS, season | _BAREHEADED),
        hair_colours=_weights(rng, tuple(HAIR), season),
        skin_tone=(between(rng, (0.15, 0.75)), between(rng, (0.12, 0.25))),
        girth=(between(rng, (0.95, 1.12)), 0.09),
        scarf=between(rng, (0.2, 0.6)) if is_winter else 0.03,
        colour_spread=between(rng, (0.9, 1.4)),
    )


def _palette(rng: np.random.Generator, prefers_dark: bool) -> Weights:
    """Draw weights over the cloth colours from a gamma law, which makes a few of them common and many rare."""
    amounts = rng.gamma(1.1, 1.0, len(CLOTH)) + 0.08
    if prefers_dark:
        amounts = amounts * np.array([2.0 if sum(colour) < 250 else 0.9 for colour in CLOTH.values()])
    return tuple(zip(CLOTH, (round(float(amount), 4) for amount in amounts), strict=True))


def _weights(rng: np.random.Generator, names: tuple[str, ...], season: dict[str, float]) -> Weights:
    """Draw weights around what the season and everyday life suggest."""
    amounts = rng.gamma(1.2, 1.0, len(names)) + 0.05
    return tuple(
        (name, round(float(amount) * season.get(name, 1.0) * _COMMON.get(name, 1.0), 4))
        for name, amount in zip(names, amounts, strict=True)
    )


def _cameras(rng: np.random.Generator, light: str) -> CameraTraits:
    """Draw a kind of camera: every setting gets a window, a fraction of what all domains together span."""
    is_dark, is_sunny, is_inside = light == "night", light == "day", light == "indoor"
    return CameraTraits(
        scenes=((("hall" if rng.random() < 0.7 else "platform"), 1.0),)
        if is_inside
        else _weights(rng, SCENES, {"hall": 0.0}),
        height=_window(rng, (1.8, 6.0), 0.4),
        distance=_window(rng, (4.5, 20.0), 0.5),
        light=_window(rng, (0.68, 0.9) if is_dark else (0.75, 1.2), 0.5),
        direct=_window(rng, (0.25, 0.6) if is_sunny or is_dark else (0.0, 0.25), 0.5),
        warmth=_window(rng, (0.1, 0.85) if is_dark else (-0.75, 0.5), 0.35),
        tint=_window(rng, (-0.5, 0.25), 0.35),
        gamma=_window(rng, (0.7, 0.95) if is_dark else (0.75, 1.3), 0.35),
        contrast=_window(rng, (0.75, 1.25), 0.35),
        saturation=_window(rng, (0.5, 1.3), 0.35),
        haze=_window(rng, (0.0, 0.22), 0.4),
        veil=_window(rng, (0.15, 0.35) if is_dark else (0.6, 0.9), 0.5),
        defocus=_window(rng, (0.0, 0.9), 0.5),
        motion=_window(rng, (0.0, 2.5), 0.5),
        pixels=_window(rng, (56.0, 200.0), 0.4),
        noise=_window(rng, (0.014, 0.03) if is_dark else (0.004, 0.025), 0.5),
        jpeg=_window(rng, (30.0, 95.0), 0.4),
        occlusion=_window(rng, (0.0, 0.25), 0.4),
        looseness=_window(rng, (0.015, 0.05), 0.5),
        spread=_window(rng, (10.0, 35.0), 0.5),
    )


def _window(rng: np.random.Generator, limits: Limits, share: float) -> Limits:
    """Draw a sub-interval that covers a share of an interval."""
    width = (limits[1] - limits[0]) * share
    low = between(rng, (limits[0], limits[1] - width))
    return round(low, 4), round(low + width, 4)
