"""COCO's AP and AR of boxes, counted by faster-coco-eval, which agrees with pycocotools to rounding."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from pipeline.detection_types import Detections
from pipeline.metrics.detection.truth import FrameTruth

MAX_DETECTIONS = 100
METRICS = (
    "ap",
    "ap50",
    "ap75",
    "ap_small",
    "ap_medium",
    "ap_large",
    "ar1",
    "ar10",
    "ar100",
    "ar_small",
    "ar_medium",
    "ar_large",
)


def average_precision(truth: Sequence[FrameTruth], detections: Sequence[Detections]) -> dict[str, float | None]:
    """Score detections of one class by COCO's protocol.

    IoU .5:.05:.95, 101 recalls, at most 100 detections an image; ignore regions are COCO's crowds: they take any number
    of detections, by the share of the detection that lies in them. Sizes are those of `FrameTruth.areas` if given.

    Args:
        truth: the boxes of every image.
        detections: what was found on each image, in the same order.

    Returns:
        ap, ap50, ap75, ap_small, ap_medium, ap_large, ar1, ar10, ar100, ar_small, ar_medium and ar_large in 0..1; None
        where no box counts.

    Reference: Lin et al., Microsoft COCO, ECCV 2014; cocoapi's evaluation.
    """
    assert len(truth) == len(detections), f"{len(truth)} images of truth, {len(detections)} of detections"
    images = [np.full(len(frame), position) for position, frame in enumerate(truth)]
    found = [np.full(len(item), position) for position, item in enumerate(detections)]
    boxes = _xywh(np.concatenate([np.zeros((0, 4)), *(frame.boxes for frame in truth)]))
    areas = [_box_areas(frame.boxes) if frame.areas is None else frame.areas for frame in truth]
    return coco_metrics(
        {
            "image": _joined(images),
            "box": boxes,
            "area": _joined(areas),
            "crowd": _joined([frame.ignore for frame in truth]),
        },
        {
            "image": _joined(found),
            "box": _xywh(np.concatenate([np.zeros((0, 4)), *(item.boxes for item in detections)])),
            "score": _joined([item.scores for item in detections]),
        },
        num_images=len(truth),
    )


def coco_metrics(
    truth: Mapping[str, np.ndarray], detections: Mapping[str, np.ndarray], *, num_images: int
) -> dict[str, float | None]:
    """Score columns of boxes; the mean runs over the classes that the truth holds.

    Args:
        truth: 'image' (N,) positions, 'box' (N, 4) xywh, 'area' (N,), 'crowd' (N,) and, if there are classes,
            'category' (N,).
        detections: 'image' (D,) positions, 'box' (D, 4) xywh, 'score' (D,) and, if there are classes, 'category' (D,).
        num_images: all images.

    Returns:
        As `average_precision`.
    """
    annotations, results = _records(truth, crowd="iscrowd", area="area"), _records(detections, score="score")
    classes = sorted({row["category_id"] for row in annotations})
    content = {
        "images": [{"id": position} for position in range(1, num_images + 1)],
        "categories": [{"id": number, "name": str(number)} for number in classes],
        "annotations": annotations,
    }
    reference = COCO(content)
    known = set(classes)
    answers = reference.loadRes([row for row in results if row["category_id"] in known])
    evaluation = COCOeval_faster(reference, answers, "bbox")
    evaluation.params.maxDets = [1, 10, MAX_DETECTIONS]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    values = [float(value) for value in evaluation.stats[: len(METRICS)]]
    return {name: value if value >= 0 else None for name, value in zip(METRICS, values, strict=True)}


def _records(columns: Mapping[str, np.ndarray], **keys: str) -> list[dict[str, Any]]:
    """Return one dictionary a box, with identifiers from 1: the evaluation takes 0 for 'not matched'."""
    count = len(columns["image"])
    names = {"image_id": columns["image"] + 1, "category_id": columns.get("category", np.ones(count, np.int64))}
    names |= {name: columns[column].astype(int if name == "iscrowd" else float) for column, name in keys.items()}
    lists = {name: column.tolist() for name, column in names.items()} | {"bbox": columns["box"].tolist()}
    return [
        {"id": row + 1} | dict(zip(lists, values, strict=True))
        for row, values in enumerate(zip(*lists.values(), strict=True))
    ]


def _joined(columns: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(columns) if columns else np.zeros(0, np.int64)


def _xywh(boxes: np.ndarray) -> np.ndarray:
    sides = boxes.astype(np.float64)
    return np.concatenate([sides[:, :2], sides[:, 2:] - sides[:, :2]], axis=1)


def _box_areas(boxes: np.ndarray) -> np.ndarray:
    return _xywh(boxes)[:, 2:].prod(axis=1)
