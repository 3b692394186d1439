"""What a model card says in words, and how it lays out numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.report.roles import interval, is_number, percent

_REID = "Turns a picture of one person, cut out, into a vector; vectors of one person are near each other."
_DETECTOR = "Finds people in pictures of streets and rooms, as boxes with scores."
PURPOSES: Mapping[str, str] = {
    "source_pretrain": f"{_REID} Trained on labelled crops.",
    "progressive_kd": f"{_REID} Adapted to cameras whose people were not labelled.",
    "multi_target_kd": f"{_REID} Adapted to several sites whose people were not labelled.",
    "quantise": f"{_REID} Computes in eight bits.",
    "detector_pretrain": f"{_DETECTOR} Trained on labelled frames.",
    "detector_kd": f"{_DETECTOR} Adapted to cameras whose people were not labelled.",
    "other": "What the stage is for stands in the methods of crosscam (docs/methods.md).",
}
_USE = (
    "among cameras that somebody is responsible for, and for research on such models. Not meant for telling who "
    "somebody is, nor for decisions about people without a person who looks at the pictures. See "
    "docs/responsible_use.md of crosscam."
)
REID_USE = f"Meant for finding pictures of the same person again {_USE}"
DETECTOR_USE = f"Meant for finding people in pictures {_USE}"
_ELSEWHERE = (
    "Numbers hold for cameras like those that were measured. At other cameras, at night, in other seasons or crowds "
    "they are unknown until they are measured there."
)
_KINDS_OF_PEOPLE = (
    "Whether it does equally well for people of all kinds was not measured; no data set here says who they are."
)
REID_LIMITS = (
    "It mostly compares clothing and things that are carried: whoever changes them is another person to it, and people "
    "in the same uniform are hard to tell apart.",
    _ELSEWHERE,
    "The nearest picture is somebody in any case; only a threshold says whether it is the person, with its errors.",
    _KINDS_OF_PEOPLE,
)
DETECTOR_LIMITS = (
    _ELSEWHERE,
    "It misses people who are small, hidden or unusual in posture more often than others; see the miss rates.",
    _KINDS_OF_PEOPLE,
)
LICENCE = (
    "## Licence", "",
    "crosscam is under the MIT licence. What may be done with these weights depends also on the data above and on the "
    "weights that training began with (`weights`; `scratch` is none): a data set for research only makes them so. No "
    "manifest holds the licences of data.",
)  # fmt: skip


_BY_RATE = (("verification", "tpr_at_fpr", "TPR % at {} % FPR"), ("open_set", "dir_at_far", "DIR % at {} % FAR"))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay out a table; what would end a cell is escaped.

    Args:
        header: titles.
        rows: cells, as many as titles.
    """
    lines = [header, ["---"] * len(header), *rows]
    return [
        "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    ]


def measured_lines(row: Mapping[str, Any]) -> list[str]:
    """Write one row of the results, with the numbers of its cameras where they were measured.

    Args:
        row: of results.json.
    """
    names = {
        "mAP": "mAP %", "mINP": "mINP %", "ap50": "AP50 %", "ap": "AP %", "mr2": "MR⁻² % (lower is better)",
        "top1": "top-1 %", "top5": "top-5 %",
    }  # fmt: skip
    facts = [(name, percent(row[key])) for key, name in names.items() if key in row]
    if isinstance(row.get("cmc"), Mapping) and row["cmc"]:
        facts.insert(1, ("rank-1 %", percent(row["cmc"].get("1"))))
    if interval(row.get("mAP_interval")):
        facts.append(("mAP %, 95 % interval over queries", interval(row["mAP_interval"])))
    for key, rates, name in (
        ("verification", "tpr_at_fpr", "TPR % at {} % FPR"),
        ("open_set", "dir_at_far", "DIR % at {} % FAR"),
    ):
        found = row.get(key)
        by_rate = found.get(rates) if isinstance(found, Mapping) else None
        for rate, value in (by_rate or {}).items():
            facts.append((name.format(f"{100 * float(rate):g}"), percent(value)))
    counts = [f"{row[key]} {name}" for key, name in (("queries", "queries"), ("frames", "frames"), ("boxes", "people"))
              if is_number(row.get(key))]  # fmt: skip
    lines = [f"On {row['domain']}, by stage {row['stage']}{': ' if counts else ''}{', '.join(counts)}.", ""]
    lines += [*markdown_table(["measure", "value"], facts), ""]
    cameras = row.get("cameras")
    if isinstance(cameras, Mapping) and cameras:
        own = [
            (name, values.get("queries", "–"), percent(values.get("mAP")), percent(values.get("rank1")))
            for name, values in cameras.items()
            if isinstance(values, Mapping)
        ]
        lines += [*markdown_table(["camera of the query", "queries", "mAP %", "rank-1 %"], own), ""]
    return lines


def threshold_lines(told: object, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say from which distance on two crops are two people, and whether that held where it was measured.

    Args:
        told: what the stage's summary says of this model, or None.
        rows: of results.json, of this model.
    """
    if not isinstance(told, Mapping):
        return ["Threshold for 'the same person': none is stored."]
    lines = [
        f"Threshold for 'the same person': cosine distance below {told.get('threshold', 0):.4f}, meant for "
        f"{percent(told.get('rate'))} % of false matches, from {told.get('impostors')} pairs of two people of "
        f"{told.get('data')} ({told.get('from')})."
    ]
    for row in rows:
        match = row.get("match")
        if isinstance(match, Mapping) and "false_match_rate" in match:
            lines.append(
                f"On {row['domain']} it makes {percent(match['false_match_rate'], 2)} % of false matches and finds "
                f"{percent(match.get('true_match_rate'))} % of the pairs of one person."
            )
    return lines
