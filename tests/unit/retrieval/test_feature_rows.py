import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.retrieval.feature_rows import read_feature_rows
from pipeline.retrieval.origin import Origin, check_comparable
from pipeline.retrieval.row_names import name_facts, row_names
from tests.unit.retrieval.make_rows import make_features


def test_a_file_of_the_ranking_evaluation_gives_query_and_gallery(tmp_path):
    columns = {}
    for seed, part in enumerate(("query", "gallery")):
        columns |= {f"{part}_features": make_features(4, seed), f"{part}_ids": np.array([3, 5, -1, 0])}
        columns[f"{part}_cameras"] = np.array([0, 1, -1, 2])
    np.savez(tmp_path / "f.npz", **columns)
    for seed, part in enumerate(("query", "gallery")):
        rows = read_feature_rows(tmp_path / "f.npz", part=part)
        np.testing.assert_array_equal(rows.take(np.arange(4)), make_features(4, seed))
        assert name_facts(rows.names[1]) == {"name": "1", "camera": "1", "person": 5}
        assert name_facts(rows.names[2]) == {"name": "2", "camera": None, "person": None}


def test_names_and_the_model_of_an_npz_file_are_read(tmp_path):
    names = np.array(["a/ü.jpg", "b.jpg"])
    np.savez(tmp_path / "f.npz", features=make_features(2), names=names, model=np.array("abc"))
    rows = read_feature_rows(tmp_path / "f.npz", part="query")
    assert [name_facts(row)["name"] for row in rows.names] == names.tolist()
    assert rows.origin == Origin(model="abc")


def test_a_plain_array_is_mapped_and_read_in_blocks(tmp_path):
    np.save(tmp_path / "f.npy", make_features(7).astype(np.float16))
    rows = read_feature_rows(tmp_path / "f.npy", part="gallery")
    assert isinstance(rows.features, np.memmap)
    blocks = list(rows.blocks(3))
    assert [first for first, _ in blocks] == [0, 3, 6]
    joined = np.concatenate([block for _, block in blocks])
    assert joined.dtype == np.float32
    np.testing.assert_array_equal(joined, make_features(7).astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"other": np.zeros(3)}, "lacks query_features"),
        ({"features": np.zeros(3)}, r"holds \(3,\) of float64"),
        ({"features": np.zeros((0, 4))}, "holds no row"),
        ({"features": np.array([["a"]])}, "expected \\(N, D\\) numbers"),
        ({"features": np.zeros((2, 4)), "ids": np.zeros(3)}, r"has \(3,\) ids for 2 features"),
        ({"features": np.array([[{}]], object)}, "Python objects"),
    ],
)
def test_files_without_usable_features_are_one_sentence(tmp_path, arrays, message):
    np.savez(tmp_path / "f.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_feature_rows(tmp_path / "f.npz", part="query")


def test_a_missing_and_a_damaged_file_are_one_sentence(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_feature_rows(tmp_path / "no.npz", part="query")
    (tmp_path / "f.npy").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="cannot be read"):
        read_feature_rows(tmp_path / "f.npy", part="query")


def test_names_with_undecodable_bytes_survive():
    name = b"caf\xe9.jpg".decode(errors="surrogateescape")
    (record,) = row_names([name], [None], [None])
    assert name_facts(record) == {"name": name, "camera": None, "person": None}
    assert len(row_names([], [], [])) == 0


def test_only_embeddings_of_one_network_are_compared():
    plain = Origin("m1", "d1")
    for other in (Origin("m1", "d2"), Origin(), Origin(None, "d", is_standardised=True)):
        check_comparable(other, plain)
        check_comparable(plain, other)
    with pytest.raises(DataError, match="embedded by model m2; expected model m1"):
        check_comparable(Origin("m2"), plain)
    with pytest.raises(DataError, match="standardised by camera and the gallery is not"):
        check_comparable(Origin("m1", is_standardised=True), plain)
