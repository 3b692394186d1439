"""What makes two runs of a stage the same: the identity document, its hash, and the difference in words."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.config.references import KeyPath, NotSemantic, SilentDefault, marked_values


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the one JSON spelling of a document: sorted keys, no spaces, ASCII, 10.0 written as 10."""
    return json.dumps(_plain(document), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def fingerprint(document: Mapping[str, Any]) -> str:
    """Return the hexadecimal SHA-256 of a document's canonical JSON."""
    return hashlib.sha256(canonical(document)).hexdigest()


def semantic_tree(model: BaseModel) -> dict[str, Any]:
    """Return a configuration as plain values, without the values that only say how to run it."""
    tree = model.model_dump(mode="json", by_alias=True)
    for item in marked_values(model):
        is_silent = isinstance(item.mark, SilentDefault) and item.value == item.mark.default
        if is_silent or isinstance(item.mark, NotSemantic):
            _delete(tree, item.path)
    return tree


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Say in words how two identity documents differ.

    Args:
        old: the committed one.
        new: the one asked for now.

    Returns:
        Lines such as `objectives.relation.weight 25.0 → 10.0`, in the order of their keys.
    """
    before, after = dict(_leaves(old)), dict(_leaves(new))
    lines = []
    for path in sorted(before.keys() | after.keys(), key=lambda path: (_name(path), path)):
        key = _name(path)
        if path not in after:
            lines.append(f"{key} {_show(before[path])} → (absent)")
        elif path not in before:
            lines.append(f"{key} (absent) → {_show(after[path])}")
        elif canonical({"": before[path]}) != canonical({"": after[path]}):
            lines.append(f"{key} {_show(before[path])} → {_show(after[path])}")
    return lines


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # A user who writes 10 and one who writes 10.0 mean the same weight.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _delete(tree: Any, path: KeyPath) -> None:
    for key in path[:-1]:
        tree = tree[key]
    if isinstance(tree, dict):
        tree.pop(path[-1], None)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            yield from _leaves(entry, (*path, key))
    else:
        yield path, value


def _name(path: tuple[str, ...]) -> str:
    # The settings are what a user knows by name; their envelope is not.
    return ".".join(path[1:] if len(path) > 1 and path[0] in ("", "config") else path)


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    is_digest = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return value[:12] if is_digest else text
