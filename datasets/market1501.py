"""Reader for Market-1501 and for any folder in its layout.

Reference: Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from datasets.carving import carve_query_gallery
from datasets.file_data import compare_published, file_data
from datasets.listing import find_layout, open_root
from datasets.market_layout import DISTRACTOR, holds_market_names, read_market_folder
from datasets.records import ReIDData, ReIDProbe, ReIDSample
from datasets.selection import select_persons, select_samples
from pipeline.errors import ConfigError, DataError

_FOLDERS = {
    "train": ("bounding_box_train", "train"),
    "query": ("query",),
    "gallery": ("bounding_box_test", "gallery", "test"),
}
_PUBLISHED: dict[str, tuple[int, int | None]] = {
    "train": (12_936, 751),
    "query": (3_368, 750),
    "gallery": (15_913, None),
}


def read_market1501(
    root: str, split: str = "train", cameras: list[str] | None = None, identities: str = "all"
) -> ReIDData:
    """Read one labelled split.

    Junk (person -1) is never loaded; distractors (person 0) stay in the gallery only.

    Args:
        root: folder with bounding_box_train, query, bounding_box_test; or, for train, with the images themselves.
        split: 'train', 'query' or 'gallery'.
        cameras: cameras to keep; None keeps all.
        identities: persons to keep, by rank of the sorted ids: 'all', 'even', 'odd', 'first:0.75', 'last:0.25'.

    Raises:
        DataError: the folder or its names are not in this layout.
        ConfigError: an unknown split or identities rule.
    """
    base, samples, skipped = _parse(root, split)
    kept, dropped = select_samples(samples, cameras=cameras, persons=_choose(samples, identities))
    data = file_data(base, kept, skipped=skipped + dropped, part=split)
    if "market" in str(base).lower() and not dropped:
        compare_published(data, _PUBLISHED[split], origin=f"Market-1501 {split}")
    return data


def read_market1501_probe(root: str, cameras: list[str] | None = None, identities: str = "all") -> ReIDProbe:
    """Read the query and the gallery.

    Args:
        root: folder with query and bounding_box_test.
        cameras: cameras to keep; None keeps all.
        identities: persons to keep, as in `read_market1501`.

    Raises:
        DataError: the folder or its names are not in this layout.
        ConfigError: an unknown identities rule.
    """
    if identities == "all":
        return ReIDProbe(*(read_market1501(root, split=split, cameras=cameras) for split in ("query", "gallery")))
    parsed = {split: _parse(root, split) for split in ("query", "gallery")}
    # Ranks are taken over both lists, so that one rule keeps the same persons in each.
    persons = _choose([sample for _, samples, _ in parsed.values() for sample in samples], identities)
    parts: list[ReIDData] = []
    for split, (base, samples, skipped) in parsed.items():
        kept, dropped = select_samples(samples, cameras=cameras, persons=persons)
        parts.append(file_data(base, kept, skipped=skipped + dropped, part=split))
    return ReIDProbe(*parts)


def read_market1501_carved_probe(
    root: str, split: str = "train", cameras: list[str] | None = None, identities: str = "last:0.25", seed: int = 0
) -> ReIDProbe:
    """Carve query and gallery out of a training folder, one query a (person, camera).

    Train on identities 'first:0.75' and probe on 'last:0.25': the two share nobody.

    Args:
        root: as in `read_market1501`.
        split: the split that is cut.
        cameras: cameras to keep; None keeps all.
        identities: persons of the probe.
        seed: chooses the query images.

    Raises:
        DataError: nobody is seen by two cameras.
        ConfigError: an unknown split or identities rule.
    """
    base, samples, skipped = _parse(root, split)
    kept, dropped = select_samples(samples, cameras=cameras, persons=_choose(samples, identities))
    query, gallery = carve_query_gallery(kept, seed=seed)
    return ReIDProbe(
        file_data(base, query, skipped=skipped + dropped, part="carved query"),
        file_data(base, gallery, skipped=skipped + dropped, part="carved gallery"),
    )


def _parse(root: str, split: str) -> tuple[Path, list[ReIDSample], Counter[str]]:
    base, folder = _locate(root, split)
    domain = base.absolute().name
    samples, skipped = read_market_folder(base, folder, domain=domain, keep_distractors=split != "train")
    return base, samples, skipped


def _choose(samples: Sequence[ReIDSample], identities: str) -> set[int]:
    """Return the persons that a rule keeps; distractors have no rank and always stay."""
    return select_persons((s.person_id for s in samples if s.person_id), identities) | {DISTRACTOR}


def _locate(root: str, split: str) -> tuple[Path, str]:
    """Return the data set's folder and the split's folder inside it."""
    if split not in _FOLDERS:
        raise ConfigError(f"split: {split!r}", f"one of {', '.join(sorted(_FOLDERS))}")
    base = find_layout(open_root(root), (*_FOLDERS[split], "bounding_box_train"))
    for folder in _FOLDERS[split]:
        if (base / folder).is_dir():
            return base, folder
    if split == "train" and holds_market_names(base):
        return base, "."
    raise DataError(
        f"{root!r} has no {' or '.join(_FOLDERS[split])} folder",
        "the Market-1501 layout",
        "For other layouts use kind: table; without labels, kind: image_folder.",
    )
