"""Frames are sampled and people are followed: killed and resumed, with nobody, with one person, over two files."""

import csv
import hashlib
import json

import pytest

from pipeline.errors import CheckpointError, ConfigError, DataError, PipelineError
from pipeline.footage.sampling import FrameSampler
from pipeline.training.following import CameraFollower
from tests.smoke.tiny import attempt_of, make_config, manifest_of, only, run_command, run_tree
from tests.smoke.tiny_footage import find_posts, make_footage_tree, write_footage, write_video


@pytest.fixture(autouse=True)
def _finds_posts(monkeypatch):
    monkeypatch.setattr("stages.track_people.find_in_images", find_posts)


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return write_footage(tmp_path_factory.mktemp("site") / "Höfe und Tore")


def part(tree, *stages):
    """Return the tree with some of its stages, and without the data that others would make."""
    data = {n: e for n, e in tree["data"].items() if "from" not in e or e["from"].partition(".")[0] in stages}
    return only({**tree, "data": data}, *stages)


def table(folder, stage, name):
    with (attempt_of(folder, stage) / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(folder, stage):
    attempt = attempt_of(folder, stage)
    skipped = ("attempt.json", "manifest.json", "config.yaml")
    files = [path for path in sorted(attempt.rglob("*")) if path.is_file() and path.name not in skipped]
    return {path.relative_to(attempt).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run_dying(tree, folder, monkeypatch, owner, name, at):
    """Run until the power goes before call number `at` of a method."""
    method, calls = getattr(owner, name), []

    def dying(self, *arguments, **settings):
        calls.append(0)
        if len(calls) == at:
            raise PipelineError("the power went", "power")
        return method(self, *arguments, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying)
        with pytest.raises(PipelineError, match="power"):
            run_tree(tree, folder)


def test_frames_and_tracklets_lie_where_their_readers_look(footage, tmp_path):
    tree = make_footage_tree(footage, source="streets", frames="moments", judged=4)
    run_tree(tree, tmp_path / "run")
    frames = table(tmp_path / "run", "frames", "frames/frames.csv")
    assert {row["camera"] for row in frames} == {"yard 1", "yard 2"}
    assert len(frames) == 12
    assert all(float(row["motion"]) > 0 for row in frames)
    rows = table(tmp_path / "run", "people", "tracklets.csv")
    # Four people pass each camera, and the stretches end in the middle of two of them.
    assert len({row["tracklet"] for row in rows}) >= 8
    assert all((attempt_of(tmp_path / "run", "people") / row["path"]).is_file() for row in rows)
    manifest = manifest_of(tmp_path / "run", "people")
    assert {name: entry["labels_read"] for name, entry in manifest["data"].items()} == {
        "site": False, "moments": False, "streets": True
    }  # fmt: skip
    assert set(manifest["metrics"]["thresholds"]) == {"low", "high", "birth"}
    assert manifest["metrics"]["cameras"]["yard 1"]["seen"]["frames"] == 96
    assert manifest_of(tmp_path / "run", "frames")["metrics"]["faults"] == {"yard 1": {}, "yard 2": {}}


@pytest.mark.parametrize("at", [4, 21, 24, 40, 90])
def test_sampling_goes_on_after_a_kill_as_if_nothing_had_been(footage, tmp_path, monkeypatch, at):
    tree = part(make_footage_tree(footage), "frames")
    run_tree(tree, tmp_path / "whole")
    run_dying(tree, tmp_path / "killed", monkeypatch, FrameSampler, "look", at)
    run_dying(tree, tmp_path / "killed", monkeypatch, FrameSampler, "look", 6)
    run_tree(tree, tmp_path / "killed")
    assert contents(tmp_path / "killed", "frames") == contents(tmp_path / "whole", "frames")


@pytest.mark.parametrize("at", [2, 20, 40, 60])
def test_following_goes_on_after_a_kill_as_if_nothing_had_been(footage, tmp_path, monkeypatch, at):
    tree = part(make_footage_tree(footage), "alone", "people")
    run_tree(tree, tmp_path / "whole")
    run_dying(tree, tmp_path / "killed", monkeypatch, CameraFollower, "_look", at)
    run_tree(tree, tmp_path / "killed")
    assert contents(tmp_path / "killed", "people") == contents(tmp_path / "whole", "people")
    assert manifest_of(tmp_path / "killed", "people")["run"]["continued"] is True


def test_an_older_point_of_following_is_refused(footage, tmp_path, monkeypatch):
    tree = part(make_footage_tree(footage), "alone", "people")
    run_dying(tree, tmp_path / "run", monkeypatch, CameraFollower, "_look", 45)
    with pytest.raises(CheckpointError, match="can't go back to 2"):
        run_tree(
            tree, tmp_path / "run", resume_from=str(tmp_path / "run" / "people" / "a0001" / "resume" / "step-000002")
        )


def test_two_files_of_one_camera_are_one_recording(tmp_path):
    folder = tmp_path / "site"
    write_video(folder / "gate" / "part 9.avi", frames=48)
    write_video(folder / "gate" / "part 10.avi", frames=48, shift=48)
    tree = part(make_footage_tree(folder), "alone", "frames", "people")
    run_tree(tree, tmp_path / "run")
    rows = table(tmp_path / "run", "people", "tracklets.csv")
    assert {row["camera"] for row in rows} == {"gate"}
    assert max(int(row["frame"]) for row in rows) > 72
    assert max(float(row["seconds"]) for row in rows) > 7.2
    frames = table(tmp_path / "run", "frames", "frames/frames.csv")
    assert [int(row["frame"]) for row in frames] == sorted({int(row["frame"]) for row in frames})


def test_nobody_is_told_in_one_sentence_and_what_was_made_stays(tmp_path, capsys):
    folder = write_footage(tmp_path / "site", people=0)
    tree = make_footage_tree(folder)
    assert run_command(tree, tmp_path / "run") == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: nobody could be followed in 192 frames of 2 camera(s) (no box was sure enough)")
    assert (tmp_path / "run" / "frames" / "CURRENT").exists()
    assert (tmp_path / "run" / "alone" / "CURRENT").exists()


def test_one_person_is_followed(tmp_path):
    folder = write_footage(tmp_path / "site", people=1, cameras=1, frames=24)
    tree = make_footage_tree(folder)
    run_tree(tree, tmp_path / "run")
    assert manifest_of(tmp_path / "run", "people")["metrics"]["tracklets"] == 1


def test_an_unreadable_recording_among_others_is_left_out_and_told(tmp_path):
    folder = write_footage(tmp_path / "site")
    (folder / "yard 1.mkv").write_bytes(b"")
    run_tree(make_footage_tree(folder), tmp_path / "run")
    faults = manifest_of(tmp_path / "run", "frames")["metrics"]["faults"]
    assert faults == {"yard 1": {"recording that cannot be read": 1}, "yard 2": {}}
    assert "is empty" in manifest_of(tmp_path / "run", "people")["metrics"]["cameras"]["yard 1"]["problem"]
    (folder / "yard 2.mkv").write_bytes(b"")
    with pytest.raises(DataError, match="none of the 2 recordings"):
        run_tree(make_footage_tree(folder), tmp_path / "second")


def test_moved_footage_stays_fresh_and_other_footage_does_not(footage, tmp_path):
    folder = write_footage(tmp_path / "site")
    tree = part(make_footage_tree(folder), "frames")
    run_tree(tree, tmp_path / "run")
    moved = folder.rename(tmp_path / "elsewhere")
    assert run_tree(part(make_footage_tree(moved), "frames"), tmp_path / "run") == {"frames": "fresh"}
    write_video(moved / "yard 2.mkv", frames=30)
    assert run_tree(part(make_footage_tree(moved), "frames"), tmp_path / "run") == {"frames": "stale"}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"source": "streets"}, "source and frames go together"),
        ({"tracker": {"low": 0.8}}, "give them in ascending order"),
        ({"tracklets": {"crops": 1}}, "a tracklet has no more"),
        ({"rate": 0}, "greater than 0"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_opened(settings, sentence, tmp_path):
    with pytest.raises(ConfigError, match=sentence):
        make_config(make_footage_tree(tmp_path / "absent", **settings))


def test_recordings_are_no_crops(footage, tmp_path):
    tree = make_footage_tree(footage)
    tree["stages"]["alone"]["data"] = "site"
    with pytest.raises(ConfigError, match="holds recordings; expected street frames"):
        run_tree(part(tree, "alone"), tmp_path / "run")
    tree = make_footage_tree(footage)
    tree["stages"]["frames"]["footage"] = "streets"
    with pytest.raises(ConfigError, match="holds street frames; expected recordings"):
        run_tree(part(tree, "frames"), tmp_path / "run")


def test_a_file_of_another_run_is_taken_in_by_its_hash(footage, tmp_path):
    tree = part(make_footage_tree(footage), "alone")
    run_tree(tree, tmp_path / "first")
    made = attempt_of(tmp_path / "first", "alone") / "best.safetensors"
    entry = {"file": str(made), "sha256": hashlib.sha256(made.read_bytes()).hexdigest()}
    tree = make_footage_tree(footage)
    tree["stages"]["alone"] = {"kind": "imported", "files": {"best": entry}}
    run_tree(part(tree, "alone"), tmp_path / "second")
    taken = attempt_of(tmp_path / "second", "alone") / "best.safetensors"
    assert taken.read_bytes() == made.read_bytes()
    made.unlink()
    assert run_tree(part(tree, "alone"), tmp_path / "second") == {"alone": "fresh"}
    with pytest.raises(CheckpointError, match="can't be read"):
        run_tree(part(tree, "alone"), tmp_path / "third")
    made.write_bytes(b"something else")
    with pytest.raises(CheckpointError, match=r"has sha256 .* Write its present sha256"):
        run_tree(part(tree, "alone"), tmp_path / "third")
    tree["stages"]["people"]["detector"] = "alone.last"
    with pytest.raises(ConfigError, match=r"\(imported\) leaves no 'last' with its settings"):
        make_config(tree)
    assert json.loads((attempt_of(tmp_path / "second", "alone") / "summary.json").read_text())["files"]
