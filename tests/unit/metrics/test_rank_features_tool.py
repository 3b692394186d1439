import json

import numpy as np
import pytest

from pipeline.metrics.ranking import rank_queries
from tests.unit.metrics.test_ranking import make_columns
from tools.rank_features import COLUMNS, main


def make_file(folder, **changes):
    columns = dict(zip(COLUMNS, make_columns(3), strict=True)) | changes
    path = folder / "features.npz"
    np.savez(path, **{name: value for name, value in columns.items() if value is not None})
    return path


def test_prints_the_numbers_with_six_decimals(tmp_path, capsys):
    assert main([str(make_file(tmp_path)), "--metric", "euclidean", "--ap", "trapezoid"]) == 0
    printed = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines()[:5])
    expected = rank_queries(*make_columns(3), metric="euclidean", ap="trapezoid")
    assert printed == {
        "mAP": f"{expected.mAP:.6f}",
        "CMC@1": f"{expected.cmc[1]:.6f}",
        "CMC@5": f"{expected.cmc[5]:.6f}",
        "CMC@10": f"{expected.cmc[10]:.6f}",
        "mINP": f"{expected.mINP:.6f}",
    }


def test_json_holds_numbers_rules_and_interval(tmp_path):
    out = tmp_path / "out.json"
    assert main([str(make_file(tmp_path)), "--json", str(out)]) == 0
    written = json.loads(out.read_text())
    expected = rank_queries(*make_columns(3))
    assert written["mAP"] == expected.mAP
    assert written["cmc"] == {str(k): v for k, v in expected.cmc.items()}
    assert written["semantics"] == dict(expected.semantics)
    low, high = written["mAP_interval_over_queries"]
    assert low < expected.mAP < high


def test_one_camera_for_everything_names_the_way_out(tmp_path, capsys):
    same = {"query_cameras": np.zeros(12, int), "gallery_cameras": np.zeros(60, int)}
    path = make_file(tmp_path, **same)
    assert main([str(path)]) == 2
    assert "choose cameras 'unknown'" in capsys.readouterr().err
    assert main([str(path), "--cameras", "unknown"]) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gallery_ids": None}, "lacks gallery_ids"),
        ({"gallery_ids": np.array([{}] * 60)}, "Python objects"),
        ({"query_features": np.full((12, 8), np.nan)}, "not finite"),
        ({"query_features": np.zeros((12, 5))}, "5 dimensions"),
        ({"query_features": np.zeros(12)}, "shape (12,)"),
        ({"query_ids": np.zeros(3, int)}, "query ids of shape (3,)"),
        ({"query_cameras": np.full(12, "c1")}, "query cameras of type"),
        ({"query_ids": np.full(12, 0.5)}, "query ids of type"),
    ],
)
def test_bad_arrays_are_one_sentence_and_exit_2(tmp_path, capsys, changes, message):
    assert main([str(make_file(tmp_path, **changes))]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def make_missing(path):
    path.unlink()


def make_folder(path):
    path.unlink()
    path.mkdir()


def make_truncated(path):
    path.write_bytes(path.read_bytes()[:-200])


def make_text(path):
    path.write_text("not an archive")


def make_empty(path):
    path.write_bytes(b"")


def make_single_array(path):
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))


def make_pickle(path):
    with path.open("wb") as stream:
        np.save(stream, np.array([{}]), allow_pickle=True)


@pytest.mark.parametrize(
    "damage", [make_missing, make_folder, make_truncated, make_text, make_empty, make_single_array, make_pickle]
)
def test_unreadable_files_are_one_sentence_and_exit_2(tmp_path, capsys, damage):
    path = make_file(tmp_path)
    damage(path)
    assert main([str(path)]) == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert error.count("\n") == 1


def test_a_json_path_that_cannot_be_written_is_an_error(tmp_path, capsys):
    assert main([str(make_file(tmp_path)), "--json", str(tmp_path / "no" / "out.json")]) == 2
    assert "no/out.json" in capsys.readouterr().err
