"""Draws which stage made which artifact out of what, with the hashes that prove it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.report.markup import Html, tag
from pipeline.report.run_files import RunFiles
from pipeline.report.stage_files import StageFiles, sources

WIDTH, GAP_X, GAP_Y, LINE, PAD = 226, 74, 22, 19, 12


@dataclass(frozen=True)
class Box:
    """One stage's place in the drawing.

    Args:
        stage: what it stands for.
        left: x of its left edge.
        top: y of its upper edge.
        lines: (text, style class) from top to bottom.
        ports: y of each artifact's line, by artifact role.
    """

    stage: StageFiles
    left: float
    top: float
    lines: Sequence[tuple[str, str]]
    ports: Mapping[str, float]

    @property
    def height(self) -> float:
        """Return the box's height."""
        return 2 * PAD + LINE * len(self.lines)


def draw_lineage(run: RunFiles) -> Html:
    """Draw the stages from left to right, each to the right of all stages that it reads.

    Args:
        run: the run's files.

    Returns:
        an inline SVG element.
    """
    boxes = place_boxes(run)
    width = max((box.left for box in boxes.values()), default=0) + WIDTH + 2
    height = max((box.top + box.height for box in boxes.values()), default=0) + 2
    edges = [edge for box in boxes.values() for edge in _edges(box, boxes)]
    names = ", ".join(boxes)
    view = f"-1 -1 {width:g} {height:g}"
    size = {"width": f"{width:g}", "height": f"{height:g}", "viewBox": view}
    drawn = tag("svg", *edges, *map(_draw_box, boxes.values()), role="img", aria_label=f"Lineage of {names}", **size)
    return tag("div", drawn, class_="scroll lineage")


def place_boxes(run: RunFiles) -> dict[str, Box]:
    """Give every stage a column by its depth and a row in the order of the run.

    Args:
        run: the run's files; a stage stands after the stages that it reads.

    Returns:
        boxes by stage name.
    """
    depth: dict[str, int] = {}
    bottoms: dict[int, float] = {}
    boxes: dict[str, Box] = {}
    for stage in run.stages:
        column = max((depth[name] + 1 for name in sources(stage) if name in depth), default=0)
        depth[stage.name] = column
        top = bottoms.get(column, 0.0)
        lines, ports = _lines(stage)
        positions = {role: top + PAD + LINE * (line + 0.5) for role, line in ports.items()}
        box = Box(stage, column * (WIDTH + GAP_X), top, lines, positions)
        boxes[stage.name] = box
        bottoms[column] = top + box.height + GAP_Y
    return boxes


def _lines(stage: StageFiles) -> tuple[list[tuple[str, str]], dict[str, int]]:
    attempt = stage.folder.name if stage.folder else "not run"
    lines = [(_short(stage.name, 26), "name"), (_short(f"{stage.kind} · {attempt}", 32), "kind")]
    for name, data in sorted(stage.section("data").items()):
        read = data.get("labels_read") if isinstance(data, Mapping) else None
        label = {True: "with labels", False: "no labels"}.get(read, "data")  # type: ignore[arg-type]
        lines.append((_short(f"▤ {name} · {label}", 32), "data"))
    ports = {}
    for role, artifact in sorted(stage.section("outputs").items()):
        digest = str(artifact.get("sha256", ""))[:8] if isinstance(artifact, Mapping) else ""
        ports[str(role)] = len(lines)
        lines.append((_short(f"{role} · {digest}", 32), "artifact"))
    return lines, ports


def _edges(box: Box, boxes: Mapping[str, Box]) -> list[Html]:
    """Return one curve for each artifact that a stage reads, from the artifact's line to the stage's left edge."""
    found = []
    # Sorted by height, so that curves into the same stage cross as little as possible.
    starts = sorted(
        (_start(r, boxes), r) for r in map(str, box.stage.section("inputs")) if r.partition(".")[0] in boxes
    )
    for place, (y0, reference) in enumerate(starts):
        start = boxes[reference.partition(".")[0]]
        x0, x1 = start.left + WIDTH, box.left
        y1 = box.top + box.height * (place + 1) / (len(starts) + 1)
        middle = x1 - GAP_X / 2
        path = f"M{x0:.1f},{y0:.1f} H{x1 - GAP_X:.1f} C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
        found += [tag("path", tag("title", reference), d=path, class_="edge")]
        found += [tag("circle", cx=f"{x1:.1f}", cy=f"{y1:.1f}", r="3.5", class_="end")]
    return found


def _start(reference: str, boxes: Mapping[str, Box]) -> float:
    name, _, role = reference.partition(".")
    return boxes[name].ports.get(role, boxes[name].top + boxes[name].height / 2)


def _draw_box(box: Box) -> Html:
    frame = "box" if box.stage.folder else "box open"
    size = {"x": f"{box.left:g}", "y": f"{box.top:g}", "width": f"{WIDTH}", "height": f"{box.height:g}"}
    texts = [
        tag("text", text, x=f"{box.left + PAD:g}", y=f"{box.top + PAD + LINE * (line + 0.72):g}", class_=style)
        for line, (text, style) in enumerate(box.lines)
    ]
    return tag("g", tag("rect", rx="8", class_=frame, **size), *texts)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
