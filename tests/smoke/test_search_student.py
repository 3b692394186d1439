"""The search for a student's structure, and students that are made by it: whole runs, killed and resumed."""

import hashlib
import json

import pytest

from pipeline.checkpoint import load_model
from pipeline.errors import CheckpointError, ConfigError
from pipeline.training.block_search import BlockSearchTask
from pipeline.training.structure_file import with_structure
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

BUDGET = 260_000
STAGES = ("stage1", "stage2", "stage3", "stage4")
SEARCH = {
    "kind": "search_student", "teacher": "pretrain.best", "train": "small", "data": "target", "macs": BUDGET,
    "widths": [0.5, 1.0], "depths": [1, 2], "steps": 3, "batch": 8, "held_out": 0.2,
}  # fmt: skip
ARGS = {"channels": [8, 8, 16, 16], "layers": [1, 1, 1, 1]}


def make_search_tree(search=None, **adapt):
    tree = make_tree(**{"mode": "kd_only", "rounds": 1, "structure": "search.structure", **adapt})
    # A deep stem: most of the small network's multiply-adds would stand in 64 channels that nobody chooses.
    tree["models"]["small"] |= {"args": {**ARGS, "stem_type": "deep", "stem_width": 4}}
    tree["stages"]["search"] = {**SEARCH, **(search or {})}
    tree["stages"]["direct"]["structure"] = "search.structure"
    return only(tree, "pretrain", "search", "direct", "adapt")


