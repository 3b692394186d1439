"""Turn the parsed frames of a folder into FrameData: sizes, boxes, content digest, and a log line of what was left out.

The size of a frame is that of the pixels that will be loaded, after EXIF rotation, and boxes are pixels of that upright
picture. A frame whose annotation claims another size is left out: its boxes would lie elsewhere.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from datasets.box_rows import BoxRow, Extents, FrameRows, build_boxes
from datasets.contents import file_hashes
from datasets.decoding import MAX_UNREADABLE
from datasets.file_data import FileLoader
from datasets.frame_records import FrameData, FrameSample
from datasets.images import image_size
from pipeline.errors import DataError

logger = logging.getLogger(__name__)

_THREADS, _SHOWN_ERRORS = 4, 3


def frame_data(
    root: Path, frames: Sequence[FrameRows], *, skipped: Mapping[str, int], part: str, is_clipped: bool = False
) -> FrameData:
    """Build the container for frames whose paths are relative to a folder.

    Args:
        root: the folder.
        frames: of the annotation files; sorted by path here.
        skipped: number of entries left out so far, by reason.
        part: what the frames are ('train', 'sequences 02, 05'), for the log.
        is_clipped: cut full and visible extents at the frame's border; else they stay as they are.

    Raises:
        DataError: there is no frame, a path occurs twice or leaves the folder, or more than a fifth of the images are
            missing, unreadable or of another size.
    """
    ordered = sorted(frames, key=lambda frame: frame.path)
    _check_paths(ordered, root)
    counts = Counter(skipped)
    with ThreadPoolExecutor(_THREADS) as pool:
        sizes = list(pool.map(lambda frame: _usable_size(root, frame), ordered))
    failed = [error for error in sizes if isinstance(error, DataError)]
    if not ordered or len(failed) > MAX_UNREADABLE * len(ordered):
        raise _too_few(root, part, len(ordered), failed or [])
    counts["unusable image"] += len(failed)
    if failed:
        logger.warning("%s: %d images are left out, such as: %s", root.name, len(failed), failed[0].found)
    samples = tuple(
        _to_sample(frame, size, domain=root.absolute().name, counts=counts, is_clipped=is_clipped)
        for frame, size in zip(ordered, sizes, strict=True)
        if not isinstance(size, DataError)
    )
    kept = {reason: count for reason, count in sorted(counts.items()) if count}
    digest = frames_digest(samples, file_hashes(root, [sample.path for sample in samples]))
    data = FrameData(root.absolute().name, samples, FileLoader(str(root)), digest, kept)
    logger.info("%s (%s): %s", data.name, part, describe_frames(data))
    return data


def describe_frames(data: FrameData) -> str:
    """Return one line with the number of frames, people, regions, cameras, and of what was left out."""
    words = [f"{len(data)} frames"]
    if data.is_labelled:
        regions = sum(int(s.annotations.ignore.sum()) for s in data.samples if s.annotations is not None)
        words.append(f"{data.num_boxes} people, {regions} ignored regions")
    else:
        words.append("no labels" if all(s.annotations is None for s in data.samples) else "labels of some frames")
    words.append(f"{len(data.cameras)} cameras" if data.cameras else "cameras unknown")
    line = ", ".join(words)
    if data.skipped:
        line += "; left out: " + ", ".join(f"{count} x {reason}" for reason, count in data.skipped.items())
    return line


def frames_digest(samples: Sequence[FrameSample], contents: Sequence[bytes]) -> str:
    """Hash a listing: relative names, cameras, boxes and contents; the folder's place does not enter.

    Args:
        samples: in their order.
        contents: a hash of each frame's pixels or file.
    """
    total = hashlib.sha256()
    for sample, content in zip(samples, contents, strict=True):
        total.update(
            repr((sample.path, sample.size, sample.camera_id, sample.frame)).encode("ascii", "backslashreplace")
        )
        total.update(content)
        boxes = sample.annotations
        total.update(b"unlabelled" if boxes is None else repr(boxes.categories).encode("ascii", "backslashreplace"))
        if boxes is not None:
            columns = (boxes.boxes, boxes.visible, boxes.visible_ratio, boxes.ignore, boxes.person_ids)
            total.update(b"".join(np.ascontiguousarray(column).tobytes() for column in columns))
    return total.hexdigest()


def _check_paths(frames: Sequence[FrameRows], root: Path) -> None:
    for number, frame in enumerate(frames):
        path = PurePosixPath(frame.path)
        if path.is_absolute() or ".." in path.parts or "\\" in frame.path or not path.parts:
            raise DataError(f"image name {frame.path!r} leads out of {str(root)!r}", "a name relative to the folder")
        if number and frames[number - 1].path == frame.path:
            raise DataError(f"image {frame.path!r} of {str(root)!r} is annotated twice", "one entry an image")


def _usable_size(root: Path, frame: FrameRows) -> tuple[int, int] | DataError:
    try:
        size = image_size(root / frame.path)
    except DataError as error:
        return error
    if frame.size is not None and frame.size != size:
        (height, width), (real_height, real_width) = frame.size, size
        return DataError(
            f"the annotation of {frame.path!r} is for {width}x{height} pixels, the image has {real_width}x{real_height}"
        )
    return size


def _too_few(root: Path, part: str, count: int, failed: Sequence[DataError]) -> DataError:
    if not count:
        return DataError(f"{str(root)!r} holds no frame ({part})", "at least one")
    shown = "; ".join(error.found for error in failed[:_SHOWN_ERRORS])
    return DataError(
        f"{len(failed)} of {count} images of {str(root)!r} cannot be used: {shown}",
        f"at most {MAX_UNREADABLE:.0%} of them missing, unreadable or of another size",
        "Images and annotations may not belong together, or an archive was not unpacked completely.",
    )


def _to_sample(
    frame: FrameRows, size: tuple[int, int], *, domain: str, counts: Counter[str], is_clipped: bool
) -> FrameSample:
    rows = frame.rows
    if rows is not None and is_clipped:
        rows = tuple(_clip_row(row, size) for row in rows)
    boxes = None if rows is None else build_boxes(rows, size, skipped=counts)
    return FrameSample(frame.path, size, frame.camera_id, domain, frame.frame, boxes)


def _clip_row(row: BoxRow, size: tuple[int, int]) -> BoxRow:
    visible = None if row.visible is None else _clip(row.visible, size)
    return replace(row, box=_clip(row.box, size), visible=visible)


def _clip(box: Extents, size: tuple[int, int]) -> Extents:
    height, width = size
    x1, y1, x2, y2 = box
    return (min(max(x1, 0.0), width), min(max(y1, 0.0), height), min(max(x2, 0.0), width), min(max(y2, 0.0), height))
