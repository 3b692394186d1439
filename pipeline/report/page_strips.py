"""The report's retrieval strips: the same queries before and after adaptation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.report.blurred_heads import blurred_thumbnail
from pipeline.report.markup import Html, Part, section, tag, thumbnail
from pipeline.report.roles import ROLE_NAMES, is_number, role_name
from pipeline.report.run_files import RunFiles
from pipeline.report.stage_files import StageFiles


def strips_section(run: RunFiles, strips: Mapping[str, Mapping[str, Any]], *, show_faces: bool = False) -> Html:
    """Show ranked lists of the same queries before and after adaptation, right and wrong framed.

    Args:
        run: the run's files.
        strips: parsed strips.json by evaluation stage.
        show_faces: show the crops as they are; else their upper part is blurred.
    """
    legend = tag(
        "p",
        "The ten nearest gallery images of each query, nearest first. ",
        tag("b", "✓ solid green"),
        ": the same person. ",
        tag("b", "✗ dashed red"),
        ": someone else. The number is the distance.",
        None if show_faces else " The upper part of every crop is blurred, so that nobody is recognised.",
        class_="soft",
    )
    parts: list[Part] = [legend]
    for stage in run.done():
        roles = pick_roles(strips.get(stage.name, {}))
        if len(strips) > 1 and roles:
            parts.append(tag("h3", f"Stage {stage.name}"))
        show = thumbnail if show_faces else _faceless
        parts += _pairs(stage, strips.get(stage.name, {}), roles, show=show)
    if len(parts) == 1:
        return section(
            "strips", "Retrieval before and after", tag("p", "No retrieval strips were left by an evaluation.")
        )
    return section("strips", "Retrieval before and after", *parts)


def pick_roles(by_role: Mapping[str, Any]) -> list[str]:
    """Return the two roles to put side by side: the student before and after where both are there.

    Args:
        by_role: what an evaluation has left, by role.
    """
    wanted = [role for role in ("student_direct", "student_adapted") if role in by_role]
    others = [role for role in ROLE_NAMES if role in by_role and role not in wanted]
    others += sorted(set(by_role) - set(ROLE_NAMES))
    chosen = wanted + (others[: 2 - len(wanted)] if len(wanted) < 2 else [])
    order = [*ROLE_NAMES, *others]
    return sorted(chosen, key=order.index)


def _faceless(encoded: object, *, alt: str) -> Html:
    return thumbnail(blurred_thumbnail(encoded), alt=alt)


def _pairs(
    stage: StageFiles, by_role: Mapping[str, Any], roles: Sequence[str], *, show: Callable[..., Html]
) -> list[Part]:
    lists = [by_role[role] if isinstance(by_role[role], list) else [] for role in roles]
    parts: list[Part] = []
    for entries in zip(*lists, strict=False):
        entries = tuple(entry if isinstance(entry, Mapping) else {} for entry in entries)
        label = str(entries[0].get("query_label", "query"))
        query = tag(
            "div",
            tag("span", "query"),
            show(entries[0].get("query"), alt=label),
            tag("span", label),
            class_="query",
        )
        strips = [_strip(role, entry, show=show) for role, entry in zip(roles, entries, strict=True)]
        parts.append(tag("div", query, *strips, class_="pair"))
    return parts


def _strip(role: str, entry: Mapping[str, Any], *, show: Callable[..., Html]) -> Html:
    results = [item for item in entry.get("results") or [] if isinstance(item, Mapping)]
    right = sum(item.get("correct") is True for item in results)
    title = f"{role_name({'role': role, 'model': role})}: {right} of {len(results)} right"
    hits = [_hit(place, item, show=show) for place, item in enumerate(results, start=1)]
    return tag("div", tag("span", title, class_="soft"), tag("div", *hits, class_="ten"), class_="strip")


def _hit(place: int, item: Mapping[str, Any], *, show: Callable[..., Html]) -> Html:
    right = item.get("correct") is True
    word = "right" if right else "wrong"
    distance = f"{item['distance']:.2f}" if is_number(item.get("distance")) else ""
    picture = show(item.get("thumb"), alt=f"rank {place}, {word}")
    return tag("div", picture, tag("i", "✓" if right else "✗", title=word), distance, class_=f"hit {word}")
