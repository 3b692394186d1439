"""The two halves of a run, person re-ID and pedestrian detection, and what the report says of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report.run_files import RunFiles
from pipeline.report.table import DETECTION_COLUMNS, REID_COLUMNS, Column
from pipeline.report.targets import mean_rows, rows_by_target

Row = Mapping[str, Any]
_REID_KINDS = frozenset({"source_pretrain", "progressive_kd", "multi_target_kd", "evaluate"})


@dataclass(frozen=True)
class Half:
    """One half.

    Args:
        part: its key in the results.
        title: heading.
        subject: what its small model is called.
        metric: key of the number that the headline speaks of.
        unit: what people call that number.
        is_loss: whether less of it is better.
        columns: of its table.
    """

    part: str
    title: str
    subject: str
    metric: str
    unit: str
    is_loss: bool
    columns: Mapping[str, Column]


REID = Half("reid", "Re-ID", "student", "mAP", "mAP", False, REID_COLUMNS)
DETECTION = Half("detection", "Detection", "detector", "mr2", "MR⁻²", True, DETECTION_COLUMNS)


def is_detector(kind: str) -> bool:
    """Return whether stages of a kind train or measure detectors.

    Args:
        kind: as the manifest has it.
    """
    return "detector" in kind


def halves_of(run: RunFiles, results: Mapping[str, Any]) -> list[Half]:
    """Return the halves that a run has results or stages of: none for classifiers alone, re-ID where nothing tells.

    Args:
        run: the run's files.
        results: the object of results.json.
    """
    kinds = [stage.kind for stage in run.stages]
    has_detection = bool(results["detection"]) or any(map(is_detector, kinds))
    is_other = has_detection or any("classifier" in kind for kind in kinds)
    has_reid = bool(results["reid"]) or not is_other or not _REID_KINDS.isdisjoint(kinds)
    return [half for half, is_there in ((REID, has_reid), (DETECTION, has_detection)) if is_there]


def main_rows(results: Mapping[str, Any], half: Half) -> Sequence[Row]:
    """Return the rows of the evaluation that a half's headline speaks of: the fullest one on the target.

    Of several targets they are the means over all of them.

    Args:
        results: the object of results.json.
        half: the half.
    """
    return mean_rows(rows_by_target(results[half.part]))
