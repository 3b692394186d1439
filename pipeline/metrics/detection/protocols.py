"""Whole files scored by one protocol, with the sentences that say what was counted and how."""

from collections.abc import Callable, Mapping

import numpy as np

from pipeline.metrics.detection.caltech import CALTECH_BORDER, KAIST_BORDER, PERSON_ASPECT, prepare_caltech
from pipeline.metrics.detection.coco_ap import coco_metrics
from pipeline.metrics.detection.crowdhuman import crowdhuman_scores
from pipeline.metrics.detection.curve_points import thin_curve
from pipeline.metrics.detection.detections_file import DetectionTable
from pipeline.metrics.detection.miss_rate import CALTECH_FPPI, ROUNDED_FPPI, MissRateResult, miss_rate
from pipeline.metrics.detection.protocol_score import ProtocolScore, choose_rows, count_rows
from pipeline.metrics.detection.subsets import Subset
from pipeline.metrics.detection.truth_file import TruthTable

PERSON = 1


def score_coco(truth: TruthTable, detections: DetectionTable, *, category: int | None = None) -> ProtocolScore:
    """Score by COCO's average precision.

    Args:
        truth: annotated boxes.
        detections: what was found.
        category: the class to score; all of the truth's classes where None.

    Raises:
        DataError: when no box is of the category.
    """
    boxes, found = choose_rows(truth, detections, category)
    values = coco_metrics(
        {
            "image": truth.images[boxes],
            "box": truth.boxes[boxes],
            "area": truth.areas[boxes],
            "crowd": truth.ignore[boxes],
            "category": truth.categories[boxes],
        },
        {
            "image": detections.images[found],
            "box": detections.boxes[found],
            "score": detections.scores[found],
            "category": detections.categories[found],
        },
        num_images=len(truth.image_ids),
    )
    classes = len(np.unique(truth.categories[boxes]))
    mean = f"mean over the categories ({classes})" if category is None else f"category {category} alone"
    only_ignored = int((truth.ignore & ~truth.crowd)[boxes].sum())
    semantics = {
        "protocol": f"COCO boxes: IoU .5:.05:.95, 101 recalls, 100 detections an image, {mean}",
        "ignore": f"boxes with iscrowd or ignore are crowds ({only_ignored} by ignore alone, not read by cocoapi)",
        "sizes": "small and large go by the annotation's area, else by the box: below 32^2, from 96^2 square pixels on",
    }
    ignored = int(truth.ignore[boxes].sum())
    counts = count_rows(truth, detections, boxes, found) | {
        "valid_boxes": int(boxes.sum()) - ignored,
        "ignored_boxes": ignored,
    }
    return ProtocolScore(values, counts, semantics, {})


def score_citypersons(
    truth: TruthTable, detections: DetectionTable, *, subset: Subset, category: int | None = None
) -> ProtocolScore:
    """Score by MR^-2 as CityPersons does: boxes as they are, nine rounded references.

    Args:
        truth: annotated boxes.
        detections: what was found.
        subset: who counts.
        category: the class to score; 1 where None.

    Raises:
        DataError: when no box counts.
    """
    number = PERSON if category is None else category
    boxes, found = choose_rows(truth, detections, number)
    items, heights = detections.frames(number)
    result = miss_rate(truth.frames(number), items, subset=subset, references=ROUNDED_FPPI, heights=heights)
    rule = f"CityPersons, category {number}: boxes as they are; references .01, .0178, ..., .5623, 1"
    return _miss_rate_score(result, rule, count_rows(truth, detections, boxes, found))


