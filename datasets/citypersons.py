"""Reader for CityPersons: the authors' anno_*.mat or the json form of their evaluation, images of Cityscapes.

Class 1 (pedestrian) is valid; 0 (ignore), 2 (rider), 3 (sitting), 4 (other) and 5 (group) are ignored regions. The
instance number is unique in one image only, so it is no person id.

Reference: Zhang et al., "CityPersons: A Diverse Dataset for Pedestrian Detection", CVPR 2017.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from datasets.box_rows import BoxRow, FrameRows, ParsedFrames, xywh
from datasets.coco import parse_coco
from datasets.frame_files import frame_data
from datasets.frame_records import FrameData
from datasets.frame_text import parse_json, read_text
from datasets.image_lookup import first_file, first_folder, images_by, place_frames
from datasets.listing import open_root
from datasets.matlab_files import cells, read_matlab, text_of
from pipeline.errors import DataError

CLASSES = ("ignore", "pedestrian", "rider", "sitting", "other", "group")
VALID_CLASS = 1


def read_citypersons(root: str, split: Literal["train", "val"] = "train") -> FrameData:
    """Read one split; cities are its cameras.

    Args:
        root: folder with annotations/anno_<split>.mat or <split>_gt.json (also beside the images), and leftImg8bit.
        split: 'train' or 'val'.

    Raises:
        DataError: the annotation or more than a fifth of the images are missing, or a file has another form.
    """
    base = open_root(root)
    names = [f"{folder}{file}" for folder in ("annotations/", "") for file in (f"anno_{split}.mat", f"{split}_gt.json")]
    path = first_file(base, names, expected="the annotations of CityPersons")
    parsed = _parse_file(path, split)
    folder = first_folder(base, (f"leftImg8bit/{split}", "leftImg8bit", "images", split))
    images = {_file_name(name): f"{folder}/{name}" if folder else name for name in _names_below(base / folder)}
    named = replace(parsed, frames=tuple(replace(f, path=_file_name(f.path)) for f in parsed.frames))
    placed = place_frames(named, images, origin=repr(str(path)))
    frames = [replace(f, camera_id=f.camera_id or _city_of(f.path)) for f in placed.frames]
    return frame_data(base, frames, skipped=placed.skipped, part=split)


def parse_citypersons_mat(variables: Any, *, place: str = "anno.mat") -> ParsedFrames:
    """Turn the variables of anno_<split>.mat into frames.

    Args:
        variables: what scipy reads, all numbers as doubles.
        place: the file's name, for messages.

    Raises:
        DataError: there is no anno_*_aligned list, or an entry has another form.
    """
    keys = [key for key in variables if key.startswith("anno_")]
    if len(keys) != 1:
        found = ", ".join(sorted(key for key in variables if not key.startswith("__"))) or "nothing"
        raise DataError(f"{place} holds {found}", "one variable anno_train_aligned or anno_val_aligned")
    skipped: Counter[str] = Counter()
    frames = [_to_frame(entry, place, skipped) for entry in cells(variables[keys[0]])]
    return ParsedFrames(tuple(frames), skipped)


def _to_frame(entry: Any, place: str, skipped: Counter[str]) -> FrameRows:
    try:
        city, name, boxes = (cells(entry)[0][part] for part in range(3))
        table = np.asarray(boxes, np.float64).reshape(-1, 10)
    except (IndexError, TypeError, ValueError) as error:
        raise DataError(f"{place}: entry {str(entry)[:60]!r}", "city, image name and n x 10 boxes") from error
    rows = []
    for values in table.tolist():
        number = int(values[0]) if values[0] in range(len(CLASSES)) else -1
        if number < 0:
            skipped["box of an unknown class"] += 1
            continue
        rows.append(
            BoxRow(
                box=xywh(*values[1:5]),
                visible=xywh(*values[6:10]),
                ignore=number != VALID_CLASS,
                category=CLASSES[number],
            )
        )
    return FrameRows(text_of(name), tuple(rows), camera_id=text_of(city).lower() or None)


def _parse_file(path: Path, split: str) -> ParsedFrames:
    if path.suffix == ".mat":
        return parse_citypersons_mat(read_matlab(path, expected=f"anno_{split}.mat of CityPersons"), place=path.name)
    text = read_text(path, expected="the json form of CityPersons")
    return parse_coco(parse_json(text, place=repr(str(path))), VALID_CLASS, place=path.name)


def _names_below(folder: Path) -> list[str]:
    return list(images_by(folder, lambda name: name).values())


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _city_of(path: str) -> str | None:
    city, mark, _ = _file_name(path).partition("_")
    return city.lower() if mark else None
