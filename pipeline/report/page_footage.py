"""The report's look at what was cut out of footage: how much of each camera, and some tracklets to check by eye."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipeline.report.blurred_heads import blurred_heads
from pipeline.report.found_people import clock_text
from pipeline.report.markup import Html, Part, section, table, tag, thumbnail
from pipeline.report.run_files import RunFiles
from pipeline.report.stage_files import StageFiles
from pipeline.report.strips import encode_thumbnail

KIND, TABLE = "track_people", "tracklets.csv"
# Of each camera, and of each tracklet.
MOST_TRACKLETS, MOST_CROPS = 8, 6
_MOST_CAMERAS = 12
_FACELESS = " The upper part of every crop is blurred, so that nobody is recognised."
Row = Mapping[str, str]


def footage_section(run: RunFiles, *, show_faces: bool = False) -> Html | None:
    """Show what every stage that followed people has cut out; None where there is no such stage.

    Args:
        run: the run's files.
        show_faces: show crops as they are.
    """
    parts: list[Part] = []
    for stage in run.done():
        if stage.kind == KIND:
            parts += [*_numbers(stage), *_cameras(stage, show_faces=show_faces)]
    return section("footage", "People found in the footage", *parts) if parts else None


def _numbers(stage: StageFiles) -> list[Part]:
    found = stage.summary.get("cameras")
    cameras = found if isinstance(found, Mapping) else {}
    header = ["camera", "frames looked at", "boxes", "tracklets", "left out most often"]
    rows = [[name, *_counts(facts), _reasons(facts)] for name, facts in sorted(cameras.items())]
    return [table(header, rows)] if rows else []


def _counts(facts: Any) -> list[Part]:
    seen = facts.get("seen") if isinstance(facts, Mapping) else None
    numbers = [*(seen.get(key) if isinstance(seen, Mapping) else None for key in ("frames", "boxes"))]
    numbers.append(facts.get("tracklets") if isinstance(facts, Mapping) else None)
    return [f"{number:,}" if isinstance(number, int) else "–" for number in numbers]


def _reasons(facts: Any) -> str:
    left_out = facts.get("left_out") if isinstance(facts, Mapping) else None
    counts = {str(k): v for k, v in left_out.items() if isinstance(v, int)} if isinstance(left_out, Mapping) else {}
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:2]
    return ", ".join(f"{count:,} x {reason}" for reason, count in most) or "–"


def _cameras(stage: StageFiles, *, show_faces: bool) -> list[Part]:
    """Show tracklets of each camera, spread evenly over its time."""
    tracklets = _tracklets(stage.folder)
    if not tracklets:
        gone = "The crops were deleted, or cannot be read: there is nothing to look at."
        return [tag("p", gone, class_="soft")]
    parts: list[Part] = []
    for camera in sorted(tracklets)[:_MOST_CAMERAS]:
        own = sorted(tracklets[camera].values(), key=lambda rows: _seconds(rows[0]))
        shown = [own[i] for i in _spread(len(own), MOST_TRACKLETS)]
        strips = [_strip(stage.folder, rows, show_faces=show_faces) for rows in shown]
        parts += [tag("h3", f"camera {camera}: {len(shown)} of {len(own)} tracklets"), *strips]
    rest = len(tracklets) - _MOST_CAMERAS
    told = "Each row should show one whole person. What is wrong here is learnt by the re-ID networks."
    told += f" {rest} more cameras are in the folder of {stage.name}." if rest > 0 else ""
    return [tag("p", told + ("" if show_faces else _FACELESS), class_="soft"), *parts]


def _tracklets(folder: Path | None) -> dict[str, dict[str, list[Row]]]:
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    try:
        if folder is not None:
            with (folder / TABLE).open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    if row.get("path") and row.get("camera") and row.get("tracklet"):
                        found[row["camera"]][row["tracklet"]].append(row)
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return found


def _strip(folder: Path | None, rows: Sequence[Row], *, show_faces: bool) -> Html:
    shown = [rows[i] for i in _spread(len(rows), MOST_CROPS)]
    pictures = [tag("div", _picture(folder, row, show_faces=show_faces), class_="hit plain") for row in shown]
    words = f"{clock_text(_seconds(rows[0]))}, {len(rows)} crops"
    return tag("div", tag("span", words, class_="soft"), tag("div", *pictures, class_="ten"), class_="strip")


def _picture(folder: Path | None, row: Row, *, show_faces: bool) -> Html:
    """Return a thumbnail; the one place where people's pictures enter this section."""
    path = PurePosixPath(row["path"])
    try:
        if folder is None or path.is_absolute() or ".." in path.parts:
            raise OSError
        with Image.open(folder / path) as file:
            image = np.asarray(file.convert("RGB"))
    except (OSError, UnidentifiedImageError):
        return tag("span", "no picture", class_="blank")
    return thumbnail(encode_thumbnail(image if show_faces else blurred_heads(image)), alt=f"crop of {row['tracklet']}")


def _seconds(row: Row) -> float:
    try:
        return float(row.get("seconds") or 0.0)
    except ValueError:
        return 0.0


def _spread(count: int, most: int) -> list[int]:
    places: list[int] = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()
    return places
