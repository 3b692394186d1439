"""Reader and writer for CrowdHuman's odgt files: one JSON object a line, full and visible body boxes.

Tag 'person' is valid unless its `extra` says ignore; every other tag ('mask') is an ignored region. Heads are not read.

Reference: Shao et al., "CrowdHuman: A Benchmark for Detecting Human in a Crowd", 2018.
"""

import json
from typing import Any, Literal

import numpy as np

from datasets.box_rows import BoxRow, Extents, FrameRows, ParsedFrames, corner_and_size, xywh
from datasets.frame_files import frame_data
from datasets.frame_records import FrameData, FrameSample
from datasets.frame_text import number_fields, parse_json, read_text
from datasets.image_lookup import first_file, images_by, place_frames, stem_of
from datasets.listing import open_root
from pipeline.errors import ConfigError, DataError


def read_crowdhuman(
    root: str, split: Literal["train", "val"] = "train", clip: Literal["keep", "frame"] = "keep"
) -> FrameData:
    """Read one split.

    Args:
        root: folder with annotation_<split>.odgt and, anywhere below it, the images by their ID.
        split: 'train' or 'val'.
        clip: what happens to boxes that exceed the frame: 'keep' leaves them, 'frame' cuts them at its border as the
            authors' evaluation does.

    Raises:
        DataError: the annotation or more than a fifth of the images are missing, or a line has another form.
        ConfigError: an unknown policy.
    """
    if clip not in ("keep", "frame"):
        raise ConfigError(f"clip: {clip!r}", "'keep' or 'frame'")
    base = open_root(root)
    names = [f"annotation_{split}.odgt", f"annotations/annotation_{split}.odgt"]
    path = first_file(base, names, expected="the annotations of CrowdHuman")
    parsed = parse_odgt(read_text(path, expected="an odgt file"), place=path.name)
    placed = place_frames(parsed, images_by(base, stem_of), origin=repr(str(path)))
    return frame_data(base, placed.frames, skipped=placed.skipped, part=split, is_clipped=clip == "frame")


def parse_odgt(text: str, *, place: str = "odgt") -> ParsedFrames:
    """Turn an odgt text into frames whose paths are the images' IDs.

    Args:
        text: one JSON object a line.
        place: the file's name, for messages.

    Raises:
        DataError: a line has another form.
    """
    frames = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            frames.append(_to_frame(parse_json(line, place=f"{place} line {number}"), f"{place} line {number}"))
    return ParsedFrames(tuple(frames))


def write_odgt(samples: list[tuple[str, FrameSample]]) -> str:
    """Return the odgt text of annotated frames.

    Args:
        samples: ID and record of each frame.

    Raises:
        DataError: a frame has no annotations.
    """
    lines = []
    for key, sample in samples:
        boxes = sample.annotations
        if boxes is None:
            raise DataError(f"frame {sample.path!r} has no annotations", "labelled frames")
        entries = [
            {
                "tag": "mask" if boxes.categories[i] == "mask" else "person",
                "fbox": _whole_xywh(boxes.boxes[i]),
                "vbox": _whole_xywh(boxes.visible[i]),
                "extra": {"box_id": i, **({"ignore": 1} if boxes.ignore[i] else {})},
            }
            for i in range(len(boxes))
        ]
        lines.append(json.dumps({"ID": key, "gtboxes": entries}) + "\n")
    return "".join(lines)


def _to_frame(entry: Any, place: str) -> FrameRows:
    if not isinstance(entry, dict) or not isinstance(entry.get("ID"), str):
        raise DataError(f"{place} has no ID", "an object with ID and gtboxes")
    boxes = entry.get("gtboxes")
    if boxes is None:
        return FrameRows(entry["ID"], None)
    if not isinstance(boxes, list) or not all(isinstance(box, dict) for box in boxes):
        raise DataError(f"{place}: gtboxes is no list of objects", "an object with ID and gtboxes")
    return FrameRows(entry["ID"], tuple(_to_row(box, place) for box in boxes))


def _to_row(box: dict[str, Any], place: str) -> BoxRow:
    tag, extra = str(box.get("tag", "")), box.get("extra")
    is_ignored = tag != "person" or (isinstance(extra, dict) and bool(extra.get("ignore")))
    return BoxRow(
        box=_extents(box.get("fbox"), f"{place} fbox"),
        visible=None if box.get("vbox") is None else _extents(box["vbox"], f"{place} vbox"),
        ignore=is_ignored,
        category=tag,
    )


def _extents(values: Any, place: str) -> Extents:
    return xywh(*number_fields(values, 4, place=place))


def _whole_xywh(box: np.ndarray) -> list[float]:
    """Return a box as numbers; whole ones without a point, as the authors write them."""
    return [int(value) if value.is_integer() else value for value in corner_and_size(box.tolist())]
