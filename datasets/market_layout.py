"""The Market-style file name, PERSON_cCAMERA[sSEQUENCE]_FRAME_..., and folders of such names."""

import logging
import re
from collections import Counter
from pathlib import Path

from datasets.listing import list_images
from datasets.records import ReIDSample, normalise_camera_name
from pipeline.errors import DataError

logger = logging.getLogger(__name__)

DISTRACTOR = 0
_NAME = re.compile(
    r"(?P<person>-?\d{1,18})_c(?P<camera>\d+)(?:s(?P<sequence>\d+))?(?:_(?:f(?=\d)|(?=\d{4}))(?P<frame>\d+))?(?![0-9a-z])",
    re.IGNORECASE,
)
_SEQUENCE_STRIDE = 10**8


def parse_market_name(path: str, *, domain: str) -> ReIDSample | None:
    """Read person, camera and frame from a Market-style name such as '0002_c1s1_000451_03.jpg'.

    A frame number restarts in every sequence of a camera, so it becomes sequence * 10^8 + frame. A third field counts
    as frame where it has four digits or more, or an 'f' in front ('0001_c2_f0046182.jpg').

    Returns:
        the sample (person -1 = junk, 0 = distractor), or None where the name is of another form.
    """
    match = _NAME.match(path.rpartition("/")[2])
    if match is None:
        return None
    frame = None
    if match["frame"] is not None:
        frame = int(match["sequence"] or 0) * _SEQUENCE_STRIDE + int(match["frame"])
    return ReIDSample(path, int(match["person"]), normalise_camera_name(match["camera"]), domain, frame)


def read_market_folder(
    root: Path, folder: str, *, domain: str, keep_distractors: bool
) -> tuple[list[ReIDSample], Counter[str]]:
    """Read the samples of one folder of Market-style names; junk (negative ids) is never loaded.

    Args:
        root: the data set's folder, to which the samples' paths are relative.
        folder: the split's folder inside it; '.' reads the files directly in the root.
        domain: the data set's name.
        keep_distractors: whether images of person 0 (nobody) stay.

    Raises:
        DataError: no name in the folder has the form.
    """
    listing = list_images(root / folder, recursive=folder != ".")
    samples: list[ReIDSample] = []
    skipped = Counter(listing.skipped)
    odd_names: list[str] = []
    for name in listing.names:
        sample = parse_market_name(name if folder == "." else f"{folder}/{name}", domain=domain)
        if sample is None or sample.person_id is None:
            odd_names.append(name)
        elif sample.person_id < 0:
            skipped["junk (person -1)"] += 1
        elif sample.person_id == DISTRACTOR and not keep_distractors:
            skipped["distractor (person 0)"] += 1
        else:
            samples.append(sample)
    if len(odd_names) == len(listing.names):
        raise DataError(
            f"no image in {str(root / folder)!r} has a Market-style name (the first is {odd_names[0]!r})",
            "names like 0002_c1s1_000451_03.jpg",
            "For other names use kind: table with a pattern or a CSV file; without labels, kind: image_folder.",
        )
    if odd_names:
        skipped["name of another form"] = len(odd_names)
        logger.warning("%s: %d names are not Market-style, first %r", folder, len(odd_names), odd_names[0])
    return samples, skipped


def holds_market_names(root: Path) -> bool:
    """Return whether image files with Market-style names lie directly in the folder."""
    return any(path.is_file() and parse_market_name(path.name, domain="") for path in root.iterdir())
