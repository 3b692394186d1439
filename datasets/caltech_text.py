"""The text form of Caltech's annotations ('% bbGt version=3'): one file a frame, one line a box."""

from collections import Counter
from collections.abc import Sequence

from datasets.box_rows import BoxRow, corner_and_size, xywh
from datasets.frame_text import number_fields, short_number
from pipeline.detection_types import FrameBoxes
from pipeline.errors import DataError

HEADER = "% bbGt version=3"
VALID_LABEL = "person"
IGNORED_LABELS = ("people", "person?", "ignore")
_FIELDS = 12


def parse_bbgt(text: str, *, place: str = "bbGt text") -> tuple[list[BoxRow], Counter[str]]:
    """Return the boxes of one frame, and the number of lines left out by reason.

    Args:
        text: the header, then lines 'label x y w h occluded xv yv wv hv ignore angle'; the angle is not used.
        place: the file's name, for messages.

    Raises:
        DataError: the header or a line has another form.
    """
    lines = text.splitlines()
    if not lines or "".join(lines[0].split()) != "".join(HEADER.split()):
        raise DataError(f"{place} starts with {(lines or [''])[0][:40]!r}", f"{HEADER!r}")
    rows: list[BoxRow] = []
    skipped: Counter[str] = Counter()
    for number, line in enumerate(lines[1:], start=2):
        words = line.split()
        if not words:
            continue
        where = f"{place} line {number}"
        if len(words) != _FIELDS:
            raise DataError(f"{where} has {len(words)} words", f"{_FIELDS}: label, box, occlusion, visible box, ...")
        values = number_fields(words[1:], _FIELDS - 1, place=where)
        row = caltech_row(words[0], values[0:4], values[5:9], is_occluded=values[4] > 0, is_ignored=values[9] > 0)
        if row is None:
            skipped["box of another label"] += 1
        else:
            rows.append(row)
    return rows, skipped


def caltech_row(
    label: str, box: Sequence[float], visible: Sequence[float], *, is_occluded: bool, is_ignored: bool
) -> BoxRow | None:
    """Return one box, or None where its label is unknown.

    The visible ratio is 1 where nothing occludes or the visible box is all zero, 0 where the visible box of an occluded
    person equals the full one (wholly hidden), else the ratio of areas.

    Args:
        label: of the object.
        box: left, top, width, height.
        visible: the same of the visible part.
        is_occluded: whether something hides a part.
        is_ignored: whether the file itself says ignore.
    """
    if label != VALID_LABEL and label not in IGNORED_LABELS:
        return None
    full, seen = xywh(*box), xywh(*visible)
    ratio: float | None = None
    if not is_occluded or not any(visible):
        seen, ratio = full, 1.0
    elif tuple(visible) == tuple(box):
        ratio = 0.0
    return BoxRow(full, seen, ratio, ignore=is_ignored or label != VALID_LABEL, category=label)


def write_bbgt(boxes: FrameBoxes) -> str:
    """Return the text of one frame; a visible ratio that the boxes do not tell is lost.

    Args:
        boxes: of the frame.
    """
    lines = [HEADER]
    for i in range(len(boxes)):
        full, seen, ratio = boxes.boxes[i].tolist(), boxes.visible[i].tolist(), float(boxes.visible_ratio[i])
        # Equal boxes would read as wholly hidden.
        is_occluded = ratio < 1 and (full != seen or ratio == 0)
        label = boxes.categories[i] if boxes.categories[i] in IGNORED_LABELS else VALID_LABEL
        part = (full if ratio == 0 else seen) if is_occluded else (0.0, 0.0, 0.0, 0.0)
        numbers = [*corner_and_size(full), float(is_occluded), *corner_and_size(part), float(boxes.ignore[i]), 0.0]
        lines.append(" ".join([label, *map(short_number, numbers)]))
    return "\n".join(lines) + "\n"
