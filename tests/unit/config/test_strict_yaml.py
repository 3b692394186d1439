"""What the strict YAML reads, refuses and writes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.strict_yaml import read_yaml, write_yaml
from pipeline.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1E5", 1e5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-0x10", "-0x10"),
        ("0x10", 16),
        ("017", 17),
        ("+3", 3),
        ("off", "off"),
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'null'", "null"),
        ('"3"', "3"),
        ("2024-01-02", "2024-01-02"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("-.inf", -math.inf),
        ("[1, a, 2.5]", [1, "a", 2.5]),
        ("{a: {b: off}}", {"a": {"b": "off"}}),
        ("|\n  12\n", "12\n"),
    ],
)
def test_values(text, value):
    read, _ = read_yaml(text, "x.yaml")
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3: a: the key stands here again, first in line 1; keep one"),
        ("a: &b 1\nc: *b\n", "anchor or alias 'b'"),
        ("a: !!python/object:os.system ls\n", "tags are not supported"),
        ("a: [1, 2\nb: 3", "x.yaml:2: not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("? [1, 2]\n: 3\n", "a list or a mapping as a key"),
        ("<<: {a: 1}\nb: \x00", "not valid YAML"),
    ],
)
def test_refusals(text, message):
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "x.yaml")
    assert message in str(caught.value)


def test_every_key_has_its_line():
    _, positions = read_yaml("a:\n  b: 1\n  c:\n    - d\n    - e: 2\n", "x.yaml")
    assert positions[("a", "c", 1, "e")] == "x.yaml:5"
    assert positions[("a", "b")] == "x.yaml:2"


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
trees = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8),
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner)
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=60)
@given(trees)
def test_what_is_written_is_read_back(tree):
    assert read_yaml(write_yaml(tree), "x.yaml")[0] == tree


@pytest.mark.parametrize("text", ["off", "3e-4", "null", "1", "0x1F", "", "a: b", "~", "2024-01-02", "é\n ü"])
def test_texts_that_look_like_something_else_stay_texts(text):
    assert read_yaml(write_yaml({"a": text}), "x.yaml")[0] == {"a": text}
