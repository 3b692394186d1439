"""One command from footage to adapted models: it runs, goes on after a kill in each phase, refuses what can't be."""

import shutil

import pytest

from pipeline.config.strict_yaml import read_yaml, write_yaml
from pipeline.errors import PipelineError
from pipeline.footage.sampling import FrameSampler
from pipeline.new_cameras.footage_entry import footage_entry
from pipeline.retrieval.stored_table import open_table
from pipeline.run_dir import RunDir
from pipeline.training.detection.distil import DetectorDistillationTask
from pipeline.training.following import CameraFollower
from pipeline.training.progressive import ProgressiveTask
from tests.smoke.tiny import make_config, manifest_of, only, run_tree, weights_of
from tests.smoke.tiny_footage import find_posts, make_models_tree, write_footage
from tools import adapt

SETTINGS = (
    "stages.frames.per_camera=4", "stages.frames.interval=0.2", "stages.frames.rate=5", "stages.people.rate=10",
    "stages.people.stretch=4", "stages.people.judged=3",
)  # fmt: skip
PHASES = {
    "frames": (FrameSampler, "look", 12),
    "distil": (DetectorDistillationTask, "step", 5),
    "people": (CameraFollower, "_look", 14),
    "adapt": (ProgressiveTask, "step", 4),
}


@pytest.fixture(autouse=True)
def _finds_posts(monkeypatch):
    monkeypatch.setattr("stages.track_people.find_in_images", find_posts)
    monkeypatch.setattr("stages.evaluate_detector.frames_per_second", lambda model, size: 1.0)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "run"
    tree = make_models_tree()
    run_tree(only(tree, "pretrain", "direct", "adapt", "ceiling", "teach", "alone", "distil", "limit"), folder)
    return folder


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return write_footage(tmp_path_factory.mktemp("footage") / "new site", people=6, frames=144)


def command(footage, models, out, *words):
    options = [word for text in SETTINGS for word in ("--set", text)]
    return adapt.main(["--footage", str(footage), "--models", str(models), "--out", str(out), *options, *words])


