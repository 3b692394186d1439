"""From a model and crops to a table, an index and an answer, as a user types it."""

import json

import numpy as np
import pytest

from pipeline.metrics.match_rates import MatchPoint
from pipeline.metrics.match_record import MatchEvidence, MatchRecord
from tests.unit.tools.test_evaluate import make_crops, make_model
from tools import build_index, extract, search_index

READ = ["--from", "table", "--with", "pattern=market"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_crops(folder / "query", shot=1)
    make_crops(folder / "gallery", shot=2, persons=6)
    points = (MatchPoint(0.01, 0.02, 0.01, 0.6), MatchPoint(0.1, 0.09, 0.1, 0.9))
    record = MatchRecord((MatchEvidence("hall", "clusters", True, 40, 900, points),))
    make_model(folder / "model.safetensors", cameras=("1", "2"), match=record)
    for name in ("query", "gallery"):
        words = [str(folder / "model.safetensors"), str(folder / name), *READ, "--out", str(folder / f"{name}.table")]
        assert extract.main([*words, "--device", "cpu"]) == 0
    assert build_index.main([str(folder / "gallery.table"), "--out", str(folder / "index")]) == 0
    return folder


def result_of(capsys):
    return json.loads(capsys.readouterr().out)


def test_an_answer_names_rows_cameras_and_distances(made, capsys):
    assert search_index.main([str(made / "index"), str(made / "query.table"), "-k", "3"]) == 0
    values = result_of(capsys)
    gallery, query = (np.load(made / f"{name}.table" / "features.npy") for name in ("gallery", "query"))
    # Standardised rows have length one.
    distances = 1 - query @ gallery.T
    names = sorted(path.name for path in (made / "gallery").iterdir())
    assert (values["kind"], values["metric"], values["rows"], len(values["results"])) == ("flat", "cosine", 12, 8)
    for row, answer in zip(distances, values["results"], strict=True):
        order = np.argsort(row, kind="stable")[:3]
        assert [one["position"] for one in answer["neighbours"]] == order.tolist()
        assert [one["name"] for one in answer["neighbours"]] == [names[i] for i in order]
        assert [one["camera"] for one in answer["neighbours"]] == [names[i][6] for i in order]
        np.testing.assert_allclose([one["distance"] for one in answer["neighbours"]], row[order], atol=1e-6)


def test_crops_are_searched_for_as_their_table_is(made, capsys):
    words = [str(made / "index"), "-k", "3"]
    assert search_index.main([*words, str(made / "query.table")]) == 0
    by_table = result_of(capsys)
    assert search_index.main([*words, str(made / "query"), "--model", str(made / "model.safetensors"), *READ]) == 0
    by_crops = result_of(capsys)
    positions = [
        [[n["position"] for n in a["neighbours"]] for a in values["results"]] for values in (by_table, by_crops)
    ]
    assert positions[0] == positions[1]


def test_an_index_is_built_from_crops_in_one_command(made, tmp_path, capsys):
    words = [str(made / "gallery"), "--model", str(made / "model.safetensors"), *READ, "--out", str(tmp_path / "index")]
    assert build_index.main(words) == 0
    assert "index: flat, 12 rows of 16, cosine metric" in capsys.readouterr().out
    for name in ("vectors.faiss", "names.npy"):
        assert (tmp_path / "index" / name).read_bytes() == (made / "index" / name).read_bytes()


def test_extraction_that_is_complete_is_not_done_again(made, capsys, monkeypatch):
    monkeypatch.setattr("pipeline.training.table_extraction.read_crops", None)
    words = [str(made / "model.safetensors"), str(made / "query"), *READ, "--out", str(made / "query.table")]
    assert extract.main([*words, "--device", "cpu"]) == 0
    assert "8 rows, 16 float32 each, standardised by camera" in capsys.readouterr().out


def test_features_of_another_program_are_searched(tmp_path, capsys):
    rows = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    np.savez(
        tmp_path / "f.npz", query_features=rows[:3], query_ids=np.arange(3), gallery_features=rows,
        gallery_ids=np.arange(300), gallery_cameras=np.arange(300) % 4,
    )  # fmt: skip
    words = [str(tmp_path / "f.npz"), "--out", str(tmp_path / "i"), "--kind", "ivf", "--metric", "euclidean"]
    assert build_index.main([*words, "--probes", "7"]) == 0
    assert "ivf, probes 7, lists 7, 300 rows of 8, euclidean metric" in capsys.readouterr().out
    out = tmp_path / "out.json"
    assert search_index.main([str(tmp_path / "i"), str(tmp_path / "f.npz"), "-k", "999", "--json", str(out)]) == 0
    first, second, _ = json.loads(out.read_text())["results"]
    assert first["neighbours"][0] == {"position": 0, "distance": 0.0, "name": "0", "camera": "0", "person": 0}
    assert second["neighbours"][0]["position"] == 1
    assert len(first["neighbours"]) == 300


@pytest.mark.parametrize("rate", ["0.01", "0.1"])
def test_a_stored_threshold_says_who_is_the_same_person(made, capsys, rate):
    model = str(made / "model.safetensors")
    words = [str(made / "index"), "-k", "12", "--match-rate", rate]
    assert search_index.main([*words, str(made / "query.table"), "--thresholds", model]) == 0
    by_table = result_of(capsys)
    assert search_index.main([*words, str(made / "query"), "--model", model, *READ]) == 0
    assert result_of(capsys)["match"] == by_table["match"]
    limit = {"0.01": 0.02, "0.1": 0.09}[rate]
    assert by_table["match"]["threshold"] == limit
    assert by_table["match"]["from"] == "900 pairs of clusters of hall"
    neighbours = [one for answer in by_table["results"] for one in answer["neighbours"]]
    assert {one["same_person"] for one in neighbours} == {True, False}
    assert all(one["same_person"] == (one["distance"] < limit) for one in neighbours)


def test_thresholds_that_do_not_fit_are_one_sentence(made, tmp_path, capsys):
    words = [str(made / "index"), str(made / "query.table"), "--match-rate", "0.01"]
    check_mistake(capsys, search_index.main(words), "--match-rate without a model")
    other = make_model(tmp_path / "other.safetensors")
    check_mistake(capsys, search_index.main([*words, "--thresholds", str(other)]), "holds no threshold")
    model = made / "model.safetensors"
    rate = [*words[:2], "--thresholds", str(model), "--match-rate", "0.02"]
    check_mistake(capsys, search_index.main(rate), "false-match rate of 0.02; expected one that is stored (0.01, 0.1)")
    plain = ["--camera-statistics", "off", "--device", "cpu"]
    words = [str(model), str(made / "gallery"), *READ, "--out", str(tmp_path / "plain.table"), *plain]
    assert extract.main(words) == 0
    assert build_index.main([str(tmp_path / "plain.table"), "--out", str(tmp_path / "plain")]) == 0
    capsys.readouterr()
    asked = [str(tmp_path / "plain"), str(tmp_path / "plain.table"), "--match-rate", "0.01", "--thresholds", str(model)]
    check_mistake(capsys, search_index.main(asked), "no threshold for embeddings that are not standardised by camera")
    words = [str(made / "gallery.table"), "--out", str(tmp_path / "far"), "--metric", "euclidean"]
    assert build_index.main(words) == 0
    capsys.readouterr()
    asked = [str(tmp_path / "far"), str(made / "query.table"), "--match-rate", "0.01", "--thresholds", str(model)]
    check_mistake(capsys, search_index.main(asked), "exact cosine distances")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["NOWHERE", "query.table"], "holds no index"),
        (["index", "nothing.npy"], "there is no file"),
        (["index", "wide.npy"], "queries of 17 dimensions; expected 16"),
        (["index", "empty.npy"], "holds no row"),
        (["index", "other.npz"], "embedded by model ffff; expected model"),
        (["index", "query.table", "--metric", "euclidean"], "asked for euclidean"),
        (["index", "query.table", "--probes", "3"], "probes for an index of kind flat"),
        (["index", "query.table", "-k", "0"], "-k 0; expected at least 1"),
        (["index", "query", "--model", "other.safetensors", *READ], "the queries were embedded by model"),
        (["index", "query", "--model", "no.safetensors", *READ], "there is no model file"),
        (["index", "query.table", "--json", "no/out.json"], "no/out.json"),
    ],
)
def test_mistakes_of_a_search_are_one_sentence_and_exit_2(made, monkeypatch, capsys, words, message):
    monkeypatch.chdir(made)
    np.save("wide.npy", np.ones((2, 17)))
    np.save("empty.npy", np.ones((0, 16)))
    np.savez("other.npz", features=np.ones((2, 16)), model=np.array("ffff"))
    if "other.safetensors" in words:
        make_model(made / "other.safetensors")
    check_mistake(capsys, search_index.main(words), message)


