"""The folder of a site's recordings: videos, tracks, crops, frames; what is refused; what an error leaves."""

import csv
import hashlib
import json
import subprocess
import sys
from errno import ENOSPC

import av
import cv2
import numpy as np
import pytest

from datasets.frame_kinds import FRAME_KINDS
from datasets.market_layout import parse_market_name
from datasets.mot import parse_gt
from datasets.world.video.complete_file import complete_file
from datasets.world.video.mp4_file import mp4_file
from pipeline.errors import DataError
from tools.make_world import main

SMALL = ["--video", "--domain", "random-4", "--seed", "2", "--cameras", "2", "--minutes", "0.3", "--fps", "5"]
SMALL += ["--frame-size", "96x160", "--shots", "3"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    out = tmp_path_factory.mktemp("video") / "world"
    assert main([str(out), *SMALL]) == 0
    return out


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def tracks_of(world, camera):
    frames, skipped = parse_gt((world / f"truth/mot/camera_{camera}/gt/gt.txt").read_text())
    assert not skipped
    return frames


def crops_in(world, folder):
    return [parse_market_name(path.name, domain="") for path in sorted((world / "truth/crops" / folder).iterdir())]


def test_the_folder_has_the_parts_that_the_readme_names(world):
    assert sorted(path.name for path in world.iterdir()) == ["README.txt", "footage", "truth"]
    footage = sorted(path.name for path in (world / "footage").iterdir())
    assert footage == ["camera_1.mp4", "camera_2.mp4", "cameras.csv"]
    assert f"tools/make_world.py {world} --video" in (world / "README.txt").read_text()


def test_videos_have_every_frame_at_a_constant_rate(world):
    for camera in (1, 2):
        with av.open(str(world / f"footage/camera_{camera}.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.average_rate, stream.frames) == ("h264", 5, 90)
            times = [float(frame.pts * frame.time_base) for frame in container.decode(stream)]
        np.testing.assert_allclose(times, np.arange(90) / 5, atol=1e-6)


def test_cameras_start_on_one_clock(world):
    rows = list(csv.DictReader((world / "footage/cameras.csv").open()))
    assert [(row["file"], row["camera"]) for row in rows] == [("camera_1.mp4", "1"), ("camera_2.mp4", "2")]
    starts = [float(row["start"]) for row in rows]
    assert all(0.0 <= start <= 4.0 for start in starts)
    assert starts[0] != starts[1]


def test_tracks_are_those_of_the_frames(world):
    data = FRAME_KINDS["coco"](root=str(world / "truth/frames"), annotations="annotations/train.json", images="train")
    assert data.num_boxes > 10
    for sample in data.samples:
        rows = tracks_of(world, sample.camera_id).get(sample.frame + 1, [])
        assert len(rows) == len(sample.annotations)
        boxes = np.array([row.box for row in rows]).reshape(-1, 4)
        np.testing.assert_allclose(boxes, sample.annotations.boxes, atol=1e-3)
        for row, person, is_ignored in zip(rows, sample.annotations.person_ids, sample.annotations.ignore, strict=True):
            assert row.ignore == is_ignored
            assert row.person_id == person or (person < 0 and row.person_id >= 10**6)


def test_video_frames_are_the_annotated_ones(world):
    data = FRAME_KINDS["coco"](root=str(world / "truth/frames"), annotations="annotations/train.json", images="train")
    pictures = {str(camera): decoded(world / f"footage/camera_{camera}.mp4") for camera in (1, 2)}
    for sample in data.samples:
        own = pictures[sample.camera_id]
        differences = [np.abs(data.load(sample).astype(int) - own[index]).mean() for index in (sample.frame, 45)]
        assert differences[0] < 6.0
        assert sample.frame == 45 or differences[0] < differences[1]


def test_figures_keep_one_id_and_sequences_say_what_they_are(world):
    for camera in (1, 2):
        rows = [row for frame in tracks_of(world, camera).values() for row in frame]
        names = {row.box: row.person_id for row in rows if row.category == "distractor"}
        assert len(set(names.values())) == len(names)
        text = (world / f"truth/mot/camera_{camera}/seqinfo.ini").read_text()
        assert "frameRate=5\nseqLength=90\nimWidth=160\nimHeight=96\n" in text


def test_crops_are_cut_out_of_the_frames_with_the_true_boxes(world):
    crops = sorted((world / "truth/crops/bounding_box_train").iterdir())
    assert len(crops) > 10
    videos = {str(camera): decoded(world / f"footage/camera_{camera}.mp4") for camera in (1, 2)}
    for path in crops:
        sample = parse_market_name(path.name, domain="")
        video = videos[sample.camera_id]
        frame = sample.frame % 10**8
        (row,) = [row for row in tracks_of(world, sample.camera_id)[frame + 1] if row.person_id == sample.person_id]
        left, top, right, bottom = (max(0, round(side)) for side in row.box)
        crop, expected = cv2.imread(str(path))[..., ::-1], video[frame][top:bottom, left:right]
        assert crop.shape == expected.shape
        assert np.abs(crop.astype(int) - expected).mean() < 12
        assert row.visible_ratio >= 0.6


def test_query_and_gallery_show_other_people_and_every_query_has_an_answer(world):
    train, query, gallery = (crops_in(world, name) for name in ("bounding_box_train", "query", "bounding_box_test"))
    assert all(sample.person_id % 2 == 1 for sample in train)
    assert all(sample.person_id % 2 == 0 for sample in [*query, *gallery])
    assert query
    for asked in query:
        answers = [s for s in gallery if s.person_id == asked.person_id and s.camera_id != asked.camera_id]
        assert answers
    assert len({(s.person_id, s.camera_id) for s in query}) == len(query)


def test_the_same_command_gives_the_same_bytes(world, tmp_path):
    assert main([str(tmp_path / "again"), *SMALL]) == 0
    for path in sorted(world.rglob("*")):
        if path.is_file() and path.name != "README.txt":
            again = tmp_path / "again" / path.relative_to(world)
            digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (path, again)]
            assert digests[0] == digests[1], path.name


def test_test_frames_are_of_another_day(world):
    trees = [json.loads((world / f"truth/frames/annotations/{split}.json").read_text()) for split in ("train", "test")]
    people = [{row["person_id"] for row in tree["annotations"] if row["person_id"] >= 0} for tree in trees]
    assert people[0]
    assert people[1]
    assert not people[0] & people[1]
    assert [image["file_name"] for image in trees[0]["images"]] == [image["file_name"] for image in trees[1]["images"]]


def test_a_folder_with_something_in_it_is_refused(world, capsys):
    assert main([str(world), *SMALL]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "--force" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cameras", "1"], "cameras = 1"),
        (["--minutes", "0"], "minutes = 0"),
        (["--minutes", "nan"], "minutes = nan"),
        (["--fps", "31"], "fps = 31"),
        (["--frame-size", "95x160"], "even height and width"),
        (["--shots", "0"], "shots = 0"),
    ],
)
def test_what_cannot_be_filmed_is_refused_before_anything_is_written(tmp_path, capsys, words, message):
    assert main([str(tmp_path / "out"), *SMALL, *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [["--frames"], ["--sheet", "sheet.png"]])
def test_video_with_something_else_is_a_wrong_command_line(words):
    with pytest.raises(SystemExit) as stop:
        main(["out", *SMALL, *words])
    assert stop.value.code == 2


def test_an_error_leaves_no_file(tmp_path):
    def film():
        with mp4_file(tmp_path / "a.mp4", size=(32, 32), fps=5) as append:
            append(np.zeros((32, 32, 3), np.uint8))
            raise KeyError

    with pytest.raises(KeyError):
        film()
    assert not list(tmp_path.iterdir())


def test_nothing_has_the_final_name_before_it_is_complete(tmp_path):
    with mp4_file(tmp_path / "a.mp4", size=(32, 32), fps=5) as append:
        append(np.zeros((32, 32, 3), np.uint8))
        assert not (tmp_path / "a.mp4").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert len(decoded(tmp_path / "a.mp4")) == 1


FULL_DISK = """
import resource, sys
from tools.make_world import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(("limit", "name"), [(40_000, "camera_1.mp4"), (2_000, "/truth/frames/train/c01_0000000.jpg")])
def test_a_full_disk_is_told_in_one_sentence_and_leaves_no_video(tmp_path, limit, name):
    words = [sys.executable, "-c", FULL_DISK, str(limit), str(tmp_path / "out"), *SMALL]
    stopped = subprocess.run(words, capture_output=True, text=True, check=False)
    assert stopped.returncode == 2
    assert name in stopped.stderr
    assert stopped.stderr.count("\n") == 1
    assert not list((tmp_path / "out/footage").iterdir())


def test_a_file_that_cannot_be_finished_is_named_and_removed(tmp_path):
    def write():
        with complete_file(tmp_path / "gt.txt") as part, open(part, "w") as lines:
            lines.write("half")
            raise OSError(ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"gt\.txt") as stop:
        write()
    assert stop.value.filename == str(tmp_path / "gt.txt")
    assert not list(tmp_path.iterdir())


def test_a_video_in_a_folder_that_is_not_there_is_refused(tmp_path):
    file = mp4_file(tmp_path / "none/a.mp4", size=(32, 32), fps=5)
    with pytest.raises(DataError, match=r"a\.mp4' cannot be written"), file as append:
        append(np.zeros((32, 32, 3), np.uint8))