@pytest.fixture(scope="module")
def adapted(models, footage, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.track_people.find_in_images", find_posts)
        out = tmp_path_factory.mktemp("adapted") / "new site 1"
        assert command(footage, models, out) == 0
    return out


def test_all_stages_run_in_this_order_and_a_report_is_left(adapted):
    tree, _ = read_yaml((adapted / "adapt.yaml").read_text(), "adapt.yaml")
    assert list(tree["stages"]) == ["teach", "alone", "pretrain", "direct", "frames", "distil", "people", "adapt"]
    assert tree["name"] == "new-site-1"
    assert all(RunDir(adapted).stage(name).current() for name in tree["stages"])
    assert (adapted / "report.html").stat().st_size > 10_000


def test_models_come_from_the_run_and_no_label_of_the_new_cameras_is_read(adapted, models):
    assert weights_of(adapted, "teach") == {
        "teach/best.safetensors": weights_of(models, "teach")["teach/best.safetensors"]
    }
    for stage, name in (("frames", "site"), ("distil", "moments"), ("people", "moments"), ("adapt", "people")):
        assert manifest_of(adapted, stage)["data"][name]["labels_read"] is False
    assert manifest_of(adapted, "adapt")["data"]["people"]["cameras"] == 2


def test_a_run_that_is_finished_is_not_done_twice(adapted, footage, models, caplog):
    with caplog.at_level("INFO"):
        assert command(footage, models, adapted) == 0
    said = "\n".join(caplog.messages)
    assert "adapt: fresh" in said
    assert "beginning" not in said


def test_of_the_footage_stays_what_is_asked_for(adapted, footage, models, tmp_path, caplog):
    out = tmp_path / "new site 1"
    shutil.copytree(adapted, out)
    count = sum(1 for _ in out.rglob("*.jpg"))
    adapt.apply_retention(out, "tracklets")
    assert 0 < sum(1 for _ in out.rglob("*.jpg")) < count
    assert command(footage, models, out, "--keep", "embeddings") == 0
    assert not list(out.rglob("*.jpg"))
    table = open_table(out / "embeddings" / "adapt-people.table")
    assert len(table.features) == manifest_of(out, "people")["metrics"]["crops"]
    assert "files removed by --keep embeddings" in (out / "report.html").read_text()
    caplog.clear()
    assert command(footage, models, out, "--keep", "none") == 0
    assert not (out / "embeddings").exists()
    assert "beginning" not in "\n".join(caplog.messages)


@pytest.mark.parametrize("phase", PHASES)
def test_a_kill_in_each_phase_changes_nothing(adapted, footage, models, tmp_path, phase):
    owner, name, at = PHASES[phase]
    method, calls = getattr(owner, name), []

    def dying(self, *arguments, **settings):
        calls.append(0)
        if len(calls) == at:
            raise PipelineError("the power went", "power")
        return method(self, *arguments, **settings)

    out = tmp_path / "new site 1"
    # What lies before the phase is there already.
    order = ["teach", "alone", "pretrain", "direct", "frames", "distil", "people", "adapt"]
    for stage in order[: order.index(phase)]:
        shutil.copytree(adapted / stage, out / stage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, dying)
        assert command(footage, models, out, "--until", phase, "--set", "runtime.checkpoint_every_steps=2") == 2
    assert command(footage, models, out, "--until", phase) == 0
    assert made_by(out, phase) == made_by(adapted, phase)
    assert manifest_of(out, phase)["run"]["continued"] is True


def made_by(folder, stage):
    """Return the hash of every file that a stage has left, but for its record of how it went."""
    skipped = ("config.yaml", "metrics.jsonl")
    return {name: digest for name, digest in manifest_of(folder, stage)["files"].items() if name not in skipped}


def test_nobody_in_the_footage_is_one_sentence_and_the_detector_stays(models, tmp_path, capsys):
    footage = write_footage(tmp_path / "site", people=0, frames=48)
    assert command(footage, models, tmp_path / "run") == 2
    captured = capsys.readouterr()
    assert "error: nobody could be followed in 96 frames of 2 camera(s)" in captured.err
    assert (tmp_path / "run" / "distil" / "CURRENT").exists()
    assert (tmp_path / "run" / "report.html").exists()


def test_one_person_before_one_camera_is_enough_to_go_through(models, tmp_path, caplog):
    footage = write_footage(tmp_path / "site", people=1, cameras=1, frames=24)
    assert command(footage, models, tmp_path / "run") == 0
    assert "people has one camera alone" in caplog.text
    assert manifest_of(tmp_path / "run", "people")["metrics"]["tracklets"] == 1


def test_a_half_that_is_missing_is_told(footage, tmp_path, capsys):
    tree = make_models_tree()
    halves = {"re-ID": ("teach", "alone", "distil"), "detector": ("pretrain", "direct", "adapt")}
    for missing, kept in halves.items():
        folder = tmp_path / missing
        folder.mkdir()
        (folder / "config.yaml").write_text(write_yaml(only(tree, *kept)))
        assert command(footage, folder, tmp_path / "out") == 2
        assert f"has no {missing} half; expected a stage of kind" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_edited_configuration_is_not_overwritten(adapted, footage, models, tmp_path, capsys):
    out = tmp_path / "new site 1"
    out.mkdir()
    (out / "adapt.yaml").write_text((adapted / "adapt.yaml").read_text() + "# a word of mine\n")
    assert command(footage, models, out) == 2
    assert "is not what this command line derives" in capsys.readouterr().err
    assert command(tmp_path / "absent", models, tmp_path / "other") == 2
    assert "does not exist" in capsys.readouterr().err


def test_labelled_data_of_the_new_cameras_adds_what_measures(models, footage, tmp_path, capsys):
    crops, frames = tmp_path / "crops", tmp_path / "frames"
    crops.mkdir()
    (frames / "annotations").mkdir(parents=True)
    words = ["--footage", str(footage), "--models", str(models), "--out", str(tmp_path / "run")]
    words += ["--probe-crops", str(crops), "--ceiling-crops", str(crops)]
    words += ["--probe-frames", str(frames), "--ceiling-frames", str(frames)]
    assert adapt.main(words) == 2
    assert "has neither annotations/test.json nor annotations.json" in capsys.readouterr().err
    for split in ("train", "test"):
        (frames / "annotations" / f"{split}.json").write_text("{}")
    tree = adapt.derived_tree(adapt.build_parser().parse_args(words))
    stages = tree["stages"]
    assert stages["score"]["models"] == {
        "student_direct": "direct.best", "teacher_direct": "pretrain.best", "teacher_adapted": "adapt.teacher",
        "student_adapted": "adapt.best", "student_supervised": "supervised_student.best",
    }  # fmt: skip
    assert stages["score_detectors"]["models"] == {
        "student_direct": "alone.best", "teacher_direct": "teach.best", "student_adapted": "distil.best",
        "student_supervised": "supervised_detector.best",
    }  # fmt: skip
    assert stages["supervised_student"]["data"] == ["source", "site_crops"]
    assert stages["supervised_detector"]["is_ceiling"] is True
    assert stages["people"]["detector"] == "distil.best"
    by_teacher = adapt.derived_tree(adapt.build_parser().parse_args([*words, "--follow", "teacher"]))
    assert by_teacher["stages"]["people"]["detector"] == "distil.teacher"
    make_config(tree)


def test_what_stays_is_not_decided_before_the_end(tmp_path, capsys):
    words = ["--footage", str(tmp_path), "--models", str(tmp_path), "--out", str(tmp_path / "run")]
    assert adapt.main([*words, "--keep", "none", "--until", "frames"]) == 2
    assert "error: --keep none with --until frames; expected --keep with a run to its end" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_several_places_are_one_footage_below_the_folder_that_they_share(tmp_path):
    for name in ("a/x 1.mp4", "b/y.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    entry = footage_entry([tmp_path / "a" / "x 1.mp4", tmp_path / "b"], None)
    assert entry == {"kind": "footage", "root": str(tmp_path), "files": ["a/x 1.mp4", "b"]}
    assert footage_entry([tmp_path / "b" / "y.mp4"], None)["root"] == str(tmp_path / "b" / "y.mp4")
