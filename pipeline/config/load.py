"""Reads a whole configuration and checks everything that can be checked without opening any data."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.config.binding import ComponentTable, component_problems
from pipeline.config.graph import check_references
from pipeline.config.problems import Problem, raise_problems, suggestion
from pipeline.config.references import KeyPath
from pipeline.config.schema import DataConfig, DetectorConfig, ModelConfig, RunConfig, RuntimeConfig, VideoConfig
from pipeline.config.sources import Source, read_source
from pipeline.config.validation import validate
from pipeline.stage import Stage


def load_config(
    path: Path | str,
    overrides: Sequence[str],
    stages: Mapping[str, Stage],
    *,
    tables: Mapping[str, ComponentTable] | None = None,
) -> RunConfig:
    """Read a configuration file.

    Args:
        path: the YAML file; `extends:` in it is relative to it.
        overrides: texts `a.b.c=value`, applied last.
        stages: the known kinds of stages.
        tables: the known components; without them their arguments are not checked.

    Returns:
        The typed configuration.

    Raises:
        ConfigError: everything that is wrong, one line each.
    """
    return check_config(read_source(Path(path), list(overrides)), stages, tables or {})


def check_config(source: Source, stages: Mapping[str, Stage], tables: Mapping[str, ComponentTable]) -> RunConfig:
    """Turn a plain tree into a typed configuration.

    Args:
        source: the tree, with the place of each key.
        stages: the known kinds of stages.
        tables: the known components; those of absent tables are not checked.

    Raises:
        ConfigError: everything that is wrong, one line each.
    """
    problems: list[Problem] = []
    tree = dict(source.tree)
    sections: dict[str, dict[str, Any]] = {}
    for name, type_of in (("data", lambda _: DataConfig), ("models", _model_type)):
        sections[name], found = _entries(name, type_of, source)
        problems += found
    runtime, found = validate(RuntimeConfig, tree.get("runtime", {}), ("runtime",), source)
    problems += found
    sections["stages"], found = _stage_entries(source, stages)
    problems += found
    # The envelope is checked without its sections: those have told their own problems already.
    envelope = {**tree, "data": {}, "models": {}, "runtime": {}, "stages": {"placeholder": {"kind": ""}}}
    checked, found = validate(RunConfig, envelope, (), source)
    problems += found
    problems += _name_problems(source)
    if "stages" not in tree:
        problems.append(Problem(source.where(()), ("stages",), "required, but missing", "a run has one stage at least"))
    problems += check_references(sections, source, stages)
    problems += component_problems(sections, tables, source)
    raise_problems(problems)
    assert checked is not None
    assert runtime is not None
    return checked.model_copy(update={**sections, "runtime": runtime})


def _model_type(tree: Any) -> type[BaseModel]:
    if isinstance(tree, dict) and "video" in tree:
        return VideoConfig
    return DetectorConfig if isinstance(tree, dict) and "detector" in tree else ModelConfig


def _entries(
    section: str, type_of: Callable[[Any], type[BaseModel]], source: Source
) -> tuple[dict[str, BaseModel], list[Problem]]:
    entries, problems = _mapping(section, source)
    typed: dict[str, BaseModel] = {}
    for name, tree in entries.items():
        value, found = validate(type_of(tree), tree, (section, name), source)
        problems += found
        if value is not None:
            typed[name] = value
    return typed, problems


def _stage_entries(source: Source, stages: Mapping[str, Stage]) -> tuple[dict[str, Any], list[Problem]]:
    entries, problems = _mapping("stages", source)
    typed = {}
    for name, tree in entries.items():
        path: KeyPath = ("stages", name)
        kind = tree.get("kind") if isinstance(tree, dict) else None
        if not isinstance(tree, dict):
            problems.append(Problem(source.where(path), path, "not a mapping", "a stage has a `kind` and its settings"))
        elif not isinstance(kind, str):
            problems.append(
                Problem(source.where(path), (*path, "kind"), "required, but missing", suggestion("", stages))
            )
        elif kind not in stages:
            where = source.where((*path, "kind"))
            problems.append(Problem(where, (*path, "kind"), f"unknown kind {kind!r}", suggestion(kind, stages)))
        else:
            typed[name], found = validate(stages[kind].config_type, tree, path, source)
            problems += found
    return typed, problems


def _mapping(section: str, source: Source) -> tuple[dict[str, Any], list[Problem]]:
    entries = source.tree.get(section, {})
    if not isinstance(entries, dict) or (section == "stages" and section in source.tree and not entries):
        return {}, [Problem(source.where((section,)), (section,), "should be a mapping from names to settings")]
    return entries, []


def _name_problems(source: Source) -> list[Problem]:
    problems = []
    pattern = "a letter, then letters, digits, '_' or '-', 64 at most"
    for section in ("data", "models", "stages"):
        for name in _mapping(section, source)[0]:
            letters = name.replace("_", "a").replace("-", "a")
            if not (letters.isascii() and letters.isalnum() and name[0].isalpha() and len(name) <= 64):
                path: KeyPath = (section, name)
                problems.append(Problem(source.where(path), path, f"the name {name!r}", f"a name is {pattern}"))
    return problems
