"""The .vbb form of Caltech's annotations: a MATLAB struct with the objects of each frame of one video."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasets.box_rows import BoxRow
from datasets.caltech_text import caltech_row
from datasets.matlab_files import cells, text_of
from pipeline.errors import DataError


def parse_vbb(
    variables: Mapping[str, Any], frames: Sequence[int], *, place: str = "vbb"
) -> tuple[dict[int, list[BoxRow]], Counter[str]]:
    """Return the boxes of some frames of a video, and the number of entries left out by reason.

    Ids and frames count from 1 in the file; here frames count from 0, as the names of extracted images do. The number
    of an object is its identity inside this video.

    Args:
        variables: what scipy reads: the struct A with objLists, objLbl.
        frames: numbers from 0.
        place: the file's name, for messages.

    Raises:
        DataError: the struct has another form.
    """
    try:
        video = np.asarray(variables["A"]).reshape(-1)[0]
        lists = cells(video["objLists"])
        labels = [text_of(label) for label in cells(video["objLbl"])]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise DataError(f"{place} has no struct A with objLists and objLbl", "a .vbb file") from error
    skipped: Counter[str] = Counter()
    parsed = {}
    for frame in frames:
        if frame >= len(lists):
            skipped["image after the video's end"] += 1
            continue
        parsed[frame] = _boxes_of(lists[frame], labels, f"{place} frame {frame}", skipped)
    return parsed, skipped


def _boxes_of(objects: Any, labels: Sequence[str], place: str, skipped: Counter[str]) -> list[BoxRow]:
    rows = []
    for entry in cells(objects):
        try:
            number = int(_numbers(entry["id"], 1)[0])
            box, visible = _numbers(entry["pos"], 4), _numbers(entry["posv"], 4)
            is_occluded = _numbers(entry["occl"], 1)[0] > 0
            label = labels[number - 1] if number > 0 else ""
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise DataError(f"{place}: an object has another form", "id, pos, occl and posv") from error
        row = caltech_row(label, box, visible, is_occluded=is_occluded, is_ignored=False)
        if row is None:
            skipped["box of another label"] += 1
        else:
            rows.append(row)
    return rows


def _numbers(value: Any, count: int) -> tuple[float, ...]:
    """Return the numbers of a MATLAB array; an empty one stands for zeros."""
    found = np.asarray(value, np.float64).reshape(-1)
    if len(found) not in (0, count):
        raise ValueError(f"{len(found)} numbers")
    return tuple(found.tolist()) or (0.0,) * count
