"""Cut a labelled list into query and gallery where a data set comes without a test split."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from datasets.records import ReIDSample
from pipeline.errors import DataError


def carve_query_gallery(samples: Sequence[ReIDSample], *, seed: int) -> tuple[list[ReIDSample], list[ReIDSample]]:
    """Choose one query a (person, camera), as Market-1501 does; all other images are the gallery.

    Every query keeps a true match in another camera: only persons seen by two cameras or more are asked for, and a
    camera with one image of a person gives it to the gallery. A person with one image in each camera gives one query.

    Args:
        samples: labelled samples with known cameras.
        seed: chooses the query image.

    Raises:
        DataError: nobody is seen by two cameras.
    """
    generator = np.random.default_rng(seed)
    seen: dict[int, dict[str, list[ReIDSample]]] = defaultdict(lambda: defaultdict(list))
    for sample in sorted(samples, key=lambda s: s.path):
        if sample.person_id is not None and sample.camera_id is not None:
            seen[sample.person_id][sample.camera_id].append(sample)
    query: list[ReIDSample] = []
    for person in sorted(seen):
        crops = seen[person]
        if len(crops) < 2:
            continue
        rich = [camera for camera in sorted(crops) if len(crops[camera]) > 1] or sorted(crops)[:1]
        query.extend(crops[camera][int(generator.integers(len(crops[camera])))] for camera in rich)
    if not query:
        raise DataError(
            f"none of {len(seen)} persons is seen by two cameras",
            "at least one, so that a query has a match in another camera",
            "Choose more cameras or more identities for the probe.",
        )
    asked = {sample.path for sample in query}
    return query, [sample for sample in samples if sample.path not in asked]
