"""Bad images, names and folders are skipped with a count or refused with a sentence; never a traceback."""

import logging

import numpy as np
import pytest
from PIL import Image

from tests.smoke.tiny import make_tree, manifest_of, market_names, only, rows_of, run_command, write_crops


def pixels(seed=0, shape=(20, 10, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_cmyk(path):
    Image.fromarray(pixels()).convert("CMYK").save(path.with_suffix(".jpg"))
    path.unlink()


def write_rotated(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels(shape=(10, 20, 3))).save(path.with_suffix(".jpg"), exif=exif)
    path.unlink()


READABLE = {
    "cmyk": write_cmyk,
    "greyscale": lambda path: Image.fromarray(pixels(shape=(20, 10))).save(path),
    "16-bit": lambda path: Image.fromarray(pixels(shape=(20, 10)).astype(np.uint16) * 257).save(path),
    "exif-rotated": write_rotated,
    "1x1": lambda path: Image.fromarray(pixels(shape=(1, 1, 3))).save(path),
    "palette": lambda path: Image.fromarray(pixels()).convert("P").save(path),
}
UNREADABLE = {
    "zero-byte": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "text": lambda path: path.write_text("not an image"),
    "three bytes": lambda path: path.write_bytes(path.read_bytes()[:3]),
}


@pytest.fixture
def crops(tmp_path):
    return write_crops(tmp_path / "crops", market_names())


def make_source_tree(root):
    tree = only(make_tree(), "direct")
    tree["data"]["source"] = {"kind": "market1501", "root": str(root)}
    return tree


def refused(tree, folder, capsys):
    """Run the command, and return its sentence."""
    assert run_command(tree, folder) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    lines = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, error
    return lines[0]


@pytest.mark.parametrize("name", READABLE)
def test_unusual_images_are_used(name, crops, tmp_path):
    READABLE[name](sorted(crops.iterdir())[3])
    assert run_command(make_source_tree(crops), tmp_path / "run") == 0
    entry = manifest_of(tmp_path / "run", "direct")["data"]["source"]
    assert (entry["images"], entry["skipped"]) == (24, {})


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_images_are_counted(name, crops, tmp_path, caplog):
    UNREADABLE[name](sorted(crops.iterdir())[3])
    with caplog.at_level(logging.WARNING):
        assert run_command(make_source_tree(crops), tmp_path / "run") == 0
    entry = manifest_of(tmp_path / "run", "direct")["data"]["source"]
    assert (entry["images"], entry["skipped"]) == (23, {"unreadable image": 1})
    assert "1 of 24 images are left out" in caplog.text


def test_too_many_unreadable_images_are_refused(crops, tmp_path, capsys):
    for path in sorted(crops.iterdir())[:8]:
        path.write_bytes(b"")
    sentence = refused(make_source_tree(crops), tmp_path / "run", capsys)
    assert "8 of 24 images of crops cannot be read" in sentence


def test_an_empty_or_missing_folder_is_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "has no bounding_box_train" in refused(make_source_tree(tmp_path / "empty"), tmp_path / "one", capsys)
    assert "holds no image" in refused(make_target_tree(tmp_path / "empty"), tmp_path / "three", capsys)
    assert "does not exist" in refused(make_source_tree(tmp_path / "nowhere"), tmp_path / "two", capsys)


def test_wrong_names_are_refused_or_counted(crops, tmp_path, capsys):
    write_crops(crops, ["holiday.png"])
    (crops / "notes.txt").write_text("hello")
    assert run_command(make_source_tree(crops), tmp_path / "run") == 0
    skipped = manifest_of(tmp_path / "run", "direct")["data"]["source"]["skipped"]
    assert skipped == {"file of another type": 1, "name of another form": 1}
    others = write_crops(tmp_path / "others/bounding_box_train", ["a.png", "b.png"]).parent
    assert "Market-style name" in refused(make_source_tree(others), tmp_path / "other", capsys)


def test_one_identity_is_refused(tmp_path, capsys):
    crops = write_crops(tmp_path / "crops", market_names(persons=1))
    sentence = refused(make_source_tree(crops), tmp_path / "run", capsys)
    assert "at least two, to tell one from another" in sentence


@pytest.mark.parametrize("names", [market_names(cameras=1), market_names(cameras=2, shots=1), market_names(shots=5)])
def test_one_camera_and_single_crops_train(names, tmp_path):
    crops = write_crops(tmp_path / "crops", names[:-1])
    assert run_command(make_source_tree(crops), tmp_path / "run") == 0


def test_identities_with_one_crop_train(tmp_path):
    names = [name for number, name in enumerate(market_names(persons=8, cameras=1, shots=2)) if number % 4 < 3]
    crops = write_crops(tmp_path / "crops", names)
    assert run_command(make_source_tree(crops), tmp_path / "run") == 0


def make_target_tree(root, **data):
    tree = only(make_tree(rounds=1, steps=2, init=None), "pretrain", "adapt")
    tree["data"]["target"] = {"kind": "image_folder", "root": str(root), **data}
    return tree


def test_a_bad_target_is_survived(tmp_path):
    crops = write_crops(tmp_path / "crops", [f"{number:03d}.png" for number in range(30)])
    for name, write in {**UNREADABLE, **READABLE}.items():
        path = crops / f"{len(name):03d}{name[:2]}.png"
        Image.fromarray(pixels(3)).save(path)
        write(path)
    assert run_command(make_target_tree(crops), tmp_path / "run") == 0
    entry = manifest_of(tmp_path / "run", "adapt")["data"]["target"]
    assert entry["skipped"] == {"unreadable image": 4}
    assert entry["images"] == 36
    assert (entry["cameras"], entry["labels_read"]) == (0, False)


@pytest.mark.parametrize("count", [1, 3])
def test_a_handful_of_target_images_is_survived_or_refused(count, tmp_path, capsys):
    crops = write_crops(tmp_path / "crops", [f"{number}.png" for number in range(count)])
    code = run_command(make_target_tree(crops), tmp_path / "run")
    assert code in (0, 2)
    assert "Traceback" not in capsys.readouterr().err
    if code == 0:
        assert rows_of(tmp_path / "run", "adapt", "collapse")


def test_equal_target_images_are_survived(tmp_path):
    crops = write_crops(tmp_path / "crops", ["a.png"])
    for number in range(20):
        (crops / f"{number}.png").write_bytes((crops / "a.png").read_bytes())
    assert run_command(make_target_tree(crops), tmp_path / "run") == 0
    assert rows_of(tmp_path / "run", "adapt", "collapse")


def make_probe_tree(root):
    tree = only(make_tree(), "direct", "score")
    tree["stages"]["score"]["models"] = {"student_direct": "direct.best"}
    tree["data"]["probe"] = {"kind": "market1501", "root": str(root), "split": "query_gallery"}
    return tree


def write_probe(root, query, gallery):
    write_crops(root / "query", query)
    write_crops(root / "bounding_box_test", gallery)
    return root


def test_a_bad_probe_image_is_counted(tmp_path):
    names = market_names()
    root = write_probe(tmp_path / "probe", names[::4], names[2:])
    UNREADABLE["truncated"](root / "query" / names[0])
    UNREADABLE["zero-byte"](root / "bounding_box_test" / names[3])
    assert run_command(make_probe_tree(root), tmp_path / "run") == 0
    assert manifest_of(tmp_path / "run", "score")["data"]["probe"]["skipped"] == {"unreadable image": 2}
    row = manifest_of(tmp_path / "run", "score")["metrics"]["rows"][0]
    assert row["queries"] == 5


@pytest.mark.parametrize(
    ("query", "gallery"),
    [
        (market_names(cameras=1), market_names(cameras=1)),  # one camera
        (market_names(persons=2)[:2], market_names(persons=4)[8:]),  # nobody in both
        (["0001_c1s1_000000_00.png"], ["0001_c1s1_000000_00.png"]),
    ],
)
def test_a_probe_without_a_possible_answer_is_refused(query, gallery, tmp_path, capsys):
    root = write_probe(tmp_path / "probe", query, gallery)
    sentence = refused(make_probe_tree(root), tmp_path / "run", capsys)
    assert "quer" in sentence


def test_a_probe_without_a_gallery_is_refused(tmp_path, capsys):
    write_crops(tmp_path / "probe/query", market_names())
    assert "has no bounding_box_test" in refused(make_probe_tree(tmp_path / "probe"), tmp_path / "run", capsys)
