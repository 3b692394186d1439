"""Reader for MOTChallenge sequences: seqinfo.ini, img1 and gt/gt.txt; a sequence is one camera.

Coordinates of gt.txt count from 1 and become pixels that count from 0. Class 1 (pedestrian) is valid where its flag is
1 and an ignored region where it is 0; so are the classes 2 (person on a vehicle), 7 (static person), 8 (distractor) and
12 (reflection), which the benchmark doesn't count either. Other classes are left out.

Reference: Milan et al., "MOT16: A Benchmark for Multi-Object Tracking", 2016.
"""

import configparser
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from datasets.box_rows import BoxRow, FrameRows, ParsedFrames, xywh
from datasets.frame_files import frame_data
from datasets.frame_records import FrameData
from datasets.frame_text import number_fields, read_text, whole_number
from datasets.listing import list_images, open_root
from datasets.records import normalise_camera_name
from pipeline.errors import ConfigError, DataError

PEDESTRIAN = 1
CLASSES = {1: "pedestrian", 2: "person on vehicle", 7: "static person", 8: "distractor", 12: "reflection"}
_NO_CLASS = -1
_DETECTORS = re.compile(r"-(DPM|FRCNN|SDP)$")
_FRAME_NAME = re.compile(r"0*(\d{1,12})")


def read_mot(root: str, sequences: Sequence[str] | None = None) -> FrameData:
    """Read sequences; those without gt.txt have no labels, frames that gt.txt does not name have no boxes.

    Args:
        root: folder that holds the sequences' folders, or train/ with them.
        sequences: names of folders; None takes all, of several copies of one recording (MOT17 has one a detector) the
            first.

    Raises:
        DataError: a sequence is missing or has another form.
        ConfigError: `sequences` names something that is not there.
    """
    base = open_root(root)
    folder = "train/" if (base / "train").is_dir() else ""
    names = sorted(path.parent.name for path in (base / folder).glob("*/seqinfo.ini"))
    if not names:
        raise DataError(f"{str(base / folder)!r} holds no sequence", "folders with seqinfo.ini and img1")
    unknown = sorted(set(sequences or ()) - set(names))
    if unknown or sequences == []:
        raise ConfigError(f"sequences: {unknown[0] if unknown else '[]'!r}", f"some of {', '.join(names)}")
    chosen = sorted(set(sequences)) if sequences is not None else _first_copies(names)
    skipped: Counter[str] = Counter({"copy of a sequence under another detector": len(names) - len(chosen)})
    frames: list[FrameRows] = []
    for name in chosen:
        found = _read_sequence(base, f"{folder}{name}")
        frames += found.frames
        skipped.update(found.skipped)
    if sequences is not None:
        del skipped["copy of a sequence under another detector"]
    return frame_data(base, frames, skipped=skipped, part=", ".join(chosen))


def parse_gt(text: str, *, place: str = "gt.txt") -> tuple[dict[int, list[BoxRow]], Counter[str]]:
    """Return the boxes of each frame number, and the number of rows left out by reason.

    Args:
        text: lines 'frame, id, left, top, width, height, flag, class, visibility'; class and visibility may be left out
            or -1, as in the first releases.
        place: the file's name, for messages.

    Raises:
        DataError: a line has another form.
    """
    frames: dict[int, list[BoxRow]] = {}
    skipped: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where, values = f"{place} line {number}", line.strip().split(",")
        number_fields(values, 7, place=where)
        frame, person = whole_number(values[0], place=where), whole_number(values[1], place=where)
        kind = whole_number(values[7], place=where) if len(values) > 7 else _NO_CLASS
        kind = PEDESTRIAN if kind == _NO_CLASS else kind
        if kind not in CLASSES:
            skipped["box of another class"] += 1
            continue
        left, top, width, height, flag = number_fields(values[2:], 5, place=where)
        seen = number_fields(values[8:], 1, place=where)[0] if len(values) > 8 else -1.0
        row = BoxRow(
            box=xywh(left - 1, top - 1, width, height),
            visible_ratio=seen if seen >= 0 else 1.0,
            ignore=kind != PEDESTRIAN or flag == 0,
            person_id=person,
            category=CLASSES[kind],
        )
        frames.setdefault(frame, []).append(row)
    return frames, skipped


def _read_sequence(base: Path, folder: str) -> ParsedFrames:
    path = base / folder
    info = _read_info(path / "seqinfo.ini")
    images = path / info.get("imdir", "img1")
    if not images.is_dir():
        raise DataError(f"{str(path)!r} has no folder {images.name!r}", "the frames that seqinfo.ini names")
    gt = path / "gt" / "gt.txt"
    boxes, skipped = parse_gt(read_text(gt, expected="gt.txt"), place=str(gt)) if gt.is_file() else (None, Counter())
    size = None
    if "imwidth" in info and "imheight" in info:
        where = str(path / "seqinfo.ini")
        size = (whole_number(info["imheight"], place=where), whole_number(info["imwidth"], place=where))
    frames = []
    for name in list_images(images, recursive=False).names:
        match = _FRAME_NAME.fullmatch(name.rpartition(".")[0])
        if match is None:
            skipped["image without a frame number"] += 1
            continue
        frame = int(match[1])
        rows = None if boxes is None else tuple(boxes.pop(frame, ()))
        camera = normalise_camera_name(path.name)
        frames.append(FrameRows(f"{folder}/{images.name}/{name}", rows, size, camera, frame))
    skipped["box of a frame without an image"] += sum(map(len, (boxes or {}).values()))
    return ParsedFrames(tuple(frames), skipped)


def _read_info(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(path, expected="seqinfo.ini of a MOT sequence"))
        return dict(parser["Sequence"])
    except (configparser.Error, KeyError) as error:
        raise DataError(f"{str(path)!r} has another form", "a section [Sequence]") from error


def _first_copies(names: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(_DETECTORS.sub("", name), name)
    return list(first.values())
