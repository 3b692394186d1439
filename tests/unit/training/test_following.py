"""People are followed over the end of a recording; a kill there loses no frame."""

import pytest

from pipeline.footage.records import FootageFile
from pipeline.tracking.tracklet_writer import TrackletWriter
from pipeline.training.following import CameraFollower, FollowPlan
from tests.smoke.tiny_footage import find_posts, write_video

PLAN = FollowPlan(rate=10.0, stretch=4.0, batch=3)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two recordings of one camera: a stretch begins with the very last frame of the first one."""
    folder = tmp_path_factory.mktemp("gate")
    parts = (("part 1.avi", 41, 0), ("part 2.avi", 60, 41))
    paths = [write_video(folder / name, frames=count, shift=shift) for name, count, shift in parts]
    return [FootageFile(path, "gate", name=path.name) for path in paths]


def follow(folder, files, *, looks=None):
    """Follow everybody; with `looks` the power goes before that look."""
    done = []

    def find(images):
        done.append(0)
        if len(done) == looks:
            raise RuntimeError("the power went")
        return find_posts(None, images)

    return CameraFollower(find, PLAN, TrackletWriter(folder, made_by={})).follow("gate", files)


def left_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("looks", [1, 14, 15, 16, 20, 28, 29, 34])
def test_a_kill_at_the_end_of_a_recording_changes_nothing(files, tmp_path, looks):
    notes = follow(tmp_path / "whole", files)
    assert (notes["seen"]["frames"], notes["seen"]["stretches"]) == (101, 3)
    with pytest.raises(RuntimeError, match="power"):
        follow(tmp_path / "killed", files, looks=looks)
    assert follow(tmp_path / "killed", files) == notes
    assert left_in(tmp_path / "killed") == left_in(tmp_path / "whole")
