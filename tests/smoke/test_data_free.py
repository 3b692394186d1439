"""A student that never sees a source crop: images made of the teacher, whole runs, killed and resumed."""

import pytest

from pipeline import build
from pipeline.build import data as build_data
from pipeline.errors import ConfigError
from pipeline.training.generating import GeneratorTask
from pipeline.training.inversion import InversionTask
from pipeline.training.made_images import load_made_images
from pipeline.training.progressive import ProgressiveTask
from tests.smoke.tiny import (
    attempt_of,
    make_config,
    make_tree,
    manifest_of,
    only,
    rows_of,
    run_command,
    run_killed,
    run_tree,
    weights_of,
)

INVERT = {"kind": "invert", "teacher": "pretrain.best", "instances": 2, "batch": 6, "steps": 3}


def make_data_free(invert=None, **adapt):
    tree = make_tree(init=None, mode="two_stage", **adapt)
    tree["stages"]["adapt"].pop("source")
    tree["stages"]["adapt"] |= {"images": "invert.images", **adapt}
    tree["stages"]["invert"] = {**INVERT, **(invert or {})}
    tree["stages"]["score"]["models"] = {"student_adapted": "adapt.best"}
    return only(tree, "pretrain", "invert", "adapt", "score")


def test_the_student_sees_no_source_crop(tmp_path, monkeypatch):
    tree, folder = make_data_free(), tmp_path / "run"
    run_tree(tree, folder, until="pretrain")
    reid_data = build.reid_data

    def not_the_source(config, *, labelled):
        assert config.arguments["domain"] != "sunny_plaza", "a source crop is read"
        return reid_data(config, labelled=labelled)

    monkeypatch.setattr(build, "reid_data", not_the_source)
    run_tree(tree, folder)
    made = load_made_images(attempt_of(folder, "invert") / "images.safetensors")
    assert made.pixels.shape == (12, 32, 16, 3)
    assert made.labels.tolist() == [*range(6), *range(6)]
    manifest = manifest_of(folder, "invert")
    assert (manifest["data"], manifest["metrics"]["data_opened"]) == ({}, [])
    assert manifest["metrics"]["persons"] == 1.0
    assert {"identity", "statistics"} <= set(rows_of(folder, "invert", "step")[-1]["terms"])
    manifest = manifest_of(folder, "adapt")
    assert {name: facts["labels_read"] for name, facts in manifest["data"].items()} == {"target": False}
    assert set(manifest["inputs"]) == {"pretrain.best", "invert.images"}
    terms = rows_of(folder, "adapt", "step")[-1]["terms"]
    assert {"student.source.cross_entropy", "student.source.kd", "student.target.relation"} <= set(terms)


def test_killed_runs_go_on_bit_for_bit(tmp_path):
    tree = only(make_data_free(), "pretrain", "invert", "adapt")
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    run_killed(tree, tmp_path / "killed", (InversionTask, 1), (InversionTask, 5), (ProgressiveTask, 4))
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "invert", "adapt") == weights_of(tmp_path / "whole", "invert", "adapt")


def test_a_stage_without_data_may_open_none():
    config = make_config(make_tree()).data
    with build_data.only_data(config["target"]):
        build_data.any_data(config["target"])
        with pytest.raises(ConfigError, match="in a stage that works without it"):
            build_data.any_data(config["source"])
    build_data.any_data(config["source"])


@pytest.mark.parametrize(
    ("adapt", "sentence"),
    [
        ({"source": "source"}, "give either source, labelled crops, or images"),
        ({"images": None}, "give either source, labelled crops, or images"),
        ({"images": "pretrain.best"}, "name the role images of an invert"),
    ],
)
def test_settings_that_do_not_fit_are_refused(adapt, sentence, tmp_path, capsys):
    assert run_command(make_data_free(**adapt), tmp_path / "run") == 2
    assert sentence in capsys.readouterr().err


def test_a_route_is_not_inverted(tmp_path, capsys):
    assert run_command(make_data_free({"teacher": "pretrain.route"}), tmp_path / "run") == 2
    assert "pretrain.route is a route of several states" in capsys.readouterr().err


def test_a_teacher_without_batch_norm_is_told_the_way_out(tmp_path, capsys):
    tree = only(make_data_free(), "pretrain", "invert")
    tree["models"]["big"] = {
        **tree["models"]["small"], "arch": "timm/vit_tiny_patch16_224",
        "args": {"img_size": [32, 16], "embed_dim": 12, "depth": 1, "num_heads": 2},
    }  # fmt: skip
    assert run_command(tree, tmp_path / "run") == 2
    assert "no batch norm, and so remembers no statistics" in capsys.readouterr().err


GENERATE = {"kind": "generate", "teacher": "pretrain.best", "images": 12, "steps": 4, "batch": 6, "width": 4}
ADVERSARIAL = {"train": "small", "adversarial": 1.0, "one_hot": 0.0, "activation": 0.0, "student_steps": 2}


def make_generated(**generate):
    tree = make_data_free()
    tree["stages"]["generate"] = {**GENERATE, **generate}
    tree["stages"]["adapt"] |= {"images": "generate.images"}
    tree["models"]["big"] = {
        **tree["models"]["small"], "arch": "timm/vit_tiny_patch16_224",
        "args": {"img_size": [32, 16], "embed_dim": 12, "depth": 1, "num_heads": 2},
    }  # fmt: skip
    return only(tree, "pretrain", "generate", "adapt")


@pytest.mark.parametrize("settings", [{}, ADVERSARIAL])
def test_a_teacher_without_batch_norm_teaches_by_a_generator(settings, tmp_path, monkeypatch):
    # An untrained teacher may take all images for one person, which is another test's matter.
    monkeypatch.setattr("stages.generate.recognition", lambda teacher, made: {"recognised": 1.0, "persons": 1.0})
    monkeypatch.setattr(GeneratorTask, "_gather", gather_everybody)
    tree = make_generated(**settings)
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    manifest = manifest_of(tmp_path / "whole", "generate")
    assert manifest["data"] == {}
    assert set(manifest["outputs"]) == ({"images", "best"} if settings else {"images"})
    run_killed(tree, tmp_path / "killed", (GeneratorTask, 2), (ProgressiveTask, 4))
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "generate", "adapt") == weights_of(tmp_path / "whole", "generate", "adapt")


def gather_everybody(task, rows, gather=GeneratorTask._gather):
    gather(task, rows)
    task.labels[rows] = rows % 6


@pytest.mark.parametrize(
    ("generate", "sentence"),
    [
        ({"train": "small"}, "train and adversarial belong together"),
        ({"adversarial": 1.0}, "train and adversarial belong together"),
        ({"student_steps": 5}, "student_steps is of the student that train names"),
        ({"optimizer": {"lr": 0.1}}, "optimizer is of the student that train names"),
        ({"one_hot": 0.0, "entropy": 0.0, "activation": 0.0}, "all weights are 0"),
        ({"teacher": "pretrain.route"}, "pretrain.route is a route of several states"),
    ],
)
def test_settings_of_a_generator_that_do_not_fit_are_refused(generate, sentence, tmp_path, capsys):
    assert run_command(make_generated(**generate), tmp_path / "run") == 2
    assert sentence in capsys.readouterr().err


def test_a_generator_that_shows_one_person_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("stages.generate.recognition", lambda teacher, made: {"recognised": 1.0, "persons": 1 / 6})
    assert run_command(only(make_generated(), "pretrain", "generate"), tmp_path / "run") == 2
    assert "takes all images of the generator for one person" in capsys.readouterr().err
