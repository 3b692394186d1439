"""Reader and writer for WiderPerson: a text an image with a count, then 'class x1 y1 x2 y2' a line.

Classes 1 (pedestrian), 2 (rider) and 3 (partially visible person) are valid; 4 (ignore region) and 5 (crowd) are
ignored regions. There are no visible extents.

Reference: Zhang et al., "WiderPerson: A Diverse Dataset for Dense Pedestrian Detection in the Wild", TMM 2020.
"""

from pathlib import Path
from typing import Literal

from datasets.box_rows import BoxRow, FrameRows, ParsedFrames
from datasets.frame_files import frame_data
from datasets.frame_records import FrameData
from datasets.frame_text import number_fields, read_text, short_number, whole_number
from datasets.image_lookup import first_folder, images_by, place_frames, stem_of
from datasets.listing import open_root
from pipeline.detection_types import FrameBoxes
from pipeline.errors import DataError

CLASSES = {1: "pedestrian", 2: "rider", 3: "partially visible person", 4: "ignore region", 5: "crowd"}
_VALID = (1, 2, 3)


def read_wider_person(root: str, split: Literal["train", "val", "test"] = "train") -> FrameData:
    """Read one split; images without an annotation file have no labels.

    Args:
        root: folder with <split>.txt, Images and Annotations.
        split: 'train', 'val' or 'test'.

    Raises:
        DataError: the list or more than a fifth of its images are missing, or a text has another form.
    """
    base = open_root(root)
    listed = read_text(base / f"{split}.txt", expected="a list of image names").split()
    frames = tuple(FrameRows(stem_of(name), _read_rows(base, stem_of(name))) for name in listed)
    folder = first_folder(base, ("Images", "images"))
    images = {key: f"{folder}/{name}" if folder else name for key, name in images_by(base / folder, stem_of).items()}
    placed = place_frames(ParsedFrames(frames), images, origin=f"{split}.txt")
    return frame_data(base, placed.frames, skipped=placed.skipped, part=split)


def parse_wider_person(text: str, *, place: str = "annotation") -> tuple[BoxRow, ...]:
    """Turn the text of one image into boxes.

    Args:
        text: the count, then a line a box.
        place: the file's name, for messages.

    Raises:
        DataError: the count does not fit, or a line has another form.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    count = whole_number(lines[0], place=place) if lines else 0
    if not lines or count != len(lines) - 1:
        raise DataError(f"{place} announces {count} boxes and has {max(0, len(lines) - 1)}", "a count, then the boxes")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        where, words = f"{place} line {number}", line.split()
        kind = whole_number(words[0], place=where)
        if kind not in CLASSES:
            raise DataError(f"{where}: class {kind}", "a class in 1..5")
        x1, y1, x2, y2 = number_fields(words[1:], 4, place=where)
        rows.append(BoxRow((x1, y1, x2, y2), ignore=kind not in _VALID, category=CLASSES[kind]))
    return tuple(rows)


def write_wider_person(boxes: FrameBoxes) -> str:
    """Return the text of one image; a person of a class that the format lacks is a pedestrian.

    Args:
        boxes: of the image.
    """
    numbers = {name: number for number, name in CLASSES.items()}
    lines = [str(len(boxes))]
    for i in range(len(boxes)):
        kind = numbers.get(boxes.categories[i], 1)
        if (kind in _VALID) == bool(boxes.ignore[i]):
            kind = 4 if boxes.ignore[i] else 1
        lines.append(" ".join([str(kind), *map(short_number, boxes.boxes[i].tolist())]))
    return "\n".join(lines) + "\n"


def _read_rows(base: Path, stem: str) -> tuple[BoxRow, ...] | None:
    for name in (f"{stem}.jpg.txt", f"{stem}.png.txt", f"{stem}.txt"):
        path = base / "Annotations" / name
        if path.is_file():
            return parse_wider_person(read_text(path, expected="a count, then the boxes"), place=name)
    return None
