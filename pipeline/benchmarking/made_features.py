"""Random features with the structure of a re-ID data set, for benchmarks that need no data."""

import numpy as np

IMAGES_A_PERSON = 17
CAMERAS = 6


def person_features(
    count: int, *, dimension: int = 512, noise: float = 1.5, seed: int = 17, persons: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return L2-normalised features around one random centre a person, and who each is.

    Args:
        count: N.
        dimension: D.
        noise: deviation of an image from its person's centre, in deviations of the centres.
        seed: of the generator.
        persons: how many; by default one for each 17 images.

    Returns:
        (N, D) float32 and (N,) int64.
    """
    generator = np.random.default_rng(seed)
    persons = persons or max(1, count // IMAGES_A_PERSON)
    centres = generator.standard_normal((persons, dimension), dtype=np.float32)
    ids = generator.integers(0, persons, count)
    rows = generator.standard_normal((count, dimension), dtype=np.float32)
    rows *= noise
    rows += centres[ids]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows, ids


def query_and_gallery(
    queries: int, gallery: int, *, dimension: int = 512, noise: float = 3.0, seed: int = 17
) -> list[np.ndarray]:
    """Return features, person ids and cameras of queries and of a gallery with about 20 images a person.

    Args:
        queries: Q.
        gallery: G.
        dimension: D.
        noise: as in `person_features`.
        seed: of the generator.

    Returns:
        The six columns that `rank_queries` takes: (Q, D), (Q,), (Q,), (G, D), (G,), (G,).
    """
    rows, ids = person_features(
        queries + gallery, dimension=dimension, noise=noise, seed=seed, persons=max(1, gallery // 20)
    )
    cameras = np.random.default_rng(seed + 1).integers(0, CAMERAS, queries + gallery)
    return [part for half in (slice(queries), slice(queries, None)) for part in (rows[half], ids[half], cameras[half])]
