"""From a file, what it extends, and overrides to one plain tree that knows where each value came from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config.problems import Problem, raise_problems, suggestion
from pipeline.config.references import KeyPath
from pipeline.config.schema import RunConfig
from pipeline.config.strict_yaml import Positions, read_yaml

SIZE_LIMIT_BYTES = 1024 * 1024
# A mapping that changes its kind starts afresh: the arguments of the old kind mean nothing to the new one.
_KIND_KEYS = ("kind", "arch", "detector", "video")


@dataclass
class Source:
    """A merged configuration.

    Args:
        tree: plain values.
        positions: where each key came from.
    """

    tree: dict[str, Any]
    positions: Positions = field(default_factory=dict)

    def where(self, path: KeyPath) -> str:
        """Return the place of a key, or of the nearest key above it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.positions:
                return self.positions[path[:length]]
        return ""


def read_source(path: Path, overrides: list[str]) -> Source:
    """Read a configuration file with everything that it extends, then apply the overrides.

    Args:
        path: the file.
        overrides: texts `a.b.c=value`.

    Raises:
        ConfigError: a file can't be read, extends itself, or an override names no place.
    """
    source = _read_file(path, ())
    problems = [problem for text in overrides if (problem := _override(source, text))]
    raise_problems(problems)
    return source


def _read_file(path: Path, above: tuple[Path, ...]) -> Source:
    name, resolved = str(path), path.resolve()
    if resolved in above:
        chain = " → ".join(entry.name for entry in (*above, resolved))
        raise_problems([Problem(name, ("extends",), f"the files extend each other in a circle: {chain}")])
    try:
        data = path.read_bytes()
    except OSError as error:
        raise_problems([Problem(name, (), f"can't be read ({error.strerror})", "check the path")])
    if len(data) > SIZE_LIMIT_BYTES:
        raise_problems([Problem(name, (), f"{len(data)} bytes", f"a configuration has at most {SIZE_LIMIT_BYTES}")])
    try:
        tree, positions = read_yaml(data.decode(), name)
    except UnicodeDecodeError as error:
        raise_problems([Problem(name, (), f"not UTF-8 text ({error.reason})")])
    if not isinstance(tree, dict):
        raise_problems([Problem(name, (), "not a mapping", "a configuration begins with `schema: 1`")])
    child = Source(tree, positions)
    if "extends" not in tree:
        return child
    parent_name = tree.pop("extends")
    if not isinstance(parent_name, str):
        raise_problems([Problem(child.where(("extends",)), ("extends",), f"{parent_name!r}", "expected one file name")])
    parent = _read_file(path.parent / parent_name, (*above, resolved))
    _merge(parent, child, ())
    return parent


def _merge(parent: Source, child: Source, path: KeyPath) -> None:
    old, new = _at(parent.tree, path), _at(child.tree, path)
    for key, value in new.items():
        below = (*path, key)
        if isinstance(value, dict) and isinstance(old.get(key), dict) and not _changes_kind(old[key], value):
            _merge(parent, child, below)
            parent.positions[below] = child.positions[below]
        else:
            old[key] = value
            _take_positions(parent.positions, child.positions, below)


def _changes_kind(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any(key in new and key in old and new[key] != old[key] for key in _KIND_KEYS)


def _take_positions(target: Positions, origin: Positions, path: KeyPath) -> None:
    for stale in [entry for entry in target if entry[: len(path)] == path]:
        del target[stale]
    target.update({entry: where for entry, where in origin.items() if entry[: len(path)] == path})


def _override(source: Source, text: str) -> Problem | None:
    label = f"--set {text}"
    name, equals, value_text = text.partition("=")
    path = tuple(name.strip().split("."))
    if not equals or not all(path):
        return Problem(label, (), "not of the form a.b.c=value")
    value, _ = read_yaml(value_text, label)
    problem = _unknown_place(source.tree, path, label)
    if problem:
        return problem
    tree = source.tree
    for depth, key in enumerate(path[:-1]):
        if not isinstance(tree.get(key), dict):
            if tree.get(key) is not None:
                return Problem(label, path[: depth + 1], "not a mapping; it has no keys below it", "set it as a whole")
            tree[key] = {}
        tree = tree[key]
    tree[path[-1]] = value
    _take_positions(source.positions, {path: label}, path)
    return None


def _unknown_place(tree: dict[str, Any], path: KeyPath, label: str) -> Problem | None:
    sections = {field.alias or name for name, field in RunConfig.model_fields.items()}
    if path[0] not in sections:
        return Problem(label, path[:1], "unknown key", suggestion(str(path[0]), sections))
    if path[0] in ("data", "models", "stages") and len(path) > 2:
        # A misspelt name would otherwise begin a new, nearly empty entry.
        entries = tree.get(path[0]) or {}
        if isinstance(entries, dict) and path[1] not in entries:
            return Problem(label, path[:2], "unknown key", suggestion(str(path[1]), entries))
    return None


def _at(tree: Any, path: KeyPath) -> Any:
    for key in path:
        tree = tree[key]
    return tree
