"""Files of methods: what each changes in the stage that is varied, and which differences it declares."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.strict_yaml import read_yaml
from pipeline.errors import ConfigError

EXCEPTIONS = "exceptions"


@dataclass(frozen=True)
class Method:
    """One method of a comparison.

    Args:
        change: what it changes in the stage; `objectives` are added to those of the stage.
        exceptions: reasons by name of a setting in which it may differ from the others.
    """

    change: Mapping[str, Any]
    exceptions: Mapping[str, str] = field(default_factory=dict)


def read_methods(path: Path, only: str, *, baseline: str | None) -> dict[str, Method]:
    """Return the chosen methods of a file.

    Args:
        path: YAML file, a mapping of mappings.
        only: comma-separated names; empty takes all.
        baseline: has to be one of them.

    Raises:
        ConfigError: the file is no such mapping, or a name is not in it.
    """
    try:
        tree, _ = read_yaml(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise ConfigError(f"{path} can't be read ({error.strerror})", "a YAML file of methods") from error
    if not isinstance(tree, dict) or not all(isinstance(change, dict) for change in tree.values()):
        raise ConfigError(f"{path} is not a mapping of methods", "NAME: {what it changes in the stage}")
    names = list(dict.fromkeys(name for name in only.split(",") if name)) or list(tree)
    for name in [*names, *([] if baseline is None else [baseline])]:
        if name not in tree or (name == baseline and name not in names):
            raise ConfigError(f"there is no method {name!r}", f"one of {', '.join(names if name in tree else tree)}")
    return {name: _method(name, tree[name]) for name in names}


def _method(name: str, tree: Mapping[str, Any]) -> Method:
    exceptions = tree.get(EXCEPTIONS, {})
    if not isinstance(exceptions, dict) or not all(isinstance(why, str) and why for why in exceptions.values()):
        raise ConfigError(
            f"{name} has exceptions that are no reasons by setting", "exceptions: {optimizer: why it differs}"
        )
    return Method({key: value for key, value in tree.items() if key != EXCEPTIONS}, exceptions)


def changed(
    stage: Mapping[str, Any], change: Mapping[str, Any], *, known: Collection[str] | None = None
) -> dict[str, Any]:
    """Return a stage with a method's objectives beside its own, and the method's other settings in place of its own.

    Args:
        stage: the settings that all methods share.
        change: of the method; `objectives: null` takes those of the method's mode.
        known: settings of the kind of stage that the method makes of it; others of the stage are left out. None where
            the kind stays.
    """
    merged = {**{key: value for key, value in stage.items() if known is None or key in known}, **change}
    if change.get("objectives") is not None:
        merged["objectives"] = {**(stage["objectives"] or {}), **change["objectives"]}
    return merged
