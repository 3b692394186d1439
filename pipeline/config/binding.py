"""Checks components' arguments against their constructors' signatures, so that nothing is declared twice."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from pipeline.config.problems import Problem, raise_problems, suggestion
from pipeline.config.references import Component, ComponentName, Components, KeyPath, marked_values
from pipeline.config.schema import DataConfig, RunConfig
from pipeline.config.sources import Source
from pipeline.config.validation import validate

# Among a table's further keys: names the component where the entry's key is a name of one's own.
USE = "use"


@dataclass(frozen=True)
class ComponentTable:
    """The components of one kind that a configuration may name.

    Args:
        entries: constructors by name; their parameters are the arguments that a configuration may give.
        extra: further keys of an entry and their types, read by whoever builds it (`{"weight": float}`); with `use`
            among them one component can stand twice, under names of one's own.
        supplied: parameters that whoever builds it fills in; a configuration can't.
        refuse: says of a component's name and arguments, its further keys included, why they can't be; None where they
            can. It is asked once every argument has been found to fit the signature.
    """

    entries: Mapping[str, Callable[..., Any]]
    extra: Mapping[str, Any] = field(default_factory=dict)
    supplied: tuple[str, ...] = ()
    refuse: Callable[[str, Mapping[str, Any]], str | None] | None = None


@dataclass(frozen=True)
class Bound:
    """A component with checked arguments.

    Args:
        constructor: the table's entry.
        arguments: keyword arguments given in the configuration, converted to the parameters' types.
        extra: the table's further keys that were given.
    """

    constructor: Callable[..., Any]
    arguments: Mapping[str, Any]
    extra: Mapping[str, Any]


def check(config: RunConfig, tables: Mapping[str, ComponentTable]) -> None:
    """Check every component that a configuration names.

    Args:
        config: the whole configuration.
        tables: by the name that the settings' marks carry; marks of absent tables are not checked.

    Raises:
        ConfigError: all unknown names and arguments, missing arguments and wrong types.
    """
    raise_problems(component_problems({"data": config.data, "models": config.models, "stages": config.stages}, tables))


def component_problems(
    sections: Mapping[str, Mapping[str, BaseModel | None]],
    tables: Mapping[str, ComponentTable],
    source: Source | None = None,
) -> list[Problem]:
    """Return what is wrong with the components of a configuration.

    Args:
        sections: the typed parts; an entry with problems of its own may be None.
        tables: as in `check`.
        source: tells the file and line of each key; None leaves them out.
    """
    source = source or Source({})
    problems = []
    for section, entries in sections.items():
        for name, model in entries.items():
            for path, table_name, component, arguments in _named(model):
                if table_name in tables:
                    table, place = tables[table_name], (section, name, *path)
                    if USE in table.extra and arguments:
                        component = arguments.get(USE, component)
                    found = _check_one(table, component, arguments, place=place, source=source)
                    problems += [_without_root(problem, arguments) for problem in found]
    return problems


def _without_root(problem: Problem, arguments: Mapping[str, Any] | None) -> Problem:
    """Say what to do about a data set whose `root: null` waits for the user's folder."""
    is_meant = len(problem.path) == 3 and problem.path[0] == "data" and problem.path[2] == "root"
    if not is_meant or not arguments or arguments.get("root", "") is not None:
        return problem
    hint = f"give it by --set data.{problem.path[1]}.root=FOLDER"
    return replace(problem, text="null: should be a folder", hint=hint)


def bind(table: ComponentTable, name: str, arguments: Mapping[str, Any]) -> Bound:
    """Convert the arguments of one component to its parameters' types.

    Args:
        table: the component's table.
        name: the component.
        arguments: as the configuration gives them, the table's further keys included.

    Raises:
        ConfigError: the name is unknown, or an argument is unknown, missing or of a wrong type.
    """
    raise_problems(_check_one(table, name, arguments, place=(name,), source=Source({})))
    typed, _ = validate(arguments_model(table, name), dict(arguments), (), Source({}))
    assert typed is not None
    fields = type(typed).model_fields
    given = {str(fields[key].alias): getattr(typed, key) for key in fields if key in typed.model_fields_set}
    given |= typed.model_extra or {}
    extra = {key: given.pop(key) for key in table.extra if key in given}
    return Bound(table.entries[name], given, extra)


def arguments_model(table: ComponentTable, name: str) -> type[BaseModel]:
    """Return the type of one component's arguments, made from its constructor's signature."""
    constructor = table.entries[name]
    parameters = inspect.signature(constructor).parameters.values()
    hints = _hints(constructor)
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    fields: dict[str, Any] = {}
    for position, parameter in enumerate(parameters):
        if parameter.name in table.supplied or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        # Field names of our own: a parameter may be called like a method of pydantic's model.
        hint = hints.get(parameter.name, Any)
        fields[f"argument_{position}"] = (hint, Field(default=default, alias=parameter.name))
    for position, (key, hint) in enumerate(table.extra.items()):
        fields[f"extra_{position}"] = (hint, Field(default=None, alias=key))
    settings = ConfigDict(extra="allow" if open_ended else "forbid", arbitrary_types_allowed=True)
    return create_model(f"{name} arguments", __config__=settings, **fields)


def _hints(constructor: Callable[..., Any]) -> dict[str, Any]:
    target: Any = constructor.func if isinstance(constructor, partial) else constructor
    return get_type_hints(target.__init__ if inspect.isclass(target) else target, include_extras=True)


def _named(model: BaseModel | None) -> Iterator[tuple[KeyPath, str, Any, Mapping[str, Any] | None]]:
    """Yield place, table, name and arguments of every component; None where a bare name has no arguments."""
    if isinstance(model, DataConfig):
        # Data that is not given, or not made yet, has no root, which is no mistake; its other arguments are checked.
        has_root = model.is_given and model.made_by is None
        yield (), "data", model.kind, model.arguments if has_root else {**model.arguments, "root": "."}
        return
    for item in marked_values(model) if model is not None else ():
        if item.value is None:
            continue
        if isinstance(item.mark, Components):
            for name, arguments in item.value.items():
                yield (*item.path, name), item.mark.table, name, arguments or {}
        elif isinstance(item.mark, Component):
            arguments = {key: value for key, value in item.value.items() if key != "kind"}
            yield item.path, item.mark.table, item.value.get("kind"), arguments
        elif isinstance(item.mark, ComponentName):
            yield item.path, item.mark.table, item.value, None


def _check_one(
    table: ComponentTable, name: Any, arguments: Mapping[str, Any] | None, *, place: KeyPath, source: Source
) -> list[Problem]:
    if not isinstance(name, str) or name not in table.entries:
        text = "a component needs a `kind`" if name is None else f"unknown name {name!r}"
        return [Problem(source.where(place), place, text, suggestion(str(name or ""), table.entries))]
    if arguments is None:
        return []
    problems = validate(arguments_model(table, name), dict(arguments), place, source)[1]
    reason = table.refuse(name, arguments) if table.refuse is not None and not problems else None
    return problems if reason is None else [Problem(source.where(place), place, reason)]
