"""Reader for MSMT17, both releases: V1 (train, test) and V2 (mask_train_v2, mask_test_v2; faces blurred).

Reference: Wei et al., "Person Transfer GAN to Bridge Domain Gap for Person Re-identification", CVPR 2018.
"""

import re
from collections import Counter
from pathlib import Path

from datasets.file_data import compare_published, file_data
from datasets.listing import find_layout, open_root
from datasets.records import ReIDData, ReIDProbe, ReIDSample, normalise_camera_name
from pipeline.errors import ConfigError, DataError

_LISTS = {"train": ("list_train.txt", "list_val.txt"), "query": ("list_query.txt",), "gallery": ("list_gallery.txt",)}
_FOLDERS = {"train": ("train", "mask_train_v2"), "query": ("test", "mask_test_v2"), "gallery": ("test", "mask_test_v2")}
_PUBLISHED: dict[str, tuple[int, int | None]] = {
    "train": (32_621, 1_041),
    "query": (11_659, 3_060),
    "gallery": (82_161, 3_060),
}
# 0000_000_01_0303morning_0008_0.jpg: person, index, camera, date and time of day, ...
_NAME = re.compile(r"\d+_\d+_(\d{2})_")
_MAX_MISSING = 0.2


def read_msmt17(root: str, split: str = "train") -> ReIDData:
    """Read one split by its list files; 'train' is list_train and list_val together.

    Args:
        root: folder with the list files and the image folders, or the folder that holds it.
        split: 'train', 'query' or 'gallery'.

    Raises:
        DataError: a list or a folder is missing, or a line has another form.
        ConfigError: an unknown split.
    """
    if split not in _LISTS:
        raise ConfigError(f"split: {split!r}", f"one of {', '.join(sorted(_LISTS))}")
    base = find_layout(open_root(root), _FOLDERS[split])
    folder = next((f for f in _FOLDERS[split] if (base / f).is_dir()), None)
    if folder is None:
        raise DataError(f"{root!r} has no {' or '.join(_FOLDERS[split])} folder", "the MSMT17 layout")
    samples: list[ReIDSample] = []
    skipped: Counter[str] = Counter()
    for file in _LISTS[split]:
        for number, line in enumerate(_read_lines(base / file), start=1):
            sample = _parse_line(line, folder=folder, domain=base.absolute().name, place=f"{file} line {number}")
            if (base / sample.path).is_file():
                samples.append(sample)
            else:
                skipped["listed but missing"] += 1
    missing = skipped["listed but missing"]
    if missing > _MAX_MISSING * (missing + len(samples)):
        raise DataError(
            f"{missing} of {missing + len(samples)} images of the {split} lists are missing in {str(base / folder)!r}",
            "all of them",
            "The lists and the images may be of different releases, or the archive was not unpacked completely.",
        )
    data = file_data(base, samples, skipped=skipped, part=split)
    compare_published(data, _PUBLISHED[split], origin=f"MSMT17 {split}")
    return data


def read_msmt17_probe(root: str) -> ReIDProbe:
    """Read query and gallery; `root` as in `read_msmt17`.

    Raises:
        DataError: a list or a folder is missing, or a line has another form.
    """
    return ReIDProbe(read_msmt17(root, split="query"), read_msmt17(root, split="gallery"))


def _read_lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(
            f"list file {str(path)!r} cannot be read ({error.strerror})", "the lists that come with MSMT17"
        ) from error
    return [line for line in text.splitlines() if line.strip()]


def _parse_line(line: str, *, folder: str, domain: str, place: str) -> ReIDSample:
    path, _, person = line.strip().rpartition(" ")
    name = _NAME.match(path.rpartition("/")[2])
    if name is None or not re.fullmatch(r"\d{1,18}", person) or ".." in path.split("/") or path.startswith("/"):
        raise DataError(f"{place}: {line!r}", "'0000/0000_000_01_0303morning_0008_0.jpg 0' (path and person)")
    return ReIDSample(f"{folder}/{path}", int(person), normalise_camera_name(name[1]), domain)
