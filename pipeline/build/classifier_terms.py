"""What the terms of a plain classifier need, checked when a configuration is read."""

from collections.abc import Mapping
from typing import Any

from pipeline.build.tables import DEFAULT_DOMAINS, OBJECTIVES, needs_labels
from pipeline.losses.objective import is_between_domains
from pipeline.training.scoped import ACROSS, SOURCE, TARGET

Entries = Mapping[str, Mapping[str, Any]]


def classifier_terms(entries: Entries, *, has_target: bool) -> dict[str, dict[str, Any]]:
    """Return the entries with the domain of each: all work on the source where there is no target.

    Args:
        entries: arguments by name, with `weight`, `on` and `use` among them.
        has_target: whether there are unlabelled images.
    """
    placed = {}
    for name, arguments in entries.items():
        domains = list(_domains(name, arguments, has_target=has_target))
        placed[name] = dict(arguments) if domains == [ACROSS] else {**arguments, "on": domains}
    return placed


def classifier_term_problems(entries: Entries, *, has_teacher: bool, has_target: bool) -> list[str]:
    """Say which terms lack what they need, one sentence each; unknown names are left to others.

    Args:
        entries: arguments by name.
        has_teacher: whether somebody teaches.
        has_target: whether there are unlabelled images.
    """
    problems = []
    for name, arguments in entries.items():
        kind = OBJECTIVES.get(str(arguments.get("use", name)))
        if kind is None:
            continue
        domains = _domains(name, arguments, has_target=has_target)
        if hasattr(kind, "hears_memory"):
            problems.append(f"objective {name} hears an earlier network, which only a progressive_kd remembers")
        elif kind.needs_teacher and not has_teacher:  # type: ignore[attr-defined]
            problems.append(f"objective {name} listens to a teacher; give `teacher`")
        elif not has_target and not {SOURCE} >= set(domains):
            problems.append(f"objective {name} works on the target; give `target`")
        elif hasattr(kind, "reset"):
            problems.append(f"objective {name} learns from clusters, which only a progressive_kd has")
        elif needs_labels(str(arguments.get("use", name)), arguments) and TARGET in domains:
            problems.append(f"objective {name} needs labels, and those of the target are not read; put it on: [source]")
    return problems


def reads_target(entries: Entries) -> bool:
    """Return whether any of the terms looks at the unlabelled images.

    Args:
        entries: arguments by name.
    """
    return any(
        {TARGET, ACROSS} & set(_domains(name, arguments, has_target=True)) for name, arguments in entries.items()
    )


def _domains(name: str, arguments: Mapping[str, Any], *, has_target: bool) -> tuple[str, ...]:
    use = str(arguments.get("use", name))
    if use in OBJECTIVES and is_between_domains(OBJECTIVES[use]):
        return (ACROSS,)
    if arguments.get("on"):
        return tuple(arguments["on"])
    if not has_target:
        return (SOURCE,)
    # What reads no labels learns from all images there are.
    return DEFAULT_DOMAINS.get(use, (SOURCE,) if needs_labels(use, arguments) else (SOURCE, TARGET))
