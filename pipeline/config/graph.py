"""The graph that references between stages make: what is dangling, what goes in a circle, and in which order to run."""

from collections.abc import Mapping
from typing import Any

from pipeline.config.problems import Problem, suggestion
from pipeline.config.references import KeyPath, references
from pipeline.config.schema import StageConfig
from pipeline.config.sources import Source
from pipeline.stage import Stage

_SECTIONS = {"model": "models", "detector": "models", "data": "data"}


def check_references(sections: Mapping[str, Any], source: Source, stages: Mapping[str, Stage]) -> list[Problem]:
    """Check that every reference of every stage names something that is there.

    Args:
        sections: the typed parts `data`, `models`, `stages`; a stage with problems of its own is None.
        source: the plain tree, which also has the names of parts with problems.
        stages: the known kinds of stages.

    Returns:
        The problems, circles included.
    """
    problems = []
    for stage_name, config in sections["stages"].items():
        for path, mark, name in references(config) if config is not None else []:
            if mark.kind == "artifact":
                withheld = _withheld(sections["stages"].get(name.partition(".")[0]))
                text, hint = _artifact_problem(name, source, stages, withheld=withheld)
            else:
                section = _SECTIONS[mark.kind]
                known = source.tree.get(section) or {}
                text = "" if name in known else f"{name!r} is not in {section}"
                hint = suggestion(name, known)
                if not text and section == "models":
                    text, hint = _model_problem(name, known[name], wanted=mark.kind)
            if text:
                full: KeyPath = ("stages", stage_name, *path)
                problems.append(Problem(source.where(full), full, text, hint))
    circle = find_circle({name: config for name, config in sections["stages"].items() if config is not None})
    if circle:
        first: KeyPath = ("stages", circle[0])
        problems.append(Problem(source.where(first), first, f"stages wait for each other: {' → '.join(circle)}"))
    return problems


def _model_problem(name: str, tree: Any, *, wanted: str) -> tuple[str, str]:
    """Refuse a detector where a re-ID network is meant, and the other way round."""
    is_detector = isinstance(tree, Mapping) and "detector" in tree
    if is_detector == (wanted == "detector"):
        return "", ""
    if is_detector:
        return f"{name!r} is a detector", "this stage takes a re-ID network, one without the key `detector`"
    return f"{name!r} is a re-ID network", "this stage takes a model with `detector: fcos` or `detector: faster_rcnn`"


def dependencies(config: StageConfig) -> list[str]:
    """Return the names of the stages whose artifacts a stage reads, in the order of its fields, each once."""
    names = [name.partition(".")[0] for _, mark, name in references(config) if mark.kind == "artifact"]
    return list(dict.fromkeys(names))


def find_circle(stages: Mapping[str, StageConfig]) -> list[str]:
    """Return one circle of stages that wait for each other, its first name repeated at the end; or nothing."""
    done: set[str] = set()

    def visit(name: str, above: list[str]) -> list[str]:
        if name in above:
            return [*above[above.index(name) :], name]
        if name in done or name not in stages:
            return []
        for needed in dependencies(stages[name]):
            if circle := visit(needed, [*above, name]):
                return circle
        done.add(name)
        return []

    for name in stages:
        if circle := visit(name, []):
            return circle
    return []


def run_order(stages: Mapping[str, StageConfig], until: str | None = None) -> list[str]:
    """Return the stages so that each comes after what it needs, otherwise in the order of the file.

    Args:
        stages: typed stages by name, without circles.
        until: only this stage and what it needs.
    """
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in order:
            for needed in dependencies(stages[name]):
                visit(needed)
            order.append(name)

    for name in [until] if until else stages:
        visit(name)
    return order


def _withheld(config: StageConfig | None) -> tuple[str, ...]:
    return config.withheld_roles if config is not None else ()


def _artifact_problem(
    name: str, source: Source, stages: Mapping[str, Stage], *, withheld: tuple[str, ...]
) -> tuple[str, str]:
    stage_name, dot, role = name.partition(".")
    known = source.tree.get("stages") or {}
    if not dot or not role:
        return f"{name!r} is not of the form stage.role", "for example pretrain.best"
    if stage_name not in known:
        return f"there is no stage {stage_name!r}", suggestion(stage_name, known)
    kind = known[stage_name].get("kind") if isinstance(known[stage_name], dict) else None
    provided = stages[kind].provides if isinstance(kind, str) and kind in stages else None
    if provided is not None and role in withheld:
        return f"stage {stage_name!r} ({kind}) leaves no {role!r} with its settings", ""
    if provided is not None and role not in provided:
        return f"stage {stage_name!r} ({kind}) leaves no {role!r}", suggestion(role, provided)
    return "", ""
