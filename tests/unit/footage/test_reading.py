"""Recordings of one camera are read as one, at a rate, and can be taken up where they were left."""

import pytest

from pipeline.errors import DataError
from pipeline.footage.reading import CameraReader
from pipeline.footage.records import FootageFile
from tests.unit.footage.clips import number_of, write_clip, write_sequence


def make_files(folder, *, starts=(None, None), counts=(6, 5)):
    return [
        FootageFile(write_clip(folder / f"part {i}.mkv", range(i, i + count)), "gate", start, f"part {i}.mkv")
        for i, (start, count) in enumerate(zip(starts, counts, strict=True))
    ]


def test_a_second_file_goes_on_where_the_first_ended(tmp_path):
    frames = list(CameraReader(make_files(tmp_path)).frames())
    assert [frame.number for frame in frames] == list(range(11))
    assert [frame.seconds for frame in frames] == pytest.approx([n / 10 for n in range(11)], abs=0.005)
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


def test_starts_are_kept_and_an_overlap_is_counted(tmp_path):
    reader = CameraReader(make_files(tmp_path, starts=(100.0, 200.0)))
    seconds = [frame.seconds for frame in reader.frames()]
    assert (seconds[0], seconds[6]) == pytest.approx((100.0, 200.0))
    assert not reader.faults
    reader = CameraReader(make_files(tmp_path, starts=(100.0, 100.3)))
    seconds = [frame.seconds for frame in reader.frames()]
    assert seconds == sorted(seconds)
    assert reader.faults == {"recording that begins before the one before it ends": 1}


@pytest.mark.parametrize(("rate", "expected"), [(5.0, [0, 2, 4, 6, 8, 10]), (2.0, [0, 5, 10]), (40.0, list(range(11)))])
def test_the_first_frame_of_each_moment_is_taken(tmp_path, rate, expected):
    assert [frame.number for frame in CameraReader(make_files(tmp_path), rate=rate).frames()] == expected


@pytest.mark.parametrize("rate", [None, 4.0])
@pytest.mark.parametrize("seen", [1, 3, 4])
def test_reading_is_taken_up_where_it_was_left(tmp_path, rate, seen):
    files = make_files(tmp_path, starts=(3.0, None))
    whole = list(CameraReader(files, rate=rate).frames())
    reader = CameraReader(files, rate=rate)
    frames = reader.frames()
    last = [next(frames) for _ in range(min(seen, len(whole) - 1))][-1]
    rest = list(CameraReader(files, rate=rate, place=reader.place).frames(last.number + 1))
    assert [(f.number, f.seconds) for f in rest] == [(f.number, f.seconds) for f in whole if f.number > last.number]
    assert all((one.image == other.image).all() for one, other in zip(rest[::-1], whole[::-1], strict=False))


def test_faults_are_counted_once_where_reading_is_taken_up(tmp_path):
    folder = write_sequence(tmp_path / "images", range(8))
    (folder / "frame 2.png").write_bytes(b"no image")
    (folder / "frame 6.png").unlink()
    (folder / "frame 6.png").symlink_to(tmp_path / "gone.png")
    files = [FootageFile(folder, "gate", rate=10.0)]
    whole = CameraReader(files)
    assert [frame.number for frame in whole.frames()] == [0, 1, 3, 4, 5, 7]
    assert whole.faults == {"picture without pixels": 2}
    for seen in range(1, 6):
        first = CameraReader(files)
        frames = first.frames()
        last = [next(frames) for _ in range(seen)][-1]
        second = CameraReader(files, place=first.place)
        list(second.frames(last.number + 1))
        assert second.faults == whole.faults


def test_one_unreadable_recording_of_a_camera_is_left_out(tmp_path):
    files = make_files(tmp_path)
    files[0].path.write_bytes(b"")
    reader = CameraReader(files)
    assert len(list(reader.frames())) == 5
    assert reader.faults == {"recording that cannot be read": 1}
    files[1].path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        list(CameraReader(files).frames())
