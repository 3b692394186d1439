"""Checks a plain tree against pydantic models and says what is wrong in a user's words."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from pipeline.config.problems import Problem, suggestion
from pipeline.config.references import KeyPath
from pipeline.config.sources import Source

M = TypeVar("M", bound=BaseModel)
_SWITCH_WORDS = ("on", "off", "yes", "no")


def validate(model: type[M], tree: Any, path: KeyPath, source: Source) -> tuple[M | None, list[Problem]]:
    """Check one part of a configuration.

    Args:
        model: the part's type.
        tree: its plain value.
        path: where the part stands.
        source: tells the file and line of each key.

    Returns:
        The typed part, or None together with all problems found in it.
    """
    try:
        # Strict JSON mode: a list may become a tuple, but "4" does not become 4 and true does not become 1.0.
        return model.model_validate_json(json.dumps(tree), strict=True), []
    except ValidationError as error:
        return None, _problems(error, model, tree, (path, source))


def _problems(
    error: ValidationError, model: type[BaseModel], tree: Any, place: tuple[KeyPath, Source]
) -> list[Problem]:
    prefix, source = place
    merged: dict[KeyPath, tuple[list[str], str]] = {}
    for detail in error.errors(include_url=False):
        path, text, hint = _describe(dict(detail), model, tree)
        texts, _ = merged.setdefault(path, ([], hint))
        if text not in texts:
            texts.append(text)
    return [
        Problem(source.where(prefix + path), prefix + path, " or ".join(texts), hint)
        for path, (texts, hint) in merged.items()
    ]


def _describe(detail: dict[str, Any], model: type[BaseModel], tree: Any) -> tuple[KeyPath, str, str]:
    kind, location, value = detail["type"], tuple(detail["loc"]), detail.get("input")
    path = _existing(tree, location)
    if kind == "extra_forbidden":
        return path, "unknown key", suggestion(str(location[-1]), _fields_at(model, path[:-1]))
    if kind == "missing":
        path = _existing(tree, location[:-1])
        return (*path, location[-1]), "required, but missing", ""
    hint = ""
    if kind.startswith("bool") and value in _SWITCH_WORDS:
        hint = f"{value} is a text here; write {'true' if value in ('on', 'yes') else 'false'}"
    elif kind == "literal_error":
        expected = [part.strip(" '") for part in detail["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        guess = suggestion(value, expected) if isinstance(value, str) else ""
        # The message itself lists what is allowed.
        hint = guess if guess.startswith("did you mean") else ""
    message = detail["msg"].replace("Input should", "should").replace("Value error, ", "")
    return path, message if isinstance(value, dict) else f"{_short(value)}: {message}", hint


def _existing(tree: Any, location: Iterable[str | int]) -> KeyPath:
    """Drop what pydantic adds to a location (arms of a union, `[key]`) and keep the user's keys."""
    path: KeyPath = ()
    for part in location:
        if isinstance(tree, dict) and part in tree:
            tree = tree[part]
        elif isinstance(tree, list) and isinstance(part, int):
            tree = tree[part] if part < len(tree) else None
        else:
            continue
        path = (*path, part)
    return path


def _fields_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    current: type[BaseModel] | None = model
    for part in path:
        field = current.model_fields.get(str(part)) if current else None
        current = _model_in(field.annotation) if field else current
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