@pytest.mark.parametrize(
    ("tool", "words", "message"),
    [
        (build_index, ["query.table", "--out", "index"], "index exists"),
        (build_index, ["query.table", "--out", "new", "--kind", "pq"], "32 product-quantizer parts for 16 dimensions"),
        (build_index, ["query.table", "--out", "new", "--links", "3"], "options ['links'] for the flat index"),
        (
            build_index,
            ["query.table", "--out", "new", "--kind", "ivf", "--lists", "0"],
            "--lists 0; expected at least 1",
        ),
        (build_index, ["nothing", "--out", "new"], "there is no file nothing"),
        (extract, ["model.safetensors", "query", *READ, "--out", "gallery.table"], "made from other images"),
        (extract, ["model.safetensors", "query", *READ, "--out", "new", "--batch", "0"], "--batch 0"),
        (extract, ["model.safetensors", "query", "--from", "tables", "--out", "new"], "--from tables"),
        (extract, ["model.safetensors", "nowhere", "--out", "new"], "'nowhere' does not exist"),
        (extract, ["query.table", "query", "--out", "new"], "no model file"),
    ],
)
def test_mistakes_of_a_build_are_one_sentence_and_exit_2(made, monkeypatch, capsys, tool, words, message):
    monkeypatch.chdir(made)
    check_mistake(capsys, tool.main(words), message)
    assert not (made / "new").exists()


def check_mistake(capsys, status, message):
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert status == 2
    assert len(errors) == 1
    assert message in errors[0]
