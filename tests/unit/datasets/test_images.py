"""Decoding of every odd kind of image file, and refusals with one sentence."""

import io

import numpy as np
import pytest
from PIL import Image

from datasets.images import load_image, resize
from pipeline.errors import DataError
from tests.unit.datasets.crops import make_pixels


def _save(path, pixels, mode="RGB", **options):
    Image.fromarray(pixels).convert(mode).save(path, **options)
    return path


def _red_over_black():
    pixels = np.zeros((20, 10, 3), np.uint8)
    pixels[:10] = (255, 0, 0)
    return pixels


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "PNG"])
def test_lossless_formats_return_the_pixels(tmp_path, suffix):
    pixels = make_pixels()
    options = {"lossless": True} if suffix == "webp" else {}
    assert np.array_equal(load_image(_save(tmp_path / f"a.{suffix}", pixels, **options)), pixels)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_equals_pillow(tmp_path, mode):
    path = _save(tmp_path / "a.jpg", make_pixels(height=64, width=32), mode=mode)
    with Image.open(path) as image:
        assert np.abs(load_image(path).astype(int) - np.asarray(image.convert("RGB")).astype(int)).max() <= 2


def test_grey_becomes_three_equal_channels(tmp_path):
    image = load_image(_save(tmp_path / "a.png", make_pixels(), mode="L"))
    assert image.shape == (16, 8, 3)
    assert (image == image[:, :, :1]).all()


def test_cmyk_keeps_its_colour(tmp_path):
    image = load_image(_save(tmp_path / "a.jpg", _red_over_black(), mode="CMYK", quality=95))
    assert np.abs(image[3, 5].astype(int) - (255, 0, 0)).max() < 12


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    values = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_float_image_outside_zero_to_one_is_refused(tmp_path):
    Image.fromarray(np.full((2, 2), 7.5, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="lie outside"):
        load_image(tmp_path / "a.tif")


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise: the top becomes the right side
    image = load_image(_save(tmp_path / "a.jpg", _red_over_black(), exif=exif, quality=95))
    assert image.shape == (10, 20, 3)
    assert image[5, 17, 0] > 200
    assert image[5, 2, 0] < 50


def test_transparent_pixels_lie_over_grey(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2, :, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png")
    assert image[0, 0].tolist() == [0, 0, 0]
    assert image[3, 0].tolist() == [128, 128, 128]


def test_palette_is_resolved(tmp_path):
    image = load_image(_save(tmp_path / "a.png", _red_over_black(), mode="P"))
    assert image[0, 0].tolist() == [255, 0, 0]


def test_one_pixel_is_an_image(tmp_path):
    image = load_image(_save(tmp_path / "a.png", make_pixels(height=1, width=1)))
    assert image.shape == (1, 1, 3)
    assert resize(image, (8, 4)).shape == (8, 4, 3)


def _jpeg_bytes():
    buffer = io.BytesIO()
    Image.fromarray(make_pixels(height=64, width=32)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"not an image at all", "no known image format"),
        (_jpeg_bytes()[:20], "image"),
        (_jpeg_bytes()[: len(_jpeg_bytes()) // 2], "truncated"),
        (_jpeg_bytes()[:-20], "truncated"),
    ],
)
def test_damaged_files_are_refused_with_path_and_reason(tmp_path, content, reason):
    path = tmp_path / "0001_c1.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as error:
        load_image(path)
    assert "0001_c1.jpg" in str(error.value)
    assert "\n" not in str(error.value)


def test_truncated_png_is_refused(tmp_path):
    path = _save(tmp_path / "a.png", make_pixels(height=64, width=32))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="cannot read image"):
        load_image(path)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        load_image(tmp_path / "absent.png")


def test_decompression_bomb_is_refused_by_its_header(tmp_path):
    buffer = io.BytesIO()
    Image.new("1", (9_000, 8_000)).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match="more than 64 million"):
        load_image(tmp_path / "a.png")


def test_resize_averages_areas_when_shrinking():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, ::2] = 200
    assert (resize(image, (2, 2)) == 100).all()


@pytest.mark.parametrize("size", [(8, 4), (64, 32), (8, 32), (64, 4), (16, 8)])
def test_resize_keeps_a_constant_image(size):
    image = np.full((16, 8, 3), 77, np.uint8)
    resized = resize(image, size)
    assert resized.shape == (*size, 3)
    assert (resized == 77).all()
