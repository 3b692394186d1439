"""The benchmark of reading video runs on a tiny clip and tells how many frames each reader gave."""

from tests.unit.footage.clips import write_clip
from tools import bench_video


def test_both_readers_give_the_same_frames(tmp_path, capsys):
    assert bench_video.main([str(write_clip(tmp_path / "clip.mp4")), "--rate", "5", "--repeats", "2"]) == 0
    rows = [line.split("|")[1:4] for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][2:]
    assert [int(frames) for _, _, frames in rows] == [24, 24, 12, 12]


def test_a_file_that_is_no_video_is_one_sentence(tmp_path, capsys):
    (tmp_path / "words.mp4").write_text("words")
    assert bench_video.main([str(tmp_path / "words.mp4")]) == 2
    assert "cannot be opened" in capsys.readouterr().err
