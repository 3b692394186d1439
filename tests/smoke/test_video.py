"""Networks of clips from tracklets: whole runs, killed and resumed, and settings that are refused."""

import pytest

from pipeline.checkpoint_clip import load_clip_model
from pipeline.errors import ConfigError, PipelineError
from pipeline.training.video.coupled import CoupledTask
from tests.smoke.tiny import (
    attempt_of,
    make_config,
    manifest_of,
    rows_of,
    run_command,
    run_killed,
    run_tree,
    weights_of,
)

SIZE = [32, 16]
PEOPLE = {"kind": "world_tracklets", "identities": 4, "cameras": 2, "frames": 4, "size": SIZE, "seed": 1}
BATCH = {"identities": 3, "instances": 2}
TRAIN = {"kind": "video_kd", "data": "source", "steps": 3, "batch": BATCH, "clip": {"length": 2, "stride": 1}}
COUPLE = {
    **TRAIN, "train": "small", "target": "target", "target_batch": 4, "spatial_teacher": "spatial.best",
    "temporal_teacher": "temporal.best", "heads": ["spatial", "temporal"],
}  # fmt: skip


def make_video_tree(**couple):
    trunk = {"args": {"width": 0.5, "stages": [[8, 1, 2], [16, 1, 2]]}, "arch": "ca_res", "size": SIZE, "embedding": 8}
    return {
        "schema": 1,
        "name": "tiny_video",
        "seed": 3,
        "runtime": {"device": "cpu", "threads": 1, "checkpoint_every_steps": 1},
        "data": {
            "source": {**PEOPLE, "domain": "sunny_plaza"},
            "target": {**PEOPLE, "domain": "winter_station"},
            "probe": {**PEOPLE, "domain": "winter_station", "split": "query_gallery"},
        },
        "models": {"image": trunk, "big": {**trunk, "video": "coupled"}, "small": {**trunk, "video": "coupled"}},
        "stages": {
            "spatial": {"kind": "source_pretrain", "train": "image", "data": "source", "steps": 2, "batch": BATCH},
            "temporal": {**TRAIN, "train": "big"},
            "couple": {**COUPLE, **couple},
            "fuse": {**TRAIN, "train": "small", "init": "couple.best", "heads": ["fused"]},
            "score": {
                "kind": "evaluate_video",
                "data": "probe",
                "clip": {"length": 2, "stride": 1},
                "models": {"spatial_teacher": "spatial.best", "coupled_heads": "couple.best", "coupled": "fuse.best"},
            },
        },
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video") / "run"
    assert run_command(make_video_tree(), folder) == 0
    return folder


def test_networks_of_clips_and_of_crops_are_scored_side_by_side(finished):
    rows = {row["role"]: row for row in manifest_of(finished, "score")["metrics"]["rows"]}
    assert {role: row["of"] for role, row in rows.items()} == {
        "spatial_teacher": "frames", "coupled_heads": "clips", "coupled": "clips",
    }  # fmt: skip
    assert len({row["queries"] for row in rows.values()}) == 1
    assert all(0 < row["mAP"] <= 1 and row["macs"] > 0 and row["images_per_second"] > 0 for row in rows.values())
    assert (finished / "report.html").is_file()


def test_each_head_hears_its_teacher_on_both_domains(finished):
    terms = rows_of(finished, "couple", "step")[-1]["terms"]
    heard = {f"{domain}.{head}.{term}" for domain in ("source", "target") for head in ("spatial", "temporal")
             for term in ("response", "relation", "feature")}  # fmt: skip
    assert set(terms) == {"spatial", "temporal", *heard}
    manifest = manifest_of(finished, "couple")
    assert [manifest["data"][name]["labels_read"] for name in ("source", "target")] == [True, False]


def test_the_connectors_are_thrown_away_and_the_fusion_answers(finished):
    heads, fused = (load_clip_model(attempt_of(finished, stage) / "best.safetensors") for stage in ("couple", "fuse"))
    assert (heads.model.answers, fused.model.answers) == ("both", "fused")
    assert not any("connector" in name for name in heads.model.state_dict())


def test_a_killed_training_goes_on_bit_for_bit(finished, tmp_path):
    tree = make_video_tree()
    del tree["stages"]["score"], tree["stages"]["fuse"]
    run_killed(tree, tmp_path / "run", (CoupledTask, 1), (CoupledTask, 2))
    run_tree(tree, tmp_path / "run")
    assert weights_of(tmp_path / "run", "temporal", "couple") == weights_of(finished, "temporal", "couple")


@pytest.mark.parametrize(
    ("heads", "answers"),
    [
        (["spatial", "temporal", "fused"], "fused"), (["fused"], "fused"), (["temporal", "spatial"], "both"),
        (["spatial"], "spatial"), (["temporal"], "temporal"),
    ],
)  # fmt: skip
def test_a_head_that_never_learnt_does_not_answer(heads, answers):
    alone = {"spatial_teacher": None, "temporal_teacher": None, "target": None}
    assert make_config(make_video_tree(heads=heads, **alone)).stages["couple"].answers == answers


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"heads": ["spatial"]}, "temporal_teacher is given and heads leaves temporal out"),
        ({"heads": ["spatial", "spatial", "temporal"]}, "heads names one twice"),
        ({"target": "source"}, "data and target are both source"),
        ({"spatial_teacher": None, "temporal_teacher": None}, "target target is heard by nobody"),
        ({"train": "image"}, "'image' is a re-ID network"),
        ({"spatial_teacher": None, "temporal_teacher": None, "target": None, "coupling": {"relation": 1.0}},
         "coupling says how teachers are heard"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_get_a_sentence(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_config(make_video_tree(**settings))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"objectives": {"kd": {}}}, "has the objective kd"),
        ({"objectives": {"proxy_contrast": {"on": ["source"]}}}, "has the objective proxy_contrast"),
        ({"objectives": {"byot": {"exits": ["stage1"]}}}, "byot reads the map"),
        ({"temporal_teacher": "spatial.best"}, "is no network of clips"),
        ({"spatial_teacher": "temporal.best"}, "is a network of clips"),
    ],
)
def test_what_shows_only_in_the_run_gets_a_sentence(finished, settings, sentence, tmp_path):
    tree = make_video_tree(**settings)
    del tree["stages"]["score"], tree["stages"]["fuse"]
    with pytest.raises(PipelineError, match=sentence):
        run_tree(tree, tmp_path / "run")
