"""The report's frames: what the detector finds before and after, drawn over the same pictures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.report.blurred_heads import blurred_thumbnail
from pipeline.report.frames_drawn import DRAWN_FPPI
from pipeline.report.markup import Html, Part, section, tag, thumbnail
from pipeline.report.page_strips import pick_roles
from pipeline.report.roles import is_number, role_name
from pipeline.report.run_files import RunFiles

DRAWN = "drawn_frames.json"
# What a box can be, by its key in the file, with the words of the legend and of the tooltip.
KINDS = {
    "found": ("Right", "a person who was found", "right"),
    "missed": ("Missed", "a person who was not found", "missed"),
    "false": ("False", "a detection of nobody", "false"),
    "ignored": (
        "Ignored",
        "a region in which nothing counts (filled), or a detection in one, neither right nor wrong",
        "ignored",
    ),
}


@dataclass(frozen=True)
class Mark:
    """One box over a frame.

    Args:
        kind: a key of KINDS.
        box: x0, y0, x1 and y1 as shares of the frame's width and height.
        score: of a detection; None of an annotated box.
    """

    kind: str
    box: tuple[float, float, float, float]
    score: float | None

    @property
    def area(self) -> float:
        """Return the share of the frame that the box covers."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def frames_section(run: RunFiles, *, show_faces: bool = False) -> Html:
    """Show the drawn frames of every evaluation of detectors.

    Args:
        run: the run's files.
        show_faces: show the frames as they are; else the upper part of every box on them is blurred.
    """
    parts: list[Part] = []
    for stage in run.done():
        path = stage.folder / DRAWN if stage.folder else Path()
        if not path.is_file():
            continue
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            entries = None
        if not isinstance(entries, list):
            parts.append(tag("p", f"The drawn frames of stage {stage.name} cannot be read."))
            continue
        drawn = [_frame(entry, show_faces=show_faces) for entry in entries if isinstance(entry, Mapping)]
        parts += [tag("h3", f"Stage {stage.name}"), *drawn] if drawn else []
    if not parts:
        return section("frames", "Detections on frames", tag("p", "No evaluation has left drawn frames."))
    note = (
        f"Each detector is drawn down to the score at which it makes {DRAWN_FPPI:g} false positives an image over the "
        "whole evaluation (but at least one in all), the middle of the nine points of MR⁻². The frames were taken "
        "evenly from the listing, not by how well anybody did on them. Rest the pointer on a box to read its score."
    )
    note += "" if show_faces else " The upper part of every box is blurred; who has no box is not."
    return section("frames", "Detections on frames", tag("p", note, class_="soft"), _legend(), *parts)


def _legend() -> Html:
    items = []
    for kind, (title, words, _) in KINDS.items():
        swatch = tag("svg", *_rectangle((3, 3, 37, 19), f"{kind} region"), viewBox="0 0 40 22", class_="marks swatch")
        items.append(tag("span", swatch, tag("b", title), f": {words}"))
    return tag("p", *items, class_="legend")


def _frame(entry: Mapping[str, Any], *, show_faces: bool) -> Html:
    roles = entry.get("roles")
    by_role: Mapping[str, Any] = roles if isinstance(roles, Mapping) else {}
    label = str(entry.get("label", "frame"))
    if not show_faces:
        entry = {**entry, "image": blurred_thumbnail(entry.get("image"), _boxes(by_role))}
    panels = [_panel(entry, role, by_role[role]) for role in pick_roles(by_role)]
    return tag("div", tag("h4", label), tag("div", *panels, class_="panels"), class_="frame")


def _boxes(by_role: Mapping[str, Any]) -> np.ndarray:
    """Return the boxes of all roles, annotated or found, because each may be a person."""
    outcomes = [drawn for drawn in by_role.values() if isinstance(drawn, Mapping)]
    marks = [mark for drawn in outcomes for kind in KINDS for mark in read_marks(drawn.get(kind), kind)]
    return np.array([mark.box for mark in marks], np.float64).reshape(-1, 4)


def _panel(entry: Mapping[str, Any], role: str, drawn: object) -> Html:
    outcome: Mapping[str, Any] = drawn if isinstance(drawn, Mapping) else {}
    marks = [mark for kind in KINDS for mark in read_marks(outcome.get(kind), kind)]
    counts = {kind: sum(mark.kind == kind for mark in marks) for kind in KINDS}
    words = f"{counts['found']} of {counts['found'] + counts['missed']} people found, {counts['false']} false"
    least = outcome.get("threshold")
    from_score = f" · score {least:.2f} and up" if is_number(least) else ""
    name = role_name({"role": role})
    picture = thumbnail(entry.get("image"), alt=str(entry.get("label", "frame")))
    # Small boxes last, so that the pointer reaches those that lie inside others.
    shapes = [_draw(mark) for mark in sorted(marks, key=lambda mark: -mark.area)]
    overlay = tag(
        "svg", *shapes, viewBox="0 0 1000 1000", preserveAspectRatio="none", class_="marks", role="img",
        aria_label=f"{name}: {words}",
    )  # fmt: skip
    title = tag("figcaption", tag("b", name), f" {words}", tag("span", from_score))
    return tag("figure", title, tag("div", picture, overlay, class_="picture"))


def read_marks(value: object, kind: str) -> Sequence[Mark]:
    """Check the boxes of one kind; what is not a box is left out.

    Args:
        value: a list of objects with 'box' and perhaps 'score'.
        kind: a key of KINDS.
    """
    marks = []
    for item in value if isinstance(value, list) else []:
        box = item.get("box") if isinstance(item, Mapping) else None
        if isinstance(box, list) and len(box) == 4 and all(map(is_number, box)):
            score = item.get("score")
            marks.append(Mark(kind, (box[0], box[1], box[2], box[3]), float(score) if is_number(score) else None))
    return marks


def _draw(mark: Mark) -> Html:
    word = KINDS[mark.kind][2]
    text = f"{word} region" if mark.kind == "ignored" and mark.score is None else word
    style = mark.kind + (" region" if mark.score is None else "")
    title = text if mark.score is None else f"{text} · score {mark.score:.2f}"
    x0, y0, x1, y1 = (1000 * value for value in mark.box)
    return tag("g", tag("title", title), *_rectangle((x0, y0, x1, y1), style), class_=f"{mark.kind}-mark")


def _rectangle(box: tuple[float, float, float, float], style: str) -> list[Html]:
    """Draw a box twice: a dark line under the coloured one keeps it visible on any picture."""
    x0, y0, x1, y1 = box
    size = {
        "x": f"{x0:.1f}", "y": f"{y0:.1f}", "width": f"{max(x1 - x0, 0):.1f}", "height": f"{max(y1 - y0, 0):.1f}",
    }  # fmt: skip
    return [tag("rect", class_="under", **size), tag("rect", class_=style, **size)]
