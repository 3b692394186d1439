"""The JSON Schema of a run's configuration, with which editors complete keys and mark mistakes."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.config.binding import USE, ComponentTable, arguments_model
from pipeline.config.references import Component, ComponentName, Components
from pipeline.config.schema import DataConfig, ModelConfig, RunConfig
from pipeline.stage import Stage

_REFERENCE = "#/$defs/{model}"


def json_schema(stages: Mapping[str, Stage], tables: Mapping[str, ComponentTable]) -> dict[str, Any]:
    """Return the schema.

    Args:
        stages: the known kinds of stages.
        tables: the known components.
    """
    schema = RunConfig.model_json_schema(ref_template=_REFERENCE)
    definitions = schema["$defs"]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["extends"] = {"type": "string", "description": "a file whose values this one overrides"}
    # What a file leaves out may stand in the one that it extends.
    schema["required"] = []
    for kind, stage in stages.items():
        definitions[f"stage {kind}"] = _entry(stage.config_type, definitions, tables, kind=kind)
    schema["properties"]["stages"]["additionalProperties"] = {"anyOf": [_pointer(f"stage {kind}") for kind in stages]}
    if "data" in tables:
        for kind in tables["data"].entries:
            definitions[f"data {kind}"] = _data(kind, tables["data"], definitions)
        pointers = [_pointer(f"data {kind}") for kind in tables["data"].entries]
        schema["properties"]["data"]["additionalProperties"] = {"anyOf": pointers}
    _mark_components(ModelConfig, definitions["ModelConfig"], definitions, tables)
    return schema


def _pointer(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _entry(
    model: type[BaseModel], definitions: dict[str, Any], tables: Mapping[str, ComponentTable], *, kind: str
) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REFERENCE)
    definitions.update(schema.pop("$defs", {}))
    schema["properties"]["kind"] = {"const": kind}
    schema["required"] = ["kind"]
    _mark_components(model, schema, definitions, tables)
    return schema


def _mark_components(
    model: type[BaseModel], schema: dict[str, Any], definitions: dict[str, Any], tables: Mapping[str, ComponentTable]
) -> None:
    """Replace the open mappings of components by what their tables say; settings nested deeper stay open."""
    for name, field in model.model_fields.items():
        for mark in field.metadata:
            if not isinstance(mark, Components | Component | ComponentName) or mark.table not in tables:
                continue
            table, key = tables[mark.table], field.alias or name
            if isinstance(mark, ComponentName):
                schema["properties"][key] = {"enum": sorted(table.entries)}
            elif isinstance(mark, Components):
                properties = {entry: _arguments(table, entry, definitions) for entry in sorted(table.entries)}
                schema["properties"][key] = {
                    "type": "object",
                    "properties": properties,
                    "additionalProperties": {"type": "object", "required": [USE]} if USE in table.extra else False,
                }
            else:
                options = [_with_kind(_arguments(table, entry, definitions), entry) for entry in sorted(table.entries)]
                schema["properties"][key] = {"anyOf": options}


def _arguments(table: ComponentTable, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = arguments_model(table, name).model_json_schema(ref_template=_REFERENCE)
    definitions.update(schema.pop("$defs", {}))
    schema.pop("title", None)
    return schema


def _with_kind(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    schema["properties"] = {"kind": {"const": kind}, **schema.get("properties", {})}
    schema["required"] = ["kind", *schema.get("required", [])]
    return schema


def _data(kind: str, table: ComponentTable, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _with_kind(_arguments(table, kind, definitions), kind)
    own = DataConfig.model_json_schema(ref_template=_REFERENCE)["properties"]
    schema["properties"]["optional"] = own["optional"]
    if "root" in schema["properties"]:
        schema["properties"]["root"] = own["root"]
        schema["properties"]["from"] = own["from"]
    schema["required"] = ["kind"]
    return schema