def digest_of(folder):
    return hashlib.sha256((attempt_of(folder, "search") / "structure.json").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("structure") / "run"
    assert run_command(make_search_tree(), folder) == 0
    return folder


def test_a_search_leaves_a_structure_within_the_budget_and_says_what_else_there_was(finished):
    attempt = attempt_of(finished, "search")
    assert {path.name for path in attempt.iterdir()} == {
        "attempt.json", "config.yaml", "manifest.json", "summary.json", "metrics.jsonl", "structure.json",
    }  # fmt: skip
    metrics = manifest_of(finished, "search")["metrics"]
    chosen = metrics["structure"]
    assert chosen["macs"] <= BUDGET
    assert len(metrics["candidates"]) == 4 * 4
    assert {row["stage"] for row in metrics["candidates"]} == set(STAGES)
    assert {name: chosen[name] for name in ("channels", "layers", "macs", "rank")} in metrics["alternatives"]
    fitting = [one for one in metrics["alternatives"] if one["macs"] <= BUDGET]
    assert min(fitting, key=lambda one: one["rank"])["channels"] == chosen["channels"]
    ranks = {(row["stage"], row["channels"], row["layers"]): row["rank"] for row in metrics["candidates"]}
    sizes = zip(STAGES, chosen["channels"], chosen["layers"], strict=True)
    own = [ranks[stage, channels, layers] for stage, channels, layers in sizes]
    assert sum(own) == pytest.approx(chosen["rank"])
    assert [row["rank"] for row in rows_of(finished, "search", "candidate")] == list(ranks.values())
    assert rows_of(finished, "search", "structure")[0]["channels"] == chosen["channels"]
    assert set(rows_of(finished, "search", "step")[-1]["terms"]) == {
        f"{stage}.{channels}x{layers}" for stage, channels, layers in ranks
    }


def test_no_label_is_read(finished):
    manifest = manifest_of(finished, "search")
    assert manifest["data"] == {"target": {**manifest["data"]["target"], "labels_read": False}}


def test_students_are_made_by_the_structure(finished):
    chosen = manifest_of(finished, "search")["metrics"]["structure"]
    for stage in ("direct", "adapt"):
        loaded = load_model(attempt_of(finished, stage) / "best.safetensors")
        assert loaded.spec["args"]["channels"] == chosen["channels"]
        assert loaded.spec["args"]["layers"] == chosen["layers"]
        assert loaded.spec["args"]["stem_width"] == 4
        assert "search.structure" in manifest_of(finished, stage)["inputs"]


def test_a_killed_search_goes_on_bit_for_bit(tmp_path):
    tree = only(make_search_tree(), "pretrain", "search", "direct")
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    run_killed(tree, tmp_path / "killed", (BlockSearchTask, 1), (BlockSearchTask, 2))
    run_tree(tree, tmp_path / "killed")
    assert digest_of(tmp_path / "killed") == digest_of(tmp_path / "whole")
    rows = [rows_of(tmp_path / run, "search", "candidate") for run in ("killed", "whole")]
    assert rows[0] == rows[1]
    assert weights_of(tmp_path / "killed", "direct") == weights_of(tmp_path / "whole", "direct")


def test_a_student_of_depthwise_blocks_is_searched_under_a_teacher_of_another_kind(tmp_path):
    tree = make_search_tree({"macs": 10_000_000, "data": "source"})
    tree["models"]["small"]["args"] = {"channels": [8, 8, 16, 16], "layers": [1, 1, 1, 1]}
    tree["models"]["small"] |= {"arch": "separable", "ibn": "b", "size": [32, 24]}
    run_tree(only(tree, "pretrain", "search"), tmp_path / "run")
    metrics = manifest_of(tmp_path / "run", "search")["metrics"]
    best = {}
    for row in metrics["candidates"]:
        best[row["stage"]] = min(best.get(row["stage"], row["rank"]), row["rank"])
    assert metrics["structure"]["rank"] == pytest.approx(sum(best.values()))


@pytest.mark.parametrize(
    ("search", "model", "sentence"),
    [
        ({"macs": 1000}, {}, r"no structure does with 1,000 multiply-adds; expected [\d,]+ at least, those of the"),
        ({}, {"arch": "osnet_x0_25", "args": {}}, "osnet_x0_25 cannot be cut into stages of chosen widths and depths"),
        ({}, {"arch": "timm/convnext_atto", "args": {}}, "timm/convnext_atto cannot be cut into stages"),
        ({}, {"arch": "timm/mobilenetv3_small_050", "args": {}}, "channels and blocks of timm/mobilenetv3_small_050"),
        ({}, {"weights": "pretrained"}, "models.small has weights pretrained; expected weights: scratch"),
    ],
)
def test_what_cannot_be_searched_is_told_before_anything_is_trained(search, model, sentence, tmp_path, finished):
    tree = make_search_tree(search)
    tree["models"]["small"] |= model
    with pytest.raises(ConfigError, match=sentence):
        run_tree(only(tree, "pretrain", "search"), tmp_path / "run")
    assert not list((tmp_path / "run" / "search").glob("*/metrics.jsonl"))


def test_a_teacher_without_such_stages_is_told(tmp_path):
    tree = make_search_tree()
    tree["models"]["big"] = {"arch": "cifar/resnet8", "size": [32, 16], "embedding": 16}
    with pytest.raises(ConfigError, match=r"pretrain\.best has no stage4, and small is searched in 4 stages"):
        run_tree(only(tree, "pretrain", "search"), tmp_path / "run")


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"widths": [1.0], "depths": [1]}, "one width and one depth leave nothing to search"),
        ({"widths": [0.5, 0.5]}, "widths names 0.5 twice"),
        ({"teacher": "pretrain.route"}, "pretrain.route is a route of several states"),
        ({"optimizer": {"clip": 1.0}}, "clip would bind the candidates together"),
        ({"macs": 0}, "stages.search.macs"),
    ],
)
def test_mistakes_of_a_search_are_told_when_the_settings_are_read(search, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_config(make_search_tree(search))


def test_another_role_than_that_of_a_search_is_told_when_the_settings_are_read():
    with pytest.raises(ConfigError, match=r"(?s)stages.adapt.structure.*name the role structure of a search_student"):
        make_config(make_search_tree(structure="pretrain.best"))


def test_the_structure_of_another_network_is_told(finished, tmp_path):
    path = attempt_of(finished, "search") / "structure.json"
    spec = json.loads(path.read_text())["base"]
    assert with_structure(spec, path, wanted="small")["args"] != spec["args"]
    with pytest.raises(ConfigError, match="searched for a network with embedding 16, and other has 32"):
        with_structure({**spec, "embedding": 32}, path, wanted="other")


@pytest.mark.parametrize("content", ["{}", '{"schema": 2, "base": {}, "args": {}}', "[]", "nonsense"])
def test_a_file_that_is_no_structure_is_told(content, tmp_path):
    path = tmp_path / "structure.json"
    path.write_text(content)
    with pytest.raises(CheckpointError, match=r"holds no structure of a network|has schema 2"):
        with_structure({}, path, wanted="small")
