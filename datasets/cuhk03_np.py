"""Reader for CUHK03 under the new protocol (CUHK03-NP), as folders of Market-style names: 0001_c1_1.png.

Reference: Li et al., "DeepReID", CVPR 2014; Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
Encoding", CVPR 2017 (767 persons to train, 700 to test).
"""

from dataclasses import replace
from pathlib import Path

from datasets.file_data import compare_published, file_data
from datasets.listing import find_layout, open_root
from datasets.market_layout import read_market_folder
from datasets.records import ReIDData, ReIDProbe
from pipeline.errors import ConfigError, DataError

_FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
_VARIANTS = {True: ("detected",), False: ("labeled", "labelled")}
_PUBLISHED: dict[tuple[str, bool], tuple[int, int | None]] = {
    ("train", True): (7_365, 767),
    ("query", True): (1_400, 700),
    ("gallery", True): (5_332, 700),
    ("train", False): (7_368, 767),
    ("query", False): (1_400, 700),
    ("gallery", False): (5_328, 700),
}


def read_cuhk03_np(root: str, split: str = "train", detected: bool = True) -> ReIDData:
    """Read one split.

    Args:
        root: folder with detected/ and labeled/, each with bounding_box_train, query and bounding_box_test; or one of
            the two.
        split: 'train', 'query' or 'gallery'.
        detected: the boxes of the detector; False takes the boxes drawn by hand.

    Raises:
        DataError: the folder or its names are not in this layout.
        ConfigError: an unknown split.
    """
    if split not in _FOLDERS:
        raise ConfigError(f"split: {split!r}", f"one of {', '.join(sorted(_FOLDERS))}")
    base, variant = _locate(open_root(root), detected=detected)
    folder = f"{variant}{_FOLDERS[split]}"
    if not (base / folder).is_dir():
        raise DataError(f"{str(base)!r} has no {folder} folder", "the folder export of CUHK03-NP", _remedy(base))
    samples, skipped = read_market_folder(base, folder, domain=base.absolute().name, keep_distractors=True)
    # The third field numbers the views of a person; it is no time.
    data = file_data(base, [replace(s, frame=None) for s in samples], skipped=skipped, part=split)
    compare_published(data, _PUBLISHED[split, detected], origin=f"CUHK03-NP {split}")
    return data


def read_cuhk03_np_probe(root: str, detected: bool = True) -> ReIDProbe:
    """Read query and gallery; arguments as in `read_cuhk03_np`.

    Raises:
        DataError: the folder or its names are not in this layout.
    """
    return ReIDProbe(*(read_cuhk03_np(root, split=split, detected=detected) for split in ("query", "gallery")))


def _locate(root: Path, *, detected: bool) -> tuple[Path, str]:
    """Return the data set's folder and the prefix of the chosen kind of boxes inside it."""
    base = find_layout(root, (*_VARIANTS[True], *_VARIANTS[False], "bounding_box_train"))
    for variant in _VARIANTS[detected]:
        if (base / variant).is_dir():
            return base, f"{variant}/"
    if any((base / variant).is_dir() for variant in _VARIANTS[not detected]):
        raise DataError(
            f"{str(base)!r} has no {_VARIANTS[detected][0]} folder",
            f"it beside {_VARIANTS[not detected][0]}",
            f"Set detected: {str(not detected).lower()} for the other boxes.",
        )
    return base, ""


def _remedy(base: Path) -> str:
    if any(base.glob("*.mat")):
        return "A .mat file is not read: export its images into bounding_box_train, query and bounding_box_test first."
    return "Point `root` at the folder that holds detected/ and labeled/."
