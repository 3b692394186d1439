"""Classifiers from the configuration to the report: alone, taught, and with a teacher that adapts."""

import copy
from typing import Any

import numpy as np
import pytest

from pipeline.atomic_files import read_json
from pipeline.errors import ConfigError
from pipeline.interruption import RunInterrupted
from pipeline.report.collect import format_table, write_results
from pipeline.report.html import write_report
from tests.smoke.tiny import attempt_of, make_config, manifest_of, rows_of, run_tree, weights_of

MODEL = {"arch": "cifar/resnet8", "size": [8, 8], "neck": "none", "embedding": None, "pooling": "average"}
TERMS = {
    "kd_source": {"use": "kd", "temperature": 20.0, "direction": "reverse", "on": ["source"], "weight": 0.3},
    "kd_target": {"use": "kd", "temperature": 20.0, "on": ["target"]},
    "cross_entropy": {"weight": 0.7},
}


def make_classes(**changes: dict[str, Any]) -> dict[str, Any]:
    """Return a run of every way to train a classifier; `changes` are for its stages by name."""
    sgd = {"kind": "sgd", "lr": 0.05}
    train = {"kind": "classifier_kd", "data": "digits", "steps": 6, "batch": 8, "optimizer": sgd}
    taught = {**train, "train": "small", "teacher": "pretrain.best"}
    stages = {
        "pretrain": {**train, "train": "big"},
        "alone": {**train, "train": "small", "augment": {"preset": "shift", "policy": "randaugment", "magnitude": 5}},
        "kd": {**taught, "objectives": {"cross_entropy": {}, "kd": {}, "fitnets": {}}},
        "joint": {
            **taught, "target": "other", "target_batch": 6, "beta": {}, "teacher_optimizer": sgd,
            "objectives": TERMS, "teacher_objectives": {"cross_entropy": {}, "mmd": {"ramp": True}},
        },
        "score": {
            "kind": "evaluate_classifier", "data": {"source": "test", "target": "other"}, "teacher": "teacher",
            "models": {"teacher": "pretrain.best", "alone": "alone.best", "kd": "kd.best", "joint": "joint.best"},
        },
    }  # fmt: skip
    for name, settings in changes.items():
        stages[name] |= settings
    return {
        "schema": 1,
        "name": "classes",
        "runtime": {"device": "cpu", "threads": 1, "checkpoint_every_steps": 2},
        "data": {
            "digits": {"kind": "digits", "share": 0.02},
            "test": {"kind": "digits", "split": "train", "share": 0.05, "seed": 1},
            "other": {"kind": "digits", "split": "train", "share": 0.03, "seed": 2},
        },
        "models": {
            "big": {**MODEL, "args": {"widths": [4, 4, 8, 12]}},
            "small": {**MODEL, "args": {"widths": [4, 4, 4, 8]}},
        },
        "stages": copy.deepcopy(stages),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("classes") / "run"
    run_tree(make_classes(), path)
    return path


def test_every_stage_leaves_its_networks(folder):
    for stage in ("pretrain", "alone", "kd", "joint"):
        assert set(manifest_of(folder, stage)["outputs"]) == {"best", "last", "teacher"}
    hashes = {stage: manifest_of(folder, stage)["outputs"]["teacher"]["sha256"] for stage in ("kd", "joint")}
    assert len(set(hashes.values())) == 2
    # Who taught without learning is the same network as before, in a file of its own.
    assert not (attempt_of(folder, "alone") / "teacher.safetensors").exists()


def test_labels_of_the_target_are_read_by_the_evaluation_alone(folder):
    assert manifest_of(folder, "joint")["data"]["other"]["labels_read"] is False
    assert "classes" not in manifest_of(folder, "joint")["data"]["other"]
    assert manifest_of(folder, "joint")["data"]["digits"]["labels_read"] is True
    assert manifest_of(folder, "score")["data"]["other"]["labels_read"] is True


def test_terms_have_the_names_and_domains_of_the_configuration(folder):
    names = {stage: set(rows_of(folder, stage, "step")[-1]["terms"]) for stage in ("alone", "kd", "joint")}
    assert names["alone"] == {"student.source.cross_entropy"}
    assert names["kd"] == {f"student.source.{name}" for name in ("cross_entropy", "kd", "fitnets")}
    assert names["joint"] == {
        "student.source.cross_entropy", "student.source.kd_source", "student.target.kd_target",
        "teacher.source.cross_entropy", "teacher.across.mmd",
    }  # fmt: skip


def test_rows_are_in_the_results_the_table_and_the_page(folder):
    results = read_json(write_results(folder))
    rows = results["classification"]
    assert [(row["domain"], row["role"]) for row in rows][:2] == [("source", "teacher"), ("source", "alone")]
    assert len(rows) == 8
    assert all(0 <= row["top1"] <= row["top5"] <= 1 and 0 <= row["ece"] <= 1 for row in rows)
    assert [row["agreement"] for row in rows if row["role"] == "teacher"] == [1.0, 1.0]
    assert results["reid"] == results["detection"] == []
    table = format_table(results)
    assert "Classification on the target · score · " in table
    assert "Gap closed" not in table
    page = write_report(folder).read_text()
    assert 'id="classes"' in page
    assert "Embedding map" not in page
    assert "Re-ID" not in page


def test_a_killed_run_goes_on_to_the_same_weights(folder, tmp_path, monkeypatch):
    from pipeline.training import loop

    plain, calls = loop.check_finite, []

    def stop(terms, *, step):
        calls.append(step)
        if len(calls) == 4:
            raise KeyboardInterrupt
        plain(terms, step=step)

    tree = make_classes()
    run_tree({**tree, "stages": {"pretrain": tree["stages"]["pretrain"]}}, tmp_path / "run")
    tree["stages"] = {name: tree["stages"][name] for name in ("pretrain", "joint")}
    monkeypatch.setattr(loop, "check_finite", stop)
    with pytest.raises(RunInterrupted):
        run_tree(tree, tmp_path / "run")
    monkeypatch.setattr(loop, "check_finite", plain)
    run_tree(tree, tmp_path / "run")
    assert manifest_of(tmp_path / "run", "joint")["run"]["continued"] is True
    assert weights_of(tmp_path / "run", "joint") == weights_of(folder, "joint")


@pytest.mark.parametrize(
    ("stage", "settings", "words"),
    [
        ("alone", {"epochs": 2}, "give either epochs or steps"),
        ("alone", {"objectives": {}}, "there is no objective"),
        ("alone", {"objectives": {"kd": {}}}, "objective kd listens to a teacher; give `teacher`"),
        ("alone", {"objectives": {"cross_entropy": {}, "mmd": {}}}, "objective mmd works on the target; give `target`"),
        ("kd", {"objectives": {"kd": {"on": ["source", "target"]}}}, "objective kd works on the target"),
        ("kd", {"objectives": {"cross_entropy": {}}}, "no objective listens to the teacher"),
        ("kd", {"beta": {}}, "beta shares the steps with a teacher that learns"),
        ("kd", {"target_batch": 8}, "target_batch needs a target"),
        ("alone", {"teacher_objectives": {"cross_entropy": {}}}, "teacher_objectives need a teacher"),
        ("alone", {"target": "other"}, "no objective looks at the target other"),
        ("joint", {"target": "digits"}, "data and target are both digits"),
        ("joint", {"objectives": {"kd": {}, "cross_entropy": {"on": ["target"]}}}, "those of the target are not read"),
        ("joint", {"objectives": {"kd": {}, "wsl": {"on": ["target"]}}}, "those of the target are not read"),
        ("joint", {"objectives": {"kd": {}, "centroid_contrast": {}}}, "learns from clusters"),
        ("joint", {"teacher_objectives": {"mmd": {}, "kd": {}}}, "objective kd listens to a teacher"),
        ("alone", {"optimizer": {"momentum": 0.9}}, "belong to kind sgd"),
        ("alone", {"augment": {"magnitude": 5}}, "belong to policy randaugment"),
        ("alone", {"augment": {"policy": "randaugmnt"}}, "randaugment"),
        ("alone", {"train": "detector"}, "'detector' is a detector"),
    ],
)
def test_a_mistake_is_told_when_the_configuration_is_read(stage, settings, words):
    tree = make_classes(**{stage: settings})
    tree["models"]["detector"] = {"detector": "fcos", "arch": "timm/resnet18", "size": [64, 64]}
    with pytest.raises(ConfigError) as caught:
        make_config(tree)
    assert words in str(caught.value)
    assert stage in str(caught.value)


def alone_and_score(**changes):
    tree = make_classes(**changes)
    tree["stages"] = {name: tree["stages"][name] for name in ("alone", "score")}
    tree["stages"]["score"] |= {"models": {"alone": "alone.best"}, "teacher": None}
    return tree


def test_settings_decide_whether_a_term_reads_labels():
    make_config(make_classes(joint={"objectives": {"kd": {}, "wsl": {"weights": "one", "on": ["target"]}}}))


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    images = np.zeros((12, 8, 8), np.uint8)
    np.savez(tmp_path / "data.npz", images=images, labels=np.arange(12) % 3)
    tree = make_classes(pretrain={"data": "three"})
    tree["data"]["three"] = {"kind": "class_arrays", "root": str(tmp_path)}
    tree["stages"] = {name: tree["stages"][name] for name in ("pretrain", "kd")}
    with pytest.raises(ConfigError, match=r"pretrain\.best tells 3 classes"):
        run_tree(tree, tmp_path / "run")


def test_classes_that_were_not_learnt_cannot_be_measured(tmp_path):
    names = [str(k) for k in range(10)] + ["ten"]
    np.savez(tmp_path / "data.npz", images=np.zeros((11, 8, 8), np.uint8), labels=np.arange(11), class_names=names)
    tree = alone_and_score(score={"data": {"test": "eleven"}})
    tree["data"]["eleven"] = {"kind": "class_arrays", "root": str(tmp_path)}
    with pytest.raises(ConfigError, match="has the class 'ten'"):
        run_tree(tree, tmp_path / "run")


def test_classes_in_another_order_are_found_by_their_names(tmp_path):
    from datasets.class_kinds import digits

    data = digits(split="train", share=0.05, seed=1)
    images = np.stack([data.load(sample) for sample in data.samples])
    labels = np.array([9 - sample.label for sample in data.samples])
    names = [str(9 - k) for k in range(10)]
    np.savez(tmp_path / "data.npz", images=images, labels=labels, class_names=names)
    tree = alone_and_score(score={"data": {"test": "test", "turned": "turned"}})
    tree["data"]["turned"] = {"kind": "class_arrays", "root": str(tmp_path)}
    run_tree(tree, tmp_path / "run")
    rows = read_json(attempt_of(tmp_path / "run", "score") / "summary.json")["rows"]
    assert rows[0]["top1"] == rows[1]["top1"]
    assert rows[0]["nll"] == pytest.approx(rows[1]["nll"])


def test_a_mistyped_teacher_of_an_evaluation_is_told(tmp_path):
    tree = alone_and_score()
    tree["stages"]["score"]["teacher"] = "teachr"
    with pytest.raises(ConfigError, match="teacher is 'teachr'; expected one of alone"):
        run_tree(tree, tmp_path / "run")


@pytest.mark.parametrize(
    ("kind", "words"), [("classifier_kd", "person crops"), ("source_pretrain", "images of classes")]
)
def test_data_of_another_kind_is_refused(tmp_path, kind, words):
    tree = alone_and_score()
    tree["data"]["crops"] = {"kind": "world", "domain": "sunny_plaza", "identities": 3, "cameras": 2, "shots": 2}
    data = "crops" if kind == "classifier_kd" else "digits"
    tree["stages"] = {"alone": {"kind": kind, "train": "small", "data": data, "steps": 2}}
    with pytest.raises(ConfigError, match=words):
        run_tree(tree, tmp_path / "run")
