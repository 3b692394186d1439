"""A student that is rounded to int8: whole runs, killed and resumed, and the file that executes it."""

import json
import math

import pytest

from pipeline.checkpoint import load_model
from pipeline.errors import CheckpointError, ConfigError, PipelineError
from pipeline.models.quantisation.network import quantisers_of
from pipeline.training.embedder_file import load_embedder
from pipeline.training.quantising import QuantiseTask
from tests.smoke.tiny import (
    BATCH,
    attempt_of,
    make_config,
    make_tree,
    manifest_of,
    only,
    rows_of,
    run_command,
    run_killed,
    run_tree,
)

QUANTISE = {
    "kind": "quantise", "student": "direct.best", "source": "source", "target": "target", "steps": 4,
    "source_batch": BATCH, "target_batch": BATCH, "calibration": 8, "frozen_share": 0.5,
}  # fmt: skip


def make_int8_tree(**settings):
    tree = make_tree()
    tree["stages"]["int8"] = {**QUANTISE, **settings}
    tree["stages"]["score"]["models"] = {"student_direct": "direct.best", "student_int8": "int8.best"}
    tree["stages"]["score"]["agreement_with"] = "student_direct"
    return only(tree, "direct", "int8", "score")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8") / "run"
    assert run_command(make_int8_tree(), folder) == 0
    return folder


def test_the_network_in_int8_is_scored_beside_the_one_in_float32(finished):
    float32, int8 = manifest_of(finished, "score")["metrics"]["rows"]
    assert (float32["top1_agreement"], int8["role"]) == (1.0, "student_int8")
    assert int8["top1_agreement"] > 0.5
    # Each layer and each map has a step beside its weights.
    assert 1.0 < int8["params"] / float32["params"] < 1.5
    assert int8["macs"] == float32["macs"]
    assert int8["file_bytes"] == (attempt_of(finished, "int8") / "int8.onnx").stat().st_size
    assert math.isfinite(int8["mAP"])


def test_the_stage_tells_how_near_both_are(finished):
    manifest = manifest_of(finished, "int8")
    assert manifest["metrics"]["cosine"] > 0.95
    assert set(manifest["metrics"]["bytes"]) == set(manifest["metrics"]["images_per_second"]) == {"float32", "int8"}
    assert [manifest["data"][name]["labels_read"] for name in ("source", "target")] == [True, False]
    row = rows_of(finished, "int8", "step")[-1]
    assert set(row["terms"]) == {
        "source.cross_entropy", "source.kd", "target.kd", "source.embedding", "target.embedding",
    }  # fmt: skip


def test_thresholds_are_taken_over_into_int8(finished):
    float32, int8 = (
        load_embedder(attempt_of(finished, stage) / name).match
        for stage, name in (("direct", "best.safetensors"), ("int8", "int8.onnx"))
    )
    assert [(e.data, e.impostors) for e in int8.evidence] == [(e.data, e.impostors) for e in float32.evidence]
    both = [record.chosen(0.1, is_standardised=False)[1] for record in (float32, int8)]
    assert both[1].rate == both[0].rate
    assert both[1].threshold == pytest.approx(both[0].threshold, rel=0.5)


def test_the_file_holds_whole_numbers(finished):
    import onnx

    graph = onnx.load(str(attempt_of(finished, "int8") / "int8.onnx")).graph
    weights = {i.name: i for i in graph.initializer}
    kernels = [node for node in graph.node if node.op_type == "Conv"]
    makers = {name: node for node in graph.node for name in node.output}
    assert kernels
    for node in kernels:
        taken, weight = (makers[name] for name in node.input[:2])
        assert {taken.op_type, weight.op_type} == {"DequantizeLinear"}
        assert weights[weight.input[0]].data_type == onnx.TensorProto.INT8


def test_an_int8_network_neither_learns_nor_teaches(finished):
    path = attempt_of(finished, "int8") / "int8.onnx"
    with pytest.raises(CheckpointError, match="neither learns nor teaches"):
        load_model(path)
    with pytest.raises(ConfigError, match="maps stage1 of an int8 network"):
        load_embedder(path).model(None, taps=("stage1",))


def test_a_damaged_int8_file_is_told(finished, tmp_path):
    whole = (attempt_of(finished, "int8") / "int8.onnx").read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="not a readable ONNX file"):
        load_embedder(tmp_path / "half.onnx")
    with pytest.raises(CheckpointError, match="there is no model file"):
        load_embedder(tmp_path / "none.onnx")


def test_a_killed_training_goes_on_bit_for_bit(tmp_path, monkeypatch):
    # Without the conversion, which takes longer than all steps and depends on nothing but the trained state.
    ends = {}

    def keep(context, network, loaded, *, target, facts):
        ends[str(context.attempt)] = {name: value.clone() for name, value in network.state_dict().items()}
        raise PipelineError("trained", "enough")

    monkeypatch.setattr("stages.quantise._result", keep)
    tree = only(make_int8_tree(), "direct", "int8")
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    with pytest.raises(PipelineError, match="trained"):
        run_tree(tree, tmp_path / "whole")
    run_killed(tree, tmp_path / "killed", (QuantiseTask, 1), (QuantiseTask, 3))
    with pytest.raises(PipelineError, match="trained"):
        run_tree(tree, tmp_path / "killed")
    whole, killed = ends.values()
    assert list(whole) == list(killed)
    assert all(whole[name].equal(killed[name]) for name in whole)


def test_without_steps_it_is_rounded_alone(tmp_path, monkeypatch):
    def keep(context, network, loaded, *, target, facts):
        raise PipelineError(f"rounded {len(quantisers_of(network))}", "enough")

    monkeypatch.setattr("stages.quantise._result", keep)
    with pytest.raises(PipelineError, match=r"rounded \d+"):
        run_tree(only(make_int8_tree(steps=0), "direct", "int8"), tmp_path / "run")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"target": "source"}, "source and target are both source"),
        ({"objectives": {}}, "there is no objective"),
    ],
)
def test_mistakes_are_told_when_the_settings_are_read(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_config(make_int8_tree(**settings))


def test_an_unknown_role_to_agree_with_is_told():
    tree = make_int8_tree()
    tree["stages"]["score"]["agreement_with"] = "nobody"
    with pytest.raises(ConfigError, match="agreement_with is nobody; name one of the models: student_direct"):
        make_config(tree)


def test_labels_of_the_target_are_refused(tmp_path):
    tree = make_int8_tree(objectives={"triplet": {"on": ["target"]}})
    with pytest.raises(ConfigError, match="triplet on the target, which has no labels here"):
        run_tree(only(tree, "direct", "int8"), tmp_path / "run")


def test_a_classifier_of_other_persons_is_told(tmp_path):
    tree = make_int8_tree()
    tree["data"]["fewer"] = {**tree["data"]["source"], "identities": 5}
    tree["stages"]["int8"]["source"] = "fewer"
    with pytest.raises(ConfigError, match="a classifier of 6 identities on a source of 5"):
        run_tree(only(tree, "direct", "int8"), tmp_path / "run")


def test_a_missing_package_is_told_before_anything_is_trained(tmp_path, monkeypatch):
    tree = only(make_int8_tree(), "direct", "int8")
    monkeypatch.setattr("pipeline.training.embedder_file._WRITERS", ("a_package_that_is_nowhere",))
    with pytest.raises(ConfigError, match="an int8 network needs a_package_that_is_nowhere"):
        run_tree(tree, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "direct" / "a0001" / "manifest.json").read_text())
