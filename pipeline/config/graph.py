"""The graph that references between stages make: what is dangling, what goes in a circle, and in which order to run."""

from collections.abc import Mapping
from typing import Any

from pipeline.config.made_data import needed_artifacts
from pipeline.config.problems import Problem, suggestion
from pipeline.config.references import KeyPath, references
from pipeline.config.schema import DataConfig, StageConfig
from pipeline.config.sources import Source
from pipeline.stage import Stage

_SECTIONS = {"model": "models", "detector": "models", "video": "models", "data": "data"}
# By the key that tells it: what a model is, and how to write one.
_MODELS = {
    "model": ("a re-ID network", "one without the keys `detector` and `video`"),
    "detector": ("a detector", "one with `detector: fcos` or `detector: faster_rcnn`"),
    "video": ("a network of clips", "one with `video: coupled`"),
}


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
    problems += _problems_of_made_data(sections, source, stages)
    known_data = {name: entry for name, entry in sections["data"].items() if entry is not None}
    circle = find_circle(
        {name: config for name, config in sections["stages"].items() if config is not None}, known_data
    )
    if circle:
        first: KeyPath = ("stages", circle[0])
        problems.append(Problem(source.where(first), first, f"stages wait for each other: {' → '.join(circle)}"))
    return problems


def _model_problem(name: str, tree: Any, *, wanted: str) -> tuple[str, str]:
    """Refuse a detector where a re-ID network is meant, and so on."""
    keys = [key for key in ("detector", "video") if isinstance(tree, Mapping) and key in tree]
    found = keys[0] if keys else "model"
    if found == wanted:
        return "", ""
    return f"{name!r} is {_MODELS[found][0]}", f"this stage takes {_MODELS[wanted][0]}, {_MODELS[wanted][1]}"


def dependencies(config: StageConfig, data: Mapping[str, DataConfig]) -> list[str]:
    """Return the names of the stages whose artifacts a stage reads, in the order of its fields, each once.

    Args:
        config: the stage.
        data: the data section, for what other stages make.
    """
    return list(dict.fromkeys(name.partition(".")[0] for name in needed_artifacts(config, data)))


def find_circle(stages: Mapping[str, StageConfig], data: Mapping[str, DataConfig]) -> list[str]:
    """Return one circle of stages that wait for each other, its first name repeated at the end; or nothing.

    Args:
        stages: typed stages by name.
        data: the data section.
    """
    done: set[str] = set()

    def visit(name: str, above: list[str]) -> list[str]:
        if name in above:
            return [*above[above.index(name) :], name]
        if name in done or name not in stages:
            return []
        for needed in dependencies(stages[name], data):
            if circle := visit(needed, [*above, name]):
                return circle
        done.add(name)
        return []

    for name in stages:
        if circle := visit(name, []):
            return circle
    return []


def run_order(
    stages: Mapping[str, StageConfig], until: str | None = None, *, data: Mapping[str, DataConfig] | None = None
) -> list[str]:
    """Return the stages so that each comes after what it needs, otherwise in the order of the file.

    Args:
        stages: typed stages by name, without circles.
        until: only this stage and what it needs.
        data: the data section; None where no stage makes data.
    """
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in order:
            for needed in dependencies(stages[name], data or {}):
                visit(needed)
            order.append(name)

    for name in [until] if until else stages:
        visit(name)
    return order


def _problems_of_made_data(sections: Mapping[str, Any], source: Source, stages: Mapping[str, Stage]) -> list[Problem]:
    problems = []
    for name, entry in sections["data"].items():
        if entry is None or entry.made_by is None:
            continue
        withheld = _withheld(sections["stages"].get(entry.made_by.partition(".")[0]))
        text, hint = _artifact_problem(entry.made_by, source, stages, withheld=withheld)
        if text:
            path: KeyPath = ("data", name, "from")
            problems.append(Problem(source.where(path), path, text, hint))
    return problems


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
