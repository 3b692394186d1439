"""Settings that only show when networks and data are there are refused with a sentence; never a traceback."""

import pytest

from pipeline.checkpoint import load_model
from tests.smoke.tiny import attempt_of, make_tree, only, run_command, run_tree


def refused(tree, folder, capsys):
    assert run_command(tree, folder) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    (sentence,) = [line for line in error.splitlines() if line.startswith("error: ")]
    return sentence


@pytest.mark.parametrize("name", ["kd", "mmd", "centroid_contrast", "gradient_reversal"])
def test_pretraining_takes_only_what_needs_labels_alone(name, tmp_path, capsys):
    tree = only(make_tree(), "direct")
    tree["stages"]["direct"]["objectives"] = {"cross_entropy": {}, name: {}}
    assert f"training on labels with {name}; expected objectives" in refused(tree, tmp_path / "run", capsys)


def test_pretraining_without_objectives_is_refused(tmp_path, capsys):
    tree = only(make_tree(), "direct")
    tree["stages"]["direct"]["objectives"] = {}
    assert "training on labels with no objective" in refused(tree, tmp_path / "run", capsys)


def test_init_has_to_be_the_same_network(tmp_path, capsys):
    tree = only(make_tree(init="pretrain.best"), "pretrain", "adapt")
    assert "init has ibn b, model small has none" in refused(tree, tmp_path / "run", capsys)
    tree = only(make_tree(), "pretrain")
    tree["stages"]["again"] = {**tree["stages"]["pretrain"], "train": "small", "init": "pretrain.best"}
    assert "init has ibn b, model small has none" in refused(tree, tmp_path / "run", capsys)


def test_source_and_target_are_two_data_sets(tmp_path, capsys):
    assert run_command(make_tree(target="source"), tmp_path / "run") == 2
    assert "source and target are both source" in capsys.readouterr().err


def test_widths_that_cannot_be_compared_are_told(tmp_path, capsys):
    tree = only(make_tree(init=None, objectives={"embedding": {}}), "pretrain", "adapt")
    tree["models"]["small"] = {**tree["models"]["small"], "embedding": 8}
    assert "a student of width 8 with a teacher of width 16" in refused(tree, tmp_path / "run", capsys)


def test_a_teacher_of_other_people_is_told(tmp_path, capsys):
    tree = only(make_tree(init=None, objectives={"kd": {}}, mode="kd_only"), "pretrain", "adapt")
    tree["data"]["other"] = {**tree["data"]["source"], "identities": 7}
    tree["stages"]["pretrain"]["data"] = "other"
    assert "7" in refused(tree, tmp_path / "run", capsys)


def test_a_rate_that_explodes_stops_with_all_terms(tmp_path, capsys):
    tree = only(make_tree(steps=6, teacher_optimizer={"lr": 1e9}), "pretrain", "direct", "adapt")
    sentence = refused(tree, tmp_path / "run", capsys)
    assert "a loss term is not finite at step" in sentence
    assert "triplet" in sentence


def test_networks_of_two_sizes_get_the_same_pixels(tmp_path):
    tree = only(make_tree(init=None, rounds=1, steps=2), "pretrain", "adapt")
    tree["models"]["small"] = {**tree["models"]["small"], "size": [24, 12]}
    run_tree(tree, tmp_path / "run")
    adapted = attempt_of(tmp_path / "run", "adapt")
    assert load_model(adapted / "best.safetensors").model.size == (24, 12)
    assert load_model(adapted / "teacher.safetensors").model.size == (32, 16)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_half_precision_trains_on_a_cpu(amp, tmp_path):
    tree = only(make_tree(init=None, rounds=1, steps=2), "pretrain", "adapt")
    tree["runtime"] |= {"amp": amp, "channels_last": True}
    run_tree(tree, tmp_path / "run")
