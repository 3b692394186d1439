"""Reader for COCO json with images beside it; one category counts as a person, the others are left out.

Besides the usual keys it keeps `ignore`, `vis_bbox`, `vis_ratio`, `person_id` and `label` (class name) of a box, and
`camera` and `frame` of an image; `height` of a box is not read, it is the height of `bbox`.

Reference: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets.box_rows import BoxRow, Extents, FrameRows, ParsedFrames, xywh
from datasets.frame_files import frame_data
from datasets.frame_records import FrameData
from datasets.frame_text import number_fields, parse_json, read_text, whole_number
from datasets.listing import open_root
from datasets.records import normalise_camera_name
from pipeline.errors import DataError


def read_coco(
    root: str, annotations: str = "annotations.json", images: str = "", category: str | int = "person"
) -> FrameData:
    """Read one annotation file and the frames that it names.

    Args:
        root: the folder.
        annotations: the json file, relative to the folder.
        images: sub-folder in which the file names start.
        category: name or id of the category that counts.

    Raises:
        DataError: the file is missing or has another form, or images are missing.
    """
    base = open_root(root)
    path = base / annotations
    tree = parse_json(read_text(path, expected="COCO json"), place=repr(str(path)))
    parsed = parse_coco(tree, category, place=path.name)
    prefix = images.strip("/")
    frames = [replace(f, path=f"{prefix}/{f.path}") for f in parsed.frames] if prefix else parsed.frames
    return frame_data(base, frames, skipped=parsed.skipped, part=Path(annotations).stem)


def parse_coco(tree: Any, category: str | int = "person", *, place: str = "COCO json") -> ParsedFrames:
    """Turn a COCO tree into frames; an image without a box of the category is a frame without boxes.

    Args:
        tree: what the json holds.
        category: name or id of the category that counts.
        place: the file's name, for messages.

    Raises:
        DataError: a key is missing, a value has another form, or there is no such category.
    """
    images, boxes = _list_of(tree, "images", place), _list_of(tree, "annotations", place)
    chosen = _category_id(tree, category, place)
    name = _category_names(tree).get(chosen, str(category))
    rows: dict[Any, list[BoxRow]] = {}
    frames = []
    for image in images:
        key, path = _field(image, "id", place), image.get("file_name") or image.get("im_name")
        if not isinstance(path, str) or key in rows:
            raise DataError(f"{place}: image {key!r} comes twice or has no file_name", "an id and a file_name an image")
        rows[key] = []
        frames.append((key, path, image))
    skipped: Counter[str] = Counter()
    for box in boxes:
        key = _field(box, "image_id", place)
        if box.get("category_id", chosen) != chosen:
            skipped["box of another category"] += 1
        elif key not in rows:
            skipped["box of an unknown image"] += 1
        else:
            rows[key].append(_to_row(box, name, f"{place}: annotation {box.get('id')!r}"))
    return ParsedFrames(tuple(_to_frame(path, image, rows[key], place) for key, path, image in frames), skipped)


def _to_row(box: Mapping[str, Any], category: str, place: str) -> BoxRow:
    visible = box.get("vis_bbox")
    ratio = box.get("vis_ratio")
    person = box.get("person_id")
    return BoxRow(
        box=_extents(box.get("bbox"), place),
        visible=None if visible is None else _extents(visible, f"{place} vis_bbox"),
        visible_ratio=None if ratio is None else number_fields([ratio], 1, place=f"{place} vis_ratio")[0],
        ignore=bool(box.get("iscrowd")) or bool(box.get("ignore")),
        person_id=-1 if person is None else whole_number(person, place=f"{place} person_id"),
        category=str(box.get("label", category)),
    )


def _to_frame(path: str, image: Mapping[str, Any], rows: Sequence[BoxRow], place: str) -> FrameRows:
    sides = [image.get("height"), image.get("width")]
    size = None if None in sides else [whole_number(side, place=f"{place}: size of {path!r}") for side in sides]
    camera, frame = image.get("camera"), image.get("frame")
    return FrameRows(
        path=path,
        rows=tuple(rows),
        size=None if size is None else (size[0], size[1]),
        camera_id=None if camera is None else normalise_camera_name(str(camera)),
        frame=None if frame is None else whole_number(frame, place=f"{place}: frame of {path!r}"),
    )


def _extents(values: Any, place: str) -> Extents:
    return xywh(*number_fields(values, 4, place=f"{place} bbox"))


def _category_id(tree: Mapping[str, Any], category: str | int, place: str) -> int:
    names = _category_names(tree)
    if not names:  # a file of one class may leave the list out
        return category if isinstance(category, int) else 1
    ids = [number for number, name in names.items() if category in (name, number) or str(number) == category]
    if not ids:
        known = ", ".join(f"{name} ({number})" for number, name in list(names.items())[:10])
        raise DataError(f"{place} has no category {category!r}", f"one of {known}", "Name it in `category`.")
    return ids[0]


def _category_names(tree: Mapping[str, Any]) -> dict[int, str]:
    listed = tree.get("categories") or []
    return {c["id"]: str(c.get("name", c["id"])) for c in listed if isinstance(c, dict) and "id" in c}


def _list_of(tree: Any, key: str, place: str) -> list[Any]:
    found = tree.get(key) if isinstance(tree, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise DataError(f"{place} has no list {key!r}", "COCO json with images, annotations and categories")
    return found


def _field(entry: Mapping[str, Any], key: str, place: str) -> Any:
    if key not in entry or isinstance(entry[key], dict | list):
        raise DataError(f"{place}: {str(entry)[:80]} has no {key!r}", "an id")
    return entry[key]
