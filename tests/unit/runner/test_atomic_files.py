"""Files are complete or absent, and JSON of others is read with care."""

import os

import pytest

from pipeline.atomic_files import checked_relative, read_json, regular_files, sha256_of_file, write_atomic, write_json
from pipeline.errors import ManifestError
from pipeline.metrics_log import MetricsLog


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_write_that_fails_leaves_the_old_content_and_no_rubbish(tmp_path, monkeypatch, call):
    write_atomic(tmp_path / "a", "old")

    def fail(*arguments: object) -> None:
        assert (tmp_path / "a").read_text() == "old"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomic(tmp_path / "a", "new")
    assert caught.value.filename == str(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_equal_objects_are_equal_bytes(tmp_path):
    write_json(tmp_path / "a", {"b": 1, "a": [1.5, None]})
    write_json(tmp_path / "b", {"a": [1.5, None], "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_json(tmp_path / "a") == {"a": [1.5, None], "b": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a", {"a": float("nan")})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 90, "is not JSON"),
        (b"3", "holds a int"),
        (b" " * 200, "larger"),
    ],
)
def test_json_that_is_not_an_object_is_refused(tmp_path, content, message):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ManifestError, match=message):
        read_json(tmp_path / "a", limit=100)
    with pytest.raises(ManifestError, match="can't be read"):
        read_json(tmp_path / "absent")


def test_names_stay_inside(tmp_path):
    assert checked_relative(tmp_path, "a/b") == tmp_path / "a/b"
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("..", "a/../b", "/a", "a/", "./a", "", "a\\b", "a\0b", "link/a"):
        with pytest.raises(ManifestError):
            checked_relative(tmp_path, name)
    with pytest.raises(ManifestError, match="is a link or a device"):
        regular_files(tmp_path)


def test_a_golden_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_metrics_are_plain_json_lines_and_can_be_cut(tmp_path):
    log = MetricsLog(tmp_path / "m")
    log.write({"step": 1, "loss": float("nan"), "parts": {"kd": 0.5}, "list": (1, True, None)})
    size = log.size()
    log.write({"step": 2})
    log.cut(size)
    assert (tmp_path / "m").read_text() == '{"step": 1, "loss": null, "parts": {"kd": 0.5}, "list": [1, true, null]}\n'
    MetricsLog(None).write({"a": 1})
    assert MetricsLog(None).size() == 0
