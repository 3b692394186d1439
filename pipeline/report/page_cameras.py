"""What adaptation gained at each camera, because a mean over all of them hides the one that lost."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.markup import Part, table, tag
from pipeline.report.roles import is_number, percent, role_name

Row = Mapping[str, Any]
BEFORE, AFTER = "student_direct", "student_adapted"
# Longer tables are for programs, which find all cameras in results.json.
MOST = 40
_MOST_COLUMNS = 10


def cameras_block(rows: Sequence[Row]) -> Part:
    """Show the mAP of every model on the queries of each camera, and the student's gain; None with fewer than two.

    Args:
        rows: of one evaluation on one domain.
    """
    measured = {row["role"]: row for row in rows if isinstance(row.get("cameras"), Mapping)}
    names = list(dict.fromkeys(name for row in measured.values() for name in row["cameras"]))
    if len(names) < 2:
        return None
    gains = {name: gain for name in names if (gain := _gain(measured, name)) is not None}
    widest = max((abs(gain) for gain in gains.values()), default=0.0) or 1.0
    header = ["camera", "queries", *(["gain"] if gains else []), *map(role_name, measured.values())]
    cells: list[list[Part]] = [
        [name, str(_queries(measured, name)), *([_bar(gains.get(name), widest)] if gains else []),
         *(percent(_score(row, name)) for row in measured.values())]
        for name in names[:MOST]
    ]  # fmt: skip
    if len(measured) > max(_MOST_COLUMNS, len(cells)):
        # A page is higher than wide: many models stand below one another.
        header, *cells = (list(column) for column in zip(header, *cells, strict=True))
    rest = [f"{len(names) - MOST} more cameras stand in results.json."] if len(names) > MOST else []
    sentences = [*_sentences(gains), "The queries of a camera ask for the same person at all others.", *rest]
    return tag(
        "details", tag("summary", f"Each of {len(names)} cameras, mAP in %"), table(header, cells),
        tag("p", " ".join(sentences), class_="soft"), open="open" if len(names) <= 12 else None,
    )  # fmt: skip


def _sentences(gains: Mapping[str, float]) -> list[str]:
    if not gains:
        return []
    least = min(gains, key=lambda name: gains[name])
    lost = sum(gain < 0 for gain in gains.values())
    count = f"{lost} of {len(gains)} cameras lost by adaptation" if lost else "No camera lost by adaptation"
    return [f"{count}; camera {least} gained least, {_points(gains[least])} points."]


def _gain(measured: Mapping[str, Row], name: str) -> float | None:
    scores = [_score(measured[role], name) for role in (BEFORE, AFTER) if role in measured]
    return scores[1] - scores[0] if len(scores) == 2 and is_number(scores[0]) and is_number(scores[1]) else None


def _score(row: Row, name: str) -> Any:
    found = row["cameras"].get(name)
    return found.get("mAP") if isinstance(found, Mapping) else None


def _queries(measured: Mapping[str, Row], name: str) -> Any:
    found = [row["cameras"].get(name) for row in measured.values()]
    counts = [own["queries"] for own in found if isinstance(own, Mapping) and is_number(own.get("queries"))]
    return counts[0] if counts else "–"


def _points(gain: float) -> str:
    return f"{100 * gain:+.1f}".replace("-", "−")


def _bar(gain: float | None, widest: float) -> Part:
    if gain is None:
        return "–"
    bar = tag("i", class_="up" if gain >= 0 else "down", style=f"width:{60 * abs(gain) / widest:.0f}px")
    return tag("span", _points(gain), bar, class_="gain")
