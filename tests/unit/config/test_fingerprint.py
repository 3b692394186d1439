"""What changes a stage's fingerprint, what does not, and how a difference is told."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.schema import DataConfig
from pipeline.fingerprint import canonical, differences, fingerprint
from pipeline.plan import make_plan
from tests.unit.runner.fakes import STAGES, data_digest, make_config, make_tree


def prints(tree: dict[str, Any], digest: Any = data_digest) -> dict[str, str]:
    plan = make_plan(make_config(tree), STAGES, data_digest=digest)
    return {planned.name: fingerprint(planned.identity) for planned in plan}


def changed(path: str, value: Any) -> set[str]:
    """Return the stages whose fingerprint changes with one value."""
    tree = make_tree()
    place = tree
    *above, last = path.split(".")
    for key in above:
        place = place.setdefault(key, {})
    place[last] = value
    before, after = prints(make_tree()), prints(tree)
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "other"),
        ("runtime.device", "cpu"),
        ("runtime.workers", 4),
        ("runtime.threads", 2),
        ("runtime.log_every_seconds", 1),
        ("runtime.checkpoint_every_steps", 7),
        ("runtime.run_root", "/elsewhere"),
        ("runtime.compile", True),
        ("data.source.root", "/moved"),
        ("stages.pretrain.save_every", 2),
        ("stages.pretrain.steps", 20),
        ("stages.adapt.rate", 1),
        ("models.unused", {"arch": "x", "size": [1, 1]}),
    ],
)
def test_how_and_where_a_run_is_carried_out_does_not_matter(path, value):
    assert changed(path, value) == set()


@pytest.mark.parametrize(
    ("path", "value", "stages"),
    [
        ("seed", 18, {"pretrain", "adapt", "score"}),
        ("runtime.amp", "bf16", {"pretrain", "adapt", "score"}),
        ("models.big.embedding", 128, {"pretrain"}),
        ("models.big.args", {"width": 2}, {"pretrain"}),
        ("data.source.split", "test", {"pretrain"}),
        ("data.target.kind", "other", {"adapt", "score"}),
        ("stages.pretrain.steps", 21, {"pretrain"}),
        ("stages.pretrain.objectives", {"kd": {}}, {"pretrain"}),
        ("stages.adapt.teacher", "pretrain.last", set()),
    ],
)
def test_what_the_result_is_made_of_matters(path, value, stages):
    # The last one: which artifact it is counts by its digest, and none is known before the first run.
    found = changed(path, value)
    assert found == stages or (not stages and found == {"adapt"})


def test_the_listing_matters():
    def other(data: DataConfig) -> str:
        return hashlib.sha256(b"one more image").hexdigest()

    assert prints(make_tree()) != prints(make_tree(), other)


def test_weights_from_a_file_count_by_their_content(tmp_path):
    found = []
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
        tree = make_tree()
        tree["models"]["big"]["weights"] = str(tmp_path / name)
        found.append(prints(tree)["pretrain"])
    assert found[0] == found[1] != found[2]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1e6, 1e6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
documents = st.dictionaries(st.text(max_size=4), json_values, max_size=4)


@settings(deadline=None)
@given(documents, st.randoms())
def test_the_order_of_keys_does_not_matter(document, random):
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = [(key, shuffled(entry)) for key, entry in value.items()]
            random.shuffle(items)
            return dict(items)
        return [shuffled(entry) for entry in value] if isinstance(value, list) else value

    assert fingerprint(document) == fingerprint(shuffled(document))
    assert fingerprint(document) == fingerprint(json.loads(canonical(document)))
    assert differences(document, shuffled(document)) == []


@settings(deadline=None)
@given(documents, documents)
def test_different_fingerprints_have_a_difference_to_tell(one, other):
    assert (fingerprint(one) == fingerprint(other)) == (differences({"config": one}, {"config": other}) == [])


def test_integers_and_equal_floats_are_one_value_but_booleans_are_not():
    assert fingerprint({"a": 10}) == fingerprint({"a": 10.0})
    assert fingerprint({"a": 1}) != fingerprint({"a": True})


def test_a_golden_fingerprint():
    # sha256 of the ASCII text {"a":{"c":[1,2.5]},"b":"\u00e9"}
    assert canonical({"b": "é", "a": {"c": [1.0, 2.5]}}) == b'{"a":{"c":[1,2.5]},"b":"\\u00e9"}'
    assert fingerprint({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