def score_caltech(
    truth: TruthTable, detections: DetectionTable, *, subset: Subset, category: int | None = None
) -> ProtocolScore:
    """Score by MR^-2 as Caltech does: border rule, width rule, references 10^(-2:.25:0).

    Args:
        truth: annotated boxes.
        detections: what was found.
        subset: who counts; KAIST's subsets bring KAIST's border.
        category: the class to score; 1 where None.

    Raises:
        DataError: when no box counts.
    """
    number = PERSON if category is None else category
    boxes, found = choose_rows(truth, detections, number)
    items, heights = detections.frames(number)
    border = KAIST_BORDER if subset.name.startswith("kaist_") else CALTECH_BORDER
    frames = [prepare_caltech(frame, subset, border=border) for frame in truth.frames(number)]
    result = miss_rate(frames, items, subset=subset, references=CALTECH_FPPI, heights=heights)
    x1, y1, x2, y2 = border
    frame_size = (y1 + y2, x1 + x2)
    others = sum(size is not None and size != frame_size for size in truth.sizes)
    rule = (
        f"Caltech, category {number}: boxes not wholly inside [{x1:g}, {x2:g}] x [{y1:g}, {y2:g}] are ignored, as is "
        f"meant for frames of {frame_size[1]:g}x{frame_size[0]:g} ({others} images have another size); boxes that "
        f"count get the width {PERSON_ASPECT} height; references 10^(-2:.25:0)"
    )
    return _miss_rate_score(result, rule, count_rows(truth, detections, boxes, found))


def score_crowdhuman(truth: TruthTable, detections: DetectionTable, *, category: int | None = None) -> ProtocolScore:
    """Score by CrowdHuman's AP, MR and JI.

    Args:
        truth: annotated full bodies.
        detections: what was found; scores in 0..1.
        category: the class to score; 1 where None.

    Raises:
        DataError: when no box counts.
    """
    number = PERSON if category is None else category
    boxes, found = choose_rows(truth, detections, number)
    result = crowdhuman_scores(truth.frames(number), detections.frames(number)[0])
    unsized = sum(size is None for size in truth.sizes)
    clipped = f"boxes are clipped to the image ({unsized} images have no width and height: not clipped)"
    semantics = {
        "protocol": f"CrowdHuman, category {number}: IoU above .5; {clipped}",
        "ap": "trapezoids from the first detection on, no envelope: not COCO's and not VOC's AP",
        "mr": "read at the first point that reaches each reference: not Caltech's MR^-2",
        "ji": f"best of the score thresholds 0, .1, ..., .9: scores above {result.ji_threshold:g}",
    }
    values = {"crowdhuman_ap": result.ap, "crowdhuman_mr": result.mr, "crowdhuman_ji": result.ji}
    extra = {"valid_boxes": result.num_valid, "ignored_boxes": result.num_ignored}
    curve = _curve(result.fppi, result.miss)
    return ProtocolScore(values, count_rows(truth, detections, boxes, found) | extra, semantics, curve)


PROTOCOLS: Mapping[str, Callable[..., ProtocolScore]] = {
    "coco": score_coco,
    "caltech": score_caltech,
    "citypersons": score_citypersons,
    "crowdhuman": score_crowdhuman,
}


def _miss_rate_score(result: MissRateResult, rule: str, counts: dict[str, int]) -> ProtocolScore:
    semantics = {
        "protocol": rule,
        "subset": f"{result.subset}; both ends count, all other boxes are ignore regions",
        "matching": "IoU of at least .5, in ignore regions the share of the detection; 1000 detections an image",
        "range": "detections below low / 1.25 or from high * 1.25 on take no part",
    }
    extra = {
        "valid_boxes": result.num_valid,
        "ignored_boxes": result.num_ignored,
        "detections_in_ignore_regions": result.num_absorbed,
        "detections_outside_the_range": result.num_outside,
        "detections_beyond_1000_an_image": result.num_surplus,
    }
    curve = _curve(result.fppi, result.miss)
    return ProtocolScore({"log_average_miss_rate": result.miss_rate}, counts | extra, semantics, curve)


def _curve(fppi: np.ndarray, miss: np.ndarray) -> dict[str, list[float]]:
    rates, misses = thin_curve(fppi, miss)
    return {"fppi": rates.tolist(), "miss_rate": misses.tolist()}
