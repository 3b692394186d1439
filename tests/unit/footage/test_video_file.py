"""Videos of four containers are decoded; damage, odd headers and odd pictures are survived or told in one sentence."""

import struct
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.footage.reading import read_frames
from pipeline.footage.video_file import decode_video
from tests.unit.footage.clips import (
    HEIGHT,
    WIDTH,
    make_picture,
    number_of,
    overwrite,
    packets_of,
    write_clip,
    write_sequence,
    write_sound,
)


def read(path):
    faults = Counter()
    pictures = [(round(p.seconds, 3), p.image()) for p in decode_video(path, faults)]
    return [s for s, _ in pictures], [image for _, image in pictures], faults


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".mov"])
def test_each_container_gives_every_picture_in_order_and_time(tmp_path, suffix):
    seconds, images, faults = read(write_clip(tmp_path / f"Kamera Süd 1{suffix}"))
    assert [number_of(image) for image in images] == list(range(12))
    assert seconds == pytest.approx([n / 10 for n in range(12)], abs=0.002)
    assert all(image.shape == (HEIGHT, WIDTH, 3) and image.dtype == np.uint8 for image in images)
    assert not faults
    assert np.abs(images[5].astype(int) - make_picture(5)).mean() < 4


def test_a_sequence_of_images_is_read_by_number(tmp_path):
    frames = list(read_frames(write_sequence(tmp_path / "site one"), sequence_rate=5.0))
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.seconds for frame in frames] == pytest.approx([n / 5 for n in range(12)])


def test_an_image_that_cannot_be_decoded_leaves_its_place_in_time(tmp_path):
    folder = write_sequence(tmp_path / "images")
    (folder / "frame 3.png").write_bytes(b"no image")
    (folder / "frame 4.png").write_bytes(b"")
    frames = list(read_frames(folder, sequence_rate=10.0))
    assert [frame.number for frame in frames] == [0, 1, 2, *range(5, 12)]
    assert frames[3].seconds == pytest.approx(0.5)


def test_damaged_packets_in_the_middle_are_passed_over(tmp_path):
    path = write_clip(tmp_path / "clip.avi", range(18))
    for position, size in packets_of(path)[6:8]:
        # The chunk's own header stays; behind it nothing is a picture.
        overwrite(path, position + 8, b"\x00" * size)
    _, images, faults = read(path)
    numbers = [number_of(image) for image in images]
    assert sum(faults.values()) >= 1
    assert numbers[:6] == list(range(6))
    assert numbers[-6:] == list(range(12, 18))


def test_noise_in_the_container_is_survived(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", range(18))
    position, size = packets_of(path)[8]
    overwrite(path, position, np.random.default_rng(1).bytes(size + 30))
    _, images, _ = read(path)
    assert [number_of(image) for image in images[:8]] == list(range(8))


def test_a_file_that_was_cut_off_is_read_to_where_it_ends(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", range(18))
    position, size = packets_of(path)[12]
    content = path.read_bytes()
    path.write_bytes(content[: position + size // 2])
    _, images, _ = read(path)
    assert [number_of(image) for image in images[:12]] == list(range(12))
    assert len(images) <= 13


def test_the_number_of_frames_in_a_header_is_not_believed(tmp_path):
    path = write_clip(tmp_path / "clip.avi")
    start = path.read_bytes().index(b"avih") + 8
    for claimed in (3, 1_000_000):
        overwrite(path, start + 16, struct.pack("<I", claimed))
        assert len(read(path)[1]) == 12


def test_times_of_a_variable_rate_are_those_of_the_file(tmp_path):
    stamps = [0, 40, 500, 520, 2000, 2040]
    seconds, images, _ = read(write_clip(tmp_path / "clip.mkv", range(6), stamps=stamps))
    assert seconds == pytest.approx([stamp / 1000 for stamp in stamps], abs=0.002)
    assert [number_of(image) for image in images] == list(range(6))


@pytest.mark.parametrize(("degrees", "corner"), [(90, (0, 1)), (180, (1, 1)), (270, (1, 0))])
def test_a_turned_video_stands_upright(tmp_path, degrees, corner):
    path = write_clip(tmp_path / "phone.mp4", range(3))
    _turn_clockwise(path, degrees)
    _, images, _ = read(path)
    height, width = images[0].shape[:2]
    assert (height, width) == ((HEIGHT, WIDTH) if degrees == 180 else (WIDTH, HEIGHT))
    bright = images[0].astype(int).sum(2).reshape(2, height // 2, 2, width // 2).mean((1, 3))
    assert np.unravel_index(bright.argmax(), (2, 2)) == corner


def _turn_clockwise(path, degrees):
    """Write the matrix of a turn into the track's header, as a telephone does that is held upright."""
    cosine, sine = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one = 1 << 16
    matrix = struct.pack(">9i", cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30)
    overwrite(path, path.read_bytes().index(b"tkhd") + 4 + 40, matrix)


@pytest.mark.parametrize("shape", ["4/3", "12/11", "1/2"])
def test_pixels_that_are_not_square_are_shown_as_they_were_filmed(tmp_path, shape):
    _, images, _ = read(write_clip(tmp_path / "recorder.mp4", range(3), shape=Fraction(shape)))
    assert images[0].shape == (HEIGHT, round(WIDTH * Fraction(shape)), 3)
    assert [number_of(image) for image in images] == [0, 1, 2]


def test_interlaced_pictures_have_no_combs(tmp_path):
    flags = {"flags": "+ildct+ilme+qscale"}
    path = write_clip(tmp_path / "recorder.mpg", range(6), codec="mpeg2video", options=flags)
    _, images, _ = read(path)
    assert len(images) == 6
    lines = images[2].astype(int)
    # Every other line is the mean of its neighbours.
    assert np.abs(lines[1:-2:2] - (lines[0:-2:2] + lines[2::2] + 1) // 2).max() == 0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: path.write_bytes(b"these are words, not pictures " * 50), "cannot be opened"),
        (write_sound, r"has no video \(only sound\)"),
        (lambda path: None, "cannot be opened"),
        (lambda path: path.mkdir(), "holds no image"),
    ],
    ids=["empty", "text", "sound", "absent", "folder"],
)
def test_what_is_no_recording_is_refused_in_one_sentence(tmp_path, make, sentence):
    path = tmp_path / "gate 2.mkv"
    make(path)
    with pytest.raises(DataError, match=sentence) as caught:
        list(read_frames(path))
    assert "gate 2.mkv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_mp4_that_was_cut_off_before_its_index_is_refused_with_a_way_out(tmp_path):
    path = write_clip(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(DataError, match="can be repaired"):
        list(read_frames(path))


def test_a_video_without_one_picture_is_refused(tmp_path):
    path = write_clip(tmp_path / "clip.avi", range(4))
    for position, size in packets_of(path):
        overwrite(path, position + 8, b"\x00" * size)
    with pytest.raises(DataError, match="no picture that can be decoded"):
        list(read_frames(path))
