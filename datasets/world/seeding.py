"""Named random generators: every drawn thing of the world has its own, so that adding one never moves another."""

import hashlib

import numpy as np


def generator(*keys: str | int) -> np.random.Generator:
    """Return the generator that belongs to a name; equal in every process and on every platform.

    Args:
        keys: what is drawn, from the general to the special, such as ("plaza", 3, "person", 17).
    """
    digest = hashlib.sha256("\x1f".join(str(key) for key in keys).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def pick(rng: np.random.Generator, weights: tuple[tuple[str, float], ...]) -> str:
    """Draw one name with probability proportional to its weight."""
    totals = np.cumsum([weight for _, weight in weights])
    return weights[int(np.searchsorted(totals, rng.random() * totals[-1], side="right"))][0]


def between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """Draw uniformly between two limits."""
    return limits[0] + (limits[1] - limits[0]) * rng.random()
