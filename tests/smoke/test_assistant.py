"""An assistant is chosen on people held out of the source and teaches; other labels are refused."""

import hashlib

import pytest

from datasets.kinds import world
from tests.smoke.tiny import PEOPLE, attempt_of, make_tree, manifest_of, only, run_command, run_tree, write_crops

NAMES = ("pretrain", "direct", "upper", "lower", "choose", "adapt")


def make_chain(**choose):
    tree = make_tree(mode="kd_only", init=None, teacher="choose.best")
    taught = {**tree["stages"]["adapt"], "teacher": "pretrain.best"}
    for name, widths in (("upper", [8, 8, 8, 16]), ("lower", [4, 8, 8, 8])):
        tree["models"][name] = {**tree["models"]["small"], "args": {"channels": widths, "layers": [1, 1, 1, 1]}}
        tree["stages"][name] = {**taught, "train": name}
    settings = {"kind": "choose_assistant", "teacher": "pretrain.best", "student": "direct.best",
                "candidates": ["upper.best", "lower.best"], "source": "source"}  # fmt: skip
    tree["stages"]["choose"] = {**settings, **choose}
    return only(tree, *NAMES)


def test_the_chosen_one_is_handed_on_as_it_came(tmp_path):
    run_tree(make_chain(), tmp_path / "run")
    manifest = manifest_of(tmp_path / "run", "choose")
    told = manifest["metrics"]
    rows = told["networks"]
    assert set(rows) == {"pretrain.best", "direct.best", "upper.best", "lower.best"}
    assert told["middle"] == pytest.approx((rows["pretrain.best"]["mAP"] + rows["direct.best"]["mAP"]) / 2)
    apart = {name: abs(rows[name]["mAP"] - told["middle"]) for name in ("upper.best", "lower.best")}
    assert apart[told["chosen"]] == min(apart.values())
    stage = told["chosen"].removesuffix(".best")
    files = [attempt_of(tmp_path / "run", "choose") / "assistant.safetensors",
             attempt_of(tmp_path / "run", stage) / "best.safetensors"]  # fmt: skip
    assert len({hashlib.sha256(path.read_bytes()).hexdigest() for path in files}) == 1
    held_out = world(domain="sunny_plaza", split="query_gallery", **{**PEOPLE, "size": (32, 16)})
    assert manifest["data"]["source"]["held_out_digest"] == held_out.digest
    assert manifest["data"].keys() == {"source"}
    assert manifest_of(tmp_path / "run", "adapt")["inputs"].keys() == {"choose.best"}
    assert run_tree(make_chain(), tmp_path / "run")["choose"] == "fresh"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"candidates": ["upper.best"]}, "at least 2 items"),
        ({"candidates": ["upper.best", "upper.best"]}, "upper.best is named twice"),
        ({"student": "upper.best"}, "upper.best is named twice"),
        ({"source": "target"}, "to be chosen by labels of target, to which adapt adapts"),
        ({"source": "again"}, "to be chosen by labels of again, to which adapt adapts"),
        ({"source": "probe"}, "to be chosen by labels of probe, to which adapt adapts"),
        ({"source": "elsewhere"}, "to be chosen on elsewhere, a probe"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, sentence, tmp_path, capsys):
    tree = make_chain(**settings)
    tree["data"]["again"] = dict(tree["data"]["target"])
    tree["data"]["elsewhere"] = {**tree["data"]["probe"], "domain": "random-3"}
    for name in ("upper", "lower"):
        tree["stages"][name] = {**tree["stages"]["direct"], "train": name}
    assert run_command(tree, tmp_path / "run") == 2
    assert sentence in capsys.readouterr().err


def test_a_source_without_people_held_out_is_told(tmp_path, capsys):
    tree = make_chain(source="folder")
    tree["data"]["folder"] = {"kind": "image_folder", "root": str(tmp_path / "crops")}
    plain = {name: tree["stages"]["direct"] for name in ("pretrain", "direct", "upper", "lower")}
    tree["stages"] = {**plain, "choose": tree["stages"]["choose"]}
    write_crops(tmp_path / "crops", ["a_1.png", "b_2.png"])
    assert run_command(tree, tmp_path / "run") == 2
    assert "data folder of kind image_folder has no people held out" in capsys.readouterr().err
