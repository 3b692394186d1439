"""Lists footage: which recordings there are, whose camera made each, in which order, and when."""

import configparser
import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.errors import DataError
from pipeline.footage.camera_map import MappedFile, check_camera_name, read_camera_map
from pipeline.footage.file_names import cameras_of_names, find_recordings, is_image, natural_key
from pipeline.footage.records import Footage, FootageFile

logger = logging.getLogger(__name__)

CAMERA_MAP = "cameras.csv"
# Of each end of a file; a day of video is too much to read whenever a run is looked at.
_SAMPLED_BYTES = 1 << 20


def list_footage(
    root: str, *, files: Sequence[str] | None = None, cameras: str | None = None, rate: float = 25.0
) -> Footage:
    """List recordings without opening one.

    Args:
        root: a folder with videos and folders of images, or one of these itself.
        files: names of files and folders relative to `root`; None takes all.
        cameras: CSV file with the columns file, camera and, if known, start; looked for in `root` first. Without it
            `cameras.csv` in `root` is taken, and without that the folders tell.
        rate: images a second of sequences that have no seqinfo.ini.

    Raises:
        DataError: there is no recording, one that is named is missing, or the cameras' starts do not fit together.
    """
    base = Path(root).expanduser()
    if not base.exists():
        raise DataError(f"footage {root!r} does not exist", "a video, or a folder of videos or images")
    if base.is_file():
        base, files = base.parent, [base.name]
    names = find_recordings(base) if files is None else _named(base, files)
    table = _camera_map(base, cameras)
    mapped = _mapped(base, names, table, is_chosen=files is not None) if table else _unmapped(base, names)
    if not mapped:
        raise DataError(f"footage {root!r} holds no video and no image", "videos (mp4, avi, mkv, mov, ...) or images")
    listed = [_file(base, name, entry, rate=rate) for name, entry in mapped.items()]
    ordered = _in_order(listed)
    has_clock = all(file.start_seconds is not None for file in _first_files(ordered).values())
    for file in ordered:
        check_camera_name(file.camera, f"footage {root!r}")
    counts = {camera: sum(file.camera == camera for file in ordered) for camera in _first_files(ordered)}
    logger.info("%s: %s", base.name, ", ".join(f"camera {c}: {n} recording(s)" for c, n in counts.items()))
    return Footage(base.absolute().name, tuple(ordered), _digest(ordered), has_clock)


def _named(base: Path, files: Sequence[str]) -> list[str]:
    names: list[str] = []
    for name in files:
        path = base / name
        if not path.exists():
            raise DataError(f"footage {str(path)!r} does not exist", "a video, or a folder of videos or images")
        names += find_recordings(base, name) if path.is_dir() else [Path(name).as_posix()]
    return list(dict.fromkeys(names))


def _camera_map(base: Path, cameras: str | None) -> dict[str, MappedFile]:
    if cameras is None:
        return read_camera_map(base / CAMERA_MAP) if (base / CAMERA_MAP).is_file() else {}
    return read_camera_map(base / cameras if (base / cameras).is_file() else Path(cameras).expanduser())


def _mapped(
    base: Path, names: Sequence[str], table: Mapping[str, MappedFile], *, is_chosen: bool
) -> dict[str, MappedFile]:
    for name in table:
        if not (base / name).exists():
            raise DataError(
                f"the camera table names {name!r}, which is not in {str(base)!r}", "names relative to the footage"
            )
    kept = {name: entry for name, entry in table.items() if not is_chosen or name in names}
    left_out = [name for name in names if name not in table]
    if left_out:
        logger.warning("%s: %d recording(s) are not in the camera table, such as %s", base, len(left_out), left_out[0])
    return kept


def _unmapped(base: Path, names: Sequence[str]) -> dict[str, MappedFile]:
    folders = [name for name in names if (base / name).is_dir()]
    root = base.absolute().parent.name if base.name == "img1" else base.absolute().name
    found = cameras_of_names(names, folders=folders, root=root)
    return {name: MappedFile(found[name], None, False) for name in names}


def _file(base: Path, name: str, entry: MappedFile, *, rate: float) -> FootageFile:
    path = base / name
    own = _sequence_rate(path) if path.is_dir() else None
    return FootageFile(path.absolute(), entry.camera, entry.start, name, own or rate)


def _sequence_rate(folder: Path) -> float | None:
    """Return the rate that MOTChallenge's seqinfo.ini tells, in the folder or the one above."""
    for place in (folder, folder.parent):
        information = configparser.ConfigParser()
        try:
            information.read(place / "seqinfo.ini", encoding="utf-8-sig")
            rate = information.getfloat("Sequence", "frameRate")
        except (configparser.Error, ValueError, UnicodeDecodeError):
            continue
        if rate > 0:
            return rate
    return None


def _in_order(files: Sequence[FootageFile]) -> list[FootageFile]:
    """Sort by camera; inside of a camera by start where all have one, else as they are listed."""
    ordered: list[FootageFile] = []
    for camera in sorted({file.camera for file in files}, key=natural_key):
        own = [file for file in files if file.camera == camera]
        if all(file.start_seconds is not None for file in own):
            own.sort(key=lambda file: file.start_seconds or 0.0)
        elif own[0].start_seconds is None and any(file.start_seconds is not None for file in own):
            raise DataError(f"the first recording of camera {camera}, {own[0].name!r}, has no start, a later one has",
                            "a start for the first, or for none")  # fmt: skip
        ordered += own
    firsts = _first_files(ordered)
    without = [camera for camera, file in firsts.items() if file.start_seconds is None]
    if without and len(without) < len(firsts):
        raise DataError(f"camera {without[0]} has no start, other cameras have", "a start for each camera, or for none")
    return ordered


def _first_files(files: Sequence[FootageFile]) -> dict[str, FootageFile]:
    firsts: dict[str, FootageFile] = {}
    for file in files:
        firsts.setdefault(file.camera, file)
    return firsts


def _digest(files: Sequence[FootageFile]) -> str:
    total = hashlib.sha256()
    for file in files:
        fields = (file.name, file.camera, file.start_seconds, file.rate if file.path.is_dir() else None)
        total.update(repr(fields).encode("ascii", "backslashreplace"))
        images = _images(file) if file.path.is_dir() else [file.path]
        # Of a long sequence the names and lengths, and what the first and the last image hold.
        whole = {images[0], images[-1]}
        for image in images:
            said = _ends(image) if image in whole else _length(image)
            total.update(repr((image.name, said)).encode("ascii", "backslashreplace"))
    return total.hexdigest()


def _images(file: FootageFile) -> list[Path]:
    try:
        images = sorted(path for path in file.path.iterdir() if is_image(path.name))
    except OSError as error:
        raise DataError(f"folder {str(file.path)!r} cannot be read ({error.strerror})") from error
    if not images:
        raise DataError(
            f"folder {file.name!r} of camera {file.camera} holds no image", "a video, or a folder of images",
            "Name the videos that a folder holds one by one.",
        )  # fmt: skip
    return images


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"image {str(path)!r} cannot be read ({error.strerror})") from error


def _ends(path: Path) -> tuple[int, str]:
    """Return a file's length and the hash of its first and last bytes."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            head = stream.read(_SAMPLED_BYTES)
            stream.seek(max(len(head), size - _SAMPLED_BYTES))
            return size, hashlib.sha256(head + stream.read(_SAMPLED_BYTES)).hexdigest()
    except OSError as error:
        raise DataError(f"recording {str(path)!r} cannot be read ({error.strerror})") from error
