"""How a frozen teacher goes along its route while a student learns: before each round, and within one."""

from collections.abc import Callable, Mapping
from typing import Any

from datasets.loader import CropDataset
from pipeline.training.hardness import hardness_row
from pipeline.training.precision import Precision
from pipeline.training.progressive import ProgressiveTask
from pipeline.training.relabel import TargetCrops, prepare_side, view_of


def follow_route(
    pair: ProgressiveTask, step: int, crops: CropDataset, log: Callable[[Mapping[str, Any]], None]
) -> None:
    """Choose the next anchor where one is due, and let the anchor of a step speak; nothing without a route.

    Args:
        pair: the two networks.
        step: number of finished steps, at the start of a round.
        crops: on which the student is compared with the anchors; their labels are not read.
        log: writes one row of metrics.
    """
    route = pair.teacher.route if pair.teacher is not None else None
    if route is None:
        return
    if route.is_due(step):
        hardness = hardness_row(pair.student.mean, route, crops)
        log({"event": "anchor", "step": step, "anchor": route.choose(step, hardness), "hardness": hardness})
    route.enter(step)


def renew_space(pair: ProgressiveTask, target: TargetCrops, *, standardise: bool, precision: Precision) -> None:
    """Fit the teacher's camera statistics again, because another state of it has begun to teach within a round.

    Args:
        pair: the two networks.
        target: the crops.
        standardise: whether embeddings are compared after per-camera standardisation.
        precision: autocast settings of embedding.
    """
    assert pair.teacher is not None, "only a teacher has a route"
    view = view_of(pair.teacher, target, standardise=standardise, precision=precision)
    prepare_side(pair.teacher, view, None, target, standardise=standardise, device=pair.device)
