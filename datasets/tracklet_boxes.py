"""Where the crops of a folder of tracklets were in their frames; `datasets/tracklets.py` reads the crops themselves."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.csv_rows import finite_or_none
from datasets.tracklets import TABLE
from pipeline.errors import DataError

SIDES = ("left", "top", "right", "bottom")


def read_tracklet_boxes(root: Path, paths: Sequence[str]) -> np.ndarray:
    """Return (N, 4) float64 xyxy boxes in pixels of the frames.

    Args:
        root: the folder that holds tracklets.csv.
        paths: N crops that the table names.

    Raises:
        DataError: the table cannot be read, or does not say where a crop was.
    """
    table = root / TABLE
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = {row.get("path") or "": row for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"table {str(table)!r} cannot be read ({error})", "a CSV file in UTF-8") from error
    found = []
    for path in paths:
        sides = [finite_or_none(rows.get(path, {}).get(side) or "") for side in SIDES]
        if None in sides:
            raise DataError(f"table {str(table)!r} does not say where {path!r} was", f"numbers in {', '.join(SIDES)}")
        found.append(sides)
    return np.array(found, np.float64).reshape(-1, 4)
