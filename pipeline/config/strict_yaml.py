"""A small, strict YAML: JSON's values in YAML's spelling, with the line of every key.

Differs from PyYAML's default reading: a key may stand only once, `3e-4` is a number, only true and false are booleans
(`off`, `no`, `on`, `yes` are texts), and there are no tags, anchors, dates or merge keys.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.config.problems import Problem, raise_problems
from pipeline.config.references import KeyPath

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE, _FALSE = re.compile(r"true|True|TRUE"), re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_PLAIN_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class _TextLoader(yaml.SafeLoader):
    """Resolves every scalar to text; this module decides what the plain ones are."""


_TextLoader.yaml_implicit_resolvers = {}

Positions = dict[KeyPath, str]


def read_yaml(text: str, source: str) -> tuple[Any, Positions]:
    """Read one YAML document.

    Args:
        text: the document.
        source: what the messages call it: a file name or an override.

    Returns:
        The plain value, and `source:line` of every key and entry.

    Raises:
        ConfigError: the text is not YAML, or uses what is refused here; all such places are named.
    """
    reader = _Reader(source)
    try:
        for event in yaml.parse(text, Loader=_TextLoader):
            # Looked for before the nodes are built: there an alias can no longer be told from what it stands for.
            if anchor := getattr(event, "anchor", None):
                reader.refuse(event.start_mark, (), f"anchor or alias {anchor!r}", "write the value out")
        raise_problems(reader.problems)
        node = yaml.compose(text, Loader=_TextLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{source}:{mark.line + 1}" if mark else source
        raise_problems([Problem(where, (), f"not valid YAML ({error.problem})")])
    except (yaml.YAMLError, RecursionError) as error:
        raise_problems([Problem(source, (), f"not valid YAML ({error})")])
    value = None if node is None else reader.value(node, ())
    raise_problems(reader.problems)
    return value, reader.positions


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.positions: Positions = {}
        self.problems: list[Problem] = []

    def refuse(self, mark: Any, path: KeyPath, text: str, hint: str = "") -> None:
        self.problems.append(Problem(f"{self.source}:{mark.line + 1}", path, text, hint))

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.positions.setdefault(path, f"{self.source}:{node.start_mark.line + 1}")
        if node.tag not in _PLAIN_TAGS:
            self.refuse(node.start_mark, path, f"tag {node.tag!r}", "tags are not supported; write a plain value")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(entry, (*path, position)) for position, entry in enumerate(node.value)]
        is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return plain_scalar(node.value) if is_plain else node.value

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.refuse(key_node.start_mark, path, "a list or a mapping as a key", "keys are plain texts")
                continue
            key = key_node.value
            below = (*path, key)
            if key in result:
                first = self.positions[below].rsplit(":", 1)[1]
                self.refuse(key_node.start_mark, below, f"the key stands here again, first in line {first}", "keep one")
                continue
            self.positions[below] = f"{self.source}:{key_node.start_mark.line + 1}"
            result[key] = self.value(value_node, below)
        return result


def plain_scalar(text: str) -> Any:
    """Return the value of an unquoted YAML 1.2 scalar (core schema, plus `3e-4` and without octal numbers)."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text) or _INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1)) if _INFINITE.fullmatch(text) else float(text)
    return text


def write_yaml(tree: Mapping[str, Any]) -> str:
    """Return a tree as YAML text that `read_yaml` reads back to the same values."""
    return yaml.dump(tree, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=120)


class _Writer(yaml.SafeDumper):
    """Writes texts in quotes wherever `read_yaml` would take them for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_text(writer: _Writer, text: str) -> yaml.Node:
    # Unprintable characters, line ends among them, survive in double quotes only.
    style = None if isinstance(plain_scalar(text), str) and text.isprintable() else '"'
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _write_float(writer: _Writer, number: float) -> yaml.Node:
    words = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}
    text = repr(number) if "." in repr(number) else repr(number).replace("e", ".0e")
    return writer.represent_scalar("tag:yaml.org,2002:float", words.get(repr(number), text))


_Writer.add_representer(str, _write_text)
_Writer.add_representer(float, _write_float)
