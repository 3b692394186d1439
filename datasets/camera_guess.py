"""Guess the camera of each image of a bare folder from its name or its sub-folder, cautiously."""

import logging
import os
import re
from collections import Counter
from collections.abc import Mapping

from datasets.records import normalise_camera_name

logger = logging.getLogger(__name__)

MAX_CAMERAS = 64
_NEARLY_ALL = 0.95
_MIN_IMAGES_A_CAMERA = 8
_MIN_IMAGES_A_PLAIN_FOLDER = 32
_TOKEN = re.compile(r"(?:^|[_\-. ])(?:c|cam|camera)[_\-]?(\d{1,3})(?=s\d|[_\-. ]|$)", re.IGNORECASE)
_MARS_TOKEN = re.compile(r"^[\d\-]{4}C(\d)T\d{4}F\d+$")
_CAMERA_FOLDER = re.compile(r"(?:c|cam|camera|channel|view)[\s_\-]*\d+|(?:cam|camera|channel)[\s_\-]\w+", re.IGNORECASE)
# Names that sub-folders have where they are persons (long numbers), days, or splits.
_NO_CAMERA = re.compile(
    r"\d{3,}|\d{2,4}[\-_.]\d{1,2}[\-_.]\d{1,4}.*|(?:person|pid|id|identity|track|tracklet)[\s_\-]*\d+"
    r"|train\w*|test\w*|val\w*|query|gallery|probe|bounding_box_\w+|images?|crops?",
    re.IGNORECASE,
)


def guess_cameras(names: tuple[str, ...]) -> dict[str, str]:
    """Return the camera of each image, by its path; nothing where no rule is convincing.

    1. Nearly all file names carry a token such as c3, cam03 or camera-3, of at most 64 values with 8 images each.
    2. Nearly all images lie in 2..64 sub-folders which are all called like cameras (cam1, camera_lobby), or which hold
       32 images each on average and are not called like persons, days or splits.
    """
    cameras = cameras_from_names(names)
    distinct = {normalise_camera_name(camera) for camera in cameras.values()}
    if len(cameras) >= _NEARLY_ALL * len(names) and _are_plausible(len(distinct), len(cameras), _MIN_IMAGES_A_CAMERA):
        logger.info("cameras: taken from a token in the file names (%d of %d images)", len(cameras), len(names))
        return cameras
    cameras = cameras_from_folders(names)
    counts = Counter(cameras.values())
    if len(cameras) >= _NEARLY_ALL * len(names) and len(counts) > 1 and _look_like_cameras(counts):
        logger.info("cameras: taken from %d sub-folders", len(counts))
        return cameras
    logger.info("cameras: unknown (neither the names nor the sub-folders look like cameras); set `camera` to tell them")
    return {}


def cameras_from_names(names: tuple[str, ...]) -> dict[str, str]:
    """Return the camera token of each file name that has one."""
    found = {}
    for name in names:
        stem = name.rpartition("/")[2].rpartition(".")[0]
        match = _TOKEN.search(stem) or _MARS_TOKEN.search(stem)
        if match:
            found[name] = match.group(1)
    return found


def cameras_from_folders(names: tuple[str, ...]) -> dict[str, str]:
    """Return the first sub-folder of each image below the folder that they all share."""
    shared = os.path.commonpath([name.rpartition("/")[0] or "." for name in names])
    prefix = "" if shared in (".", "") else f"{shared}/"
    rest = {name: name[len(prefix) :] for name in names}
    return {name: tail.split("/")[0] for name, tail in rest.items() if "/" in tail}


def _look_like_cameras(counts: Mapping[str, int]) -> bool:
    if all(_CAMERA_FOLDER.fullmatch(folder) for folder in counts):
        return len(counts) <= MAX_CAMERAS
    if any(_NO_CAMERA.fullmatch(folder) for folder in counts):
        return False
    return _are_plausible(len(counts), sum(counts.values()), _MIN_IMAGES_A_PLAIN_FOLDER)


def _are_plausible(cameras: int, images: int, minimum: int) -> bool:
    """Return whether there are few enough cameras with enough images; a single camera needs no minimum."""
    return cameras == 1 or (cameras <= MAX_CAMERAS and images >= minimum * cameras)
