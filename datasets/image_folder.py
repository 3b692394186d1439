"""Reader for a bare folder of crops: no labels, cameras from names, sub-folders, a CSV file, or unknown."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from datasets.camera_guess import cameras_from_folders, cameras_from_names, guess_cameras
from datasets.csv_rows import finite_or_none, read_csv_rows
from datasets.file_data import file_data
from datasets.listing import list_images, open_root
from datasets.name_patterns import compile_pattern
from datasets.records import ReIDData, ReIDSample, normalise_camera_name
from pipeline.errors import ConfigError, DataError

logger = logging.getLogger(__name__)

_MODES: Mapping[str, Callable[[tuple[str, ...]], dict[str, str]]] = {
    "auto": guess_cameras,
    "folder": cameras_from_folders,
    "names": cameras_from_names,
    "unknown": lambda names: {},
}
# '_c1s2_000451_' (sequence, frame) or '_f000264'.
_FRAME = re.compile(r"_c\d+s(?P<sequence>\d+)_(?P<frame>\d{4,12})(?=[_.])|_f(?P<plain>\d{4,12})(?=[_.])", re.IGNORECASE)
_SEQUENCE_STRIDE = 10**8


def read_image_folder(root: str, camera: str = "auto", csv: str | None = None) -> ReIDData:
    """Read every image below a folder; person ids are never read, also where names contain them.

    Args:
        root: the folder; sub-folders are read too.
        camera: where cameras come from: 'auto' (a camera token in the names, else sub-folders that look like cameras,
            else unknown; the log says which), 'names' (the token), 'folder' (first sub-folder), 'unknown', or a
            regular expression with the group camera (and, optionally, frame and tracklet), searched in the path.
        csv: CSV file with the columns path, camera and, where known, frame, tracklet, seconds; instead of `camera`.

    Raises:
        DataError: there is no image, or nothing fits the expression or the table.
        ConfigError: the expression is wrong, or both arguments are given.
    """
    base, samples, skipped = list_samples(root, camera, csv)
    return file_data(base, samples, skipped=skipped, part="images")


def list_samples(
    root: str, camera: str = "auto", csv: str | None = None
) -> tuple[Path, list[ReIDSample], Mapping[str, int]]:
    """Return the folder, a record of every image below it, and the number of other files by kind.

    Args:
        root: as in `read_image_folder`.
        camera: as there.
        csv: as there.

    Raises:
        DataError: there is no image, or nothing fits the expression or the table.
        ConfigError: the expression is wrong, or both arguments are given.
    """
    if csv is not None and camera != "auto":
        raise ConfigError(f"image folder: camera {camera!r} together with a csv", "one of the two")
    base = open_root(root)
    listing = list_images(base)
    if csv is not None:
        fields = read_csv_rows(base, csv, needed=("path", "camera"))
    elif camera in _MODES:
        fields = {name: {"camera": found} for name, found in _MODES[camera](listing.names).items()}
    else:
        fields = _search(listing.names, camera)
    samples = [_to_sample(name, fields.get(name, {}), domain=base.absolute().name) for name in listing.names]
    if fields and all(s.camera_id is None for s in samples):
        raise DataError(f"no image in {root!r} gets a camera from {csv or camera!r} (first: {listing.names[0]!r})")
    _log_cameras(samples, origin=csv or camera)
    return base, samples, listing.skipped


def _search(names: tuple[str, ...], pattern: str) -> dict[str, dict[str, str]]:
    compiled = compile_pattern(pattern, required=("camera",))
    if "person" in compiled.groupindex:
        raise ConfigError(f"camera pattern {pattern!r} has a person group", "no labels", "For labels use kind: table.")
    matches = {name: match for name in names if (match := compiled.search(name))}
    if not matches:
        raise DataError(f"no image fits the camera pattern {pattern!r} (the first is {names[0]!r})")
    return {name: {key: value or "" for key, value in m.groupdict().items()} for name, m in matches.items()}


def _to_sample(name: str, row: Mapping[str, str], *, domain: str) -> ReIDSample:
    camera, frame = row.get("camera", "").strip(), row.get("frame", "").strip()
    return ReIDSample(
        path=name,
        person_id=None,
        camera_id=normalise_camera_name(camera) if camera else None,
        domain=domain,
        frame=int(frame) if re.fullmatch(r"\d{1,18}", frame) else _frame_from_name(name),
        tracklet_id=row.get("tracklet", "").strip() or None,
        seconds=finite_or_none(row.get("seconds", "")),
    )


def _frame_from_name(name: str) -> int | None:
    match = _FRAME.search(name.rpartition("/")[2])
    if match is None:
        return None
    return int(match["plain"] or match["frame"]) + int(match["sequence"] or 0) * _SEQUENCE_STRIDE


def _log_cameras(samples: list[ReIDSample], *, origin: str) -> None:
    counts = Counter(sample.camera_id for sample in samples)
    unknown = counts.pop(None, 0)
    shown = ", ".join(f"{camera}: {count}" for camera, count in sorted(counts.items())[:20])
    logger.info("cameras (%s): %s%s", origin, shown or "none known", f"; unknown: {unknown}" if unknown else "")
