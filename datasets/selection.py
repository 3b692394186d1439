"""Keep some cameras or some persons of a labelled list, in a way that two complementary rules share no person."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from datasets.records import ReIDSample, normalise_camera_name
from pipeline.errors import ConfigError, DataError

RULES = "'all', 'even', 'odd', 'first:F' or 'last:F' with 0 < F < 1"


def select_persons(person_ids: Iterable[int], rule: str) -> set[int]:
    """Choose persons by their rank among the sorted ids.

    'even' and 'odd' are disjoint and complete, and so are 'first:F' and 'last:G' where F + G = 1.

    Args:
        person_ids: all ids of the data set, in any order.
        rule: one of RULES.

    Raises:
        ConfigError: the rule is none of them.
    """
    ids = sorted(set(person_ids))
    if rule == "all":
        return set(ids)
    if rule in ("even", "odd"):
        return set(ids[0 if rule == "even" else 1 :: 2])
    side, _, text = rule.partition(":")
    try:
        fraction = Fraction(text)
    except (ValueError, ZeroDivisionError):
        fraction = Fraction(0)
    if side not in ("first", "last") or not 0 < fraction < 1:
        raise ConfigError(f"identities: {rule!r}", RULES)
    border = math.floor((fraction if side == "first" else 1 - fraction) * len(ids) + Fraction(1, 2))
    return set(ids[:border] if side == "first" else ids[border:])


def select_samples(
    samples: Sequence[ReIDSample], *, cameras: Sequence[str] | None, persons: set[int] | None
) -> tuple[list[ReIDSample], Counter[str]]:
    """Keep the samples of the listed cameras and persons, and count the others.

    Args:
        samples: labelled samples.
        cameras: camera names in any spelling; None keeps all.
        persons: person ids to keep; None keeps all.

    Raises:
        DataError: a camera is not in the data.
    """
    wanted = None if cameras is None else {normalise_camera_name(str(camera)) for camera in cameras}
    present = sorted({sample.camera_id for sample in samples if sample.camera_id is not None})
    if wanted is not None and (missing := sorted(wanted.difference(present))):
        raise DataError(f"camera {', '.join(missing)} is not in the data", f"some of {', '.join(present) or 'none'}")
    kept: list[ReIDSample] = []
    skipped: Counter[str] = Counter()
    for sample in samples:
        if persons is not None and sample.person_id not in persons:
            skipped["person not selected"] += 1
        elif wanted is not None and sample.camera_id not in wanted:
            skipped["camera not selected"] += 1
        else:
            kept.append(sample)
    return kept, skipped
