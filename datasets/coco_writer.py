"""Street frames as COCO json: person boxes with the keys that pedestrian benchmarks add."""

import json
from pathlib import Path

import numpy as np

from datasets.frame_records import FrameData, FrameSample
from pipeline.detection_types import FrameBoxes
from pipeline.errors import DataError

PERSON_CATEGORY = 1
_DECIMALS = 3


def coco_tree(data: FrameData) -> dict[str, object]:
    """Return frames and boxes as a COCO tree, sorted and the same for the same frames.

    Beside COCO's own keys an image has `camera` and `frame`, and an annotation has `ignore`, `height`, `vis_bbox`,
    `vis_ratio`, `person_id` and `label`, the class as the data set spells it. All annotations have the one category;
    `iscrowd` equals `ignore`, so that a COCO evaluation neither rewards nor punishes a detection there.

    Args:
        data: labelled frames; numbers of images and annotations follow their order, from 1.

    Returns:
        images, annotations and categories, plain numbers and strings only.

    Raises:
        DataError: a frame has no annotations.
    """
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for image_id, sample in enumerate(data.samples, start=1):
        if sample.annotations is None:
            raise DataError(f"{data.name}: nobody annotated {sample.path!r}", "labelled frames for COCO json")
        images.append(_image(image_id, sample))
        annotations += _annotations(sample.annotations, image_id, len(annotations) + 1)
    categories = [{"id": PERSON_CATEGORY, "name": "person", "supercategory": "person"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def write_coco(path: Path, data: FrameData) -> None:
    """Write frames and boxes as COCO json, one annotation a line.

    Args:
        path: the file; its folder is made where it does not exist.
        data: labelled frames.

    Raises:
        DataError: a frame has no annotations.
    """
    tree = coco_tree(data)
    parts = []
    for name, rows in sorted(tree.items()):
        assert isinstance(rows, list), f"{name} is {type(rows).__name__}"
        lines = ",\n".join(json.dumps(row, sort_keys=True) for row in rows)
        parts.append(f"{json.dumps(name)}: [\n{lines}\n]")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _image(image_id: int, sample: FrameSample) -> dict[str, object]:
    """Return the record of one image."""
    height, width = sample.size
    return {
        "id": image_id,
        "file_name": sample.path,
        "height": height,
        "width": width,
        "camera": sample.camera_id,
        "frame": sample.frame,
    }


def _annotations(marks: FrameBoxes, image_id: int, first: int) -> list[dict[str, object]]:
    """Return the annotations of one image, numbered from `first`."""
    rows: list[dict[str, object]] = []
    for index, (box, visible) in enumerate(zip(marks.boxes, marks.visible, strict=True)):
        full = _xywh(box)
        is_ignored = int(marks.ignore[index])
        rows.append(
            {
                "id": first + index,
                "image_id": image_id,
                "category_id": PERSON_CATEGORY,
                "bbox": full,
                "area": round(full[2] * full[3], _DECIMALS),
                "iscrowd": is_ignored,
                "ignore": is_ignored,
                "height": full[3],
                "vis_bbox": _xywh(visible),
                "vis_ratio": round(float(marks.visible_ratio[index]), 4),
                "person_id": int(marks.person_ids[index]),
                "label": marks.categories[index],
            }
        )
    return rows


def _xywh(box: np.ndarray) -> list[float]:
    """Return a corner box as left, top, width and height."""
    left, top, right, bottom = (float(value) for value in box)
    return [round(value, _DECIMALS) for value in (left, top, right - left, bottom - top)]
