"""The marks that stage settings carry in their types, and the walk that finds every marked value."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

T = TypeVar("T")
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Reference:
    """The text names a model, a data set, or an artifact of another stage.

    Args:
        kind: what is named.
        droppable: leave this entry of a list or a mapping out where the thing named is not given, instead of
            skipping the whole stage.
    """

    kind: Literal["model", "detector", "video", "data", "artifact"]
    droppable: bool = False


@dataclass(frozen=True)
class Components:
    """The mapping's keys are names from a component table; each value holds that component's arguments."""

    table: str


@dataclass(frozen=True)
class Component:
    """The mapping's `kind` is a name from a component table; its other keys are that component's arguments."""

    table: str


@dataclass(frozen=True)
class ComponentName:
    """The text is a name from a component table, used without arguments."""

    table: str


@dataclass(frozen=True)
class NotSemantic:
    """The value changes how a stage is run, never what comes out; it is left out of the fingerprint."""


@dataclass(frozen=True)
class SilentDefault:
    """The value is left out of the fingerprint where it is the default, so that older runs stay what they are."""

    default: Any


Mark = Reference | Components | Component | ComponentName | NotSemantic | SilentDefault

ModelRef = Annotated[str, Reference("model")]
DetectorRef = Annotated[str, Reference("detector")]
VideoRef = Annotated[str, Reference("video")]
DataRef = Annotated[str, Reference("data")]
ArtifactRefName = Annotated[str, Reference("artifact")]
DroppableDataRef = Annotated[str, Reference("data", droppable=True)]
DroppableArtifactRefName = Annotated[str, Reference("artifact", droppable=True)]
Operational = Annotated[T, NotSemantic()]


@dataclass(frozen=True)
class Marked:
    """One marked value of a configuration.

    Args:
        path: keys and list positions from the model down to the value.
        mark: the mark in the type.
        value: the value found there.
    """

    path: KeyPath
    mark: Mark
    value: Any


def marked_values(model: BaseModel) -> Iterator[Marked]:
    """Yield every marked value of a configuration in the order of its fields."""
    for name, field in type(model).model_fields.items():
        key = field.alias or name
        value = getattr(model, name)
        for mark in field.metadata:
            if isinstance(mark, Mark):
                yield Marked((key,), mark, value)
        yield from _below(field.annotation, value, (key,))


def references(model: BaseModel) -> list[tuple[KeyPath, Reference, str]]:
    """Return all references of a configuration as (path, mark, name)."""
    found = []
    for item in marked_values(model):
        if isinstance(item.mark, Reference) and isinstance(item.value, str):
            found.append((item.path, item.mark, item.value))
    return found


def _below(annotation: Any, value: Any, path: KeyPath) -> Iterator[Marked]:
    if isinstance(value, BaseModel):
        for item in marked_values(value):
            yield Marked(path + item.path, item.mark, item.value)
        return
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            if isinstance(mark, Mark) and value is not None:
                yield Marked(path, mark, value)
    for inner, entry, below in _parts(annotation, value, path):
        yield from _below(inner, entry, below)


def _parts(annotation: Any, value: Any, path: KeyPath) -> list[tuple[Any, Any, KeyPath]]:
    """Return the types directly inside a type, each with the value and place that it stands for."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return [(arguments[0], value, path)]
    if origin in (Union, types.UnionType):
        return [(arm, value, path) for arm in arguments]
    if isinstance(value, Mapping) and len(arguments) == 2:
        return [(arguments[1], entry, (*path, key)) for key, entry in value.items()]
    if isinstance(value, list | tuple) and arguments:
        has_own_types = origin is tuple and Ellipsis not in arguments
        inner = arguments if has_own_types else [arguments[0]] * len(value)
        return [(kind, entry, (*path, i)) for i, (kind, entry) in enumerate(zip(inner, value, strict=True))]
    return []
