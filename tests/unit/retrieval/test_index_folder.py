import errno
import json
import os

import faiss
import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.retrieval import index_writer
from pipeline.retrieval.feature_rows import FeatureRows
from pipeline.retrieval.index import build_index
from pipeline.retrieval.index_folder import check_query, open_index, read_index_header
from pipeline.retrieval.index_writer import IndexPlan, default_lists, write_index
from pipeline.retrieval.row_names import name_facts
from tests.unit.retrieval.make_rows import DIMENSION, make_features, make_rows

OPTIONS = {
    "flat": {},
    "hnsw": {"breadth": 64},
    "ivf": {"lists": 8, "probes": 3},
    "pq": {"lists": 4, "probes": 2, "parts": 8, "bits": 4},
}
# So few that indexes with lists are trained on all of them.
ROWS = 500
# A shard of 100 rows.
SMALL = 100 * 4 * DIMENSION


@pytest.fixture
def folder(tmp_path):
    write_index(tmp_path / "index", make_rows(ROWS), IndexPlan("ivf", options=OPTIONS["ivf"]))
    return tmp_path / "index"


@pytest.fixture
def one_thread():
    """Threads add rows to an HNSW graph in an order that changes."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_an_opened_index_finds_what_the_one_in_memory_finds(tmp_path, kind, metric):
    rows, queries = make_rows(ROWS), make_features(20, seed=1)
    header = write_index(tmp_path / "index", rows, IndexPlan(kind, metric=metric, options=OPTIONS[kind]))
    in_memory = build_index(kind, dimension=DIMENSION, metric=metric, **OPTIONS[kind])
    in_memory.train(rows.features)
    in_memory.add(rows.features)
    # Another place than where it was written.
    (tmp_path / "index").rename(tmp_path / "moved")
    opened = open_index(tmp_path / "moved", is_verified=True)
    assert opened.header == header
    for ours, theirs in zip(opened.index.search(queries, 7), in_memory.search(queries, 7), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert name_facts(opened.names[7]) == {"name": "crops/0007.jpg", "camera": "2", "person": 7}
    assert name_facts(opened.names[5])["person"] is None


@pytest.mark.parametrize("kind", ["ivf", "pq"])
@pytest.mark.parametrize("shard_bytes", [SMALL, SMALL + 7 * 4 * DIMENSION, 4 * DIMENSION * 499])
def test_shards_make_the_same_file_as_all_rows_at_once(tmp_path, kind, shard_bytes):
    headers = [
        write_index(tmp_path / name, make_rows(ROWS), IndexPlan(kind, options=OPTIONS[kind], shard_bytes=size))
        for name, size in (("whole", 1 << 30), ("sharded", shard_bytes))
    ]
    assert headers[0].files == headers[1].files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sharded", "whole"]


def test_lists_of_which_most_are_empty_are_merged(tmp_path):
    features = np.repeat(make_features(5), 100, axis=0)
    rows = FeatureRows(features, np.arange(ROWS), make_rows(ROWS).names, make_rows(1).origin)
    write_index(tmp_path / "index", rows, IndexPlan("ivf", options={"lists": 15, "probes": 15}, shard_bytes=SMALL))
    distances, _ = open_index(tmp_path / "index").index.search(features[::100], 100)
    np.testing.assert_allclose(distances, 0, atol=1e-6)


def test_no_more_than_the_sample_or_a_block_is_read_at_once(tmp_path, monkeypatch):
    sizes = []
    take = FeatureRows.take

    def recorded(rows, positions):
        sizes.append(len(positions))
        return take(rows, positions)

    monkeypatch.setattr(FeatureRows, "take", recorded)
    write_index(tmp_path / "index", make_rows(3000), IndexPlan("ivf", options={"lists": 4}, shard_bytes=SMALL))
    assert sizes == [4 * 64, *[100] * 30]


@pytest.mark.parametrize(("count", "lists"), [(1, 1), (38, 1), (100, 2), (10_000, 128), (100_000, 256), (10**6, 1024)])
def test_default_lists_are_near_the_square_root_and_can_be_trained(count, lists):
    assert default_lists(count) == lists


def test_options_of_the_search_replace_those_of_the_build(folder):
    rows = make_features(ROWS)
    few, all_lists = (open_index(folder, options={"probes": probes}).index for probes in (1, 99))
    exact = build_index("flat", dimension=DIMENSION)
    exact.add(rows)
    expected = exact.search(rows[:50], 10)[1]
    np.testing.assert_array_equal(all_lists.search(rows[:50], 10)[1], expected)
    assert (few.search(rows[:50], 10)[1] != expected).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"breadth": 9}, "breadth for an index of kind ivf; expected kind hnsw"), ({"probes": 0}, "probes 0")],
)
def test_options_that_a_kind_does_not_have_are_refused(folder, options, message):
    with pytest.raises(DataError, match=message):
        open_index(folder, options=options)


def damage_nothing_there(folder):
    for path in folder.iterdir():
        path.unlink()


def damage_cut(folder):
    path = folder / "vectors.faiss"
    path.write_bytes(path.read_bytes()[:-100])


def damage_byte(folder):
    content = bytearray((folder / "vectors.faiss").read_bytes())
    content[2000] ^= 1
    (folder / "vectors.faiss").write_bytes(content)


def damage_names(folder):
    (folder / "names.npy").unlink()


def damage_header(folder):
    (folder / "index.json").write_text("{")


def damage_schema(folder):
    values = json.loads((folder / "index.json").read_text()) | {"schema": 9}
    (folder / "index.json").write_text(json.dumps(values))


def damage_key(folder):
    values = json.loads((folder / "index.json").read_text())
    del values["metric"]
    (folder / "index.json").write_text(json.dumps(values))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_nothing_there, "holds no index"),
        (damage_cut, r"vectors.faiss has \d+ bytes; expected \d+"),
        (damage_byte, "vectors.faiss is damaged"),
        (damage_names, "names.npy cannot be read"),
        (damage_header, "header of index .* is damaged"),
        (damage_schema, "not of schema 1"),
        (damage_key, "header of index .* is damaged"),
    ],
)
def test_a_damaged_index_is_one_sentence_that_says_what_to_do(folder, damage, message):
    damage(folder)
    with pytest.raises(DataError, match=f"{message}.*Build it again"):
        open_index(folder)


def test_a_big_file_is_hashed_only_where_that_is_asked_for(folder, monkeypatch):
    monkeypatch.setattr("pipeline.retrieval.index_folder.HASHED_BYTES", 0)
    content = bytearray((folder / "vectors.faiss").read_bytes())
    content[-1] ^= 1
    (folder / "vectors.faiss").write_bytes(content)
    open_index(folder)
    with pytest.raises(DataError, match="damaged"):
        open_index(folder, is_verified=True)


def test_what_faiss_cannot_read_is_one_sentence(folder):
    (folder / "vectors.faiss").write_bytes(b"nonsense" * 100)
    header = read_index_header(folder)
    values = header.to_json()
    from pipeline.atomic_files import sha256_of_file

    values["files"]["vectors.faiss"] = {"bytes": 800, "sha256": sha256_of_file(folder / "vectors.faiss")}
    (folder / "index.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match="FAISS cannot read it"):
        open_index(folder)


def test_queries_of_another_width_or_metric_are_refused(folder):
    header = read_index_header(folder)
    check_query(header, dimension=DIMENSION, metric="cosine")
    with pytest.raises(DataError, match="queries of 8 dimensions; expected 16"):
        check_query(header, dimension=8)
    with pytest.raises(DataError, match="index for the cosine metric, asked for euclidean"):
        check_query(header, dimension=DIMENSION, metric="euclidean")


def test_an_existing_folder_is_not_overwritten(folder):
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    with pytest.raises(DataError, match="exists; expected a new folder"):
        write_index(folder, make_rows(10), IndexPlan("flat"))
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"Error in write: 3 != 9 ({os.strerror(errno.ENOSPC)})"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    ],
)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, error):
    def write(*arguments):
        raise error

    monkeypatch.setattr(index_writer.faiss, "write_index", write)
    with pytest.raises(DataError, match=r"cannot be written: No space left on device\. Free some space"):
        write_index(tmp_path / "index", make_rows(10), IndexPlan("flat"))
    assert list(tmp_path.iterdir()) == []


def test_rows_that_are_not_finite_leave_nothing(tmp_path):
    rows = make_rows(10)
    rows.features[3, 3] = np.nan
    with pytest.raises(DataError, match="not finite"):
        write_index(tmp_path / "index", rows, IndexPlan("flat"))
    assert list(tmp_path.iterdir()) == []


def test_an_index_of_torch_has_no_folder(tmp_path):
    with pytest.raises(DataError, match="kind torch in a folder; expected flat, hnsw, ivf or pq"):
        write_index(tmp_path / "index", make_rows(10), IndexPlan("torch", options={"device": "cpu"}))


@pytest.mark.parametrize(("kind", "message"), [("hnsw", "hnsw index on CUDA"), ("ivf", "built for the CPU")])
def test_cuda_where_it_is_not_to_be_had_is_refused(tmp_path, monkeypatch, kind, message):
    monkeypatch.delattr(faiss, "StandardGpuResources", raising=False)
    write_index(tmp_path / "index", make_rows(ROWS), IndexPlan(kind, options=OPTIONS[kind]))
    with pytest.raises(DataError, match=message):
        open_index(tmp_path / "index", device="cuda")


def test_a_flat_index_is_searched_by_torch_where_faiss_has_no_gpu(tmp_path, monkeypatch):
    from pipeline.retrieval import index_folder
    from pipeline.retrieval.torch_index import TorchIndex

    monkeypatch.delattr(faiss, "StandardGpuResources", raising=False)
    monkeypatch.setattr(index_folder, "build_index", lambda kind, **options: build_index(kind, device="cpu", **options))
    write_index(tmp_path / "index", make_rows(ROWS), IndexPlan("flat"))
    opened = open_index(tmp_path / "index", device="cuda")
    assert isinstance(opened.index, TorchIndex)
    exact = open_index(tmp_path / "index").index
    queries = make_features(20, seed=1)
    np.testing.assert_array_equal(opened.index.search(queries, 5)[1], exact.search(queries, 5)[1])
