import faiss
import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.retrieval import faiss_index
from pipeline.retrieval.index import build_index
from tests.unit.retrieval.make_rows import DIMENSION, make_features


def test_training_on_a_sample_adds_nothing_and_later_rows_are_all_found():
    index = build_index("ivf", dimension=DIMENSION, lists=4, probes=4)
    index.train(make_features(200))
    assert len(index) == 0
    with pytest.raises(DataError, match="empty"):
        index.search(make_features(1), 1)
    rows = make_features(90, seed=1)
    for first in range(0, 90, 30):
        index.add(rows[first : first + 30])
    assert len(index) == 90
    np.testing.assert_array_equal(index.search(rows, 1)[1][:, 0], np.arange(90))


def test_an_empty_copy_shares_the_training_and_no_rows():
    index = build_index("ivf", dimension=DIMENSION, lists=4)
    index.train(make_features(200))
    copy = index.empty_copy()
    copy.add(make_features(5))
    assert (len(index), len(copy)) == (0, 5)
    centroids = [one.on_cpu.quantizer.reconstruct_n(0, 4) for one in (index, copy)]
    np.testing.assert_array_equal(*centroids)


def test_an_index_without_rows_cannot_be_written():
    with pytest.raises(DataError, match="empty"):
        _ = build_index("flat", dimension=DIMENSION).on_cpu


def test_cuda_without_a_gpu_build_of_faiss_names_the_ways_out(monkeypatch):
    monkeypatch.delattr(faiss, "StandardGpuResources", raising=False)
    with pytest.raises(DataError, match=r"built for the CPU.*crosscam\[gpu\].*index torch"):
        build_index("flat", dimension=DIMENSION, device="cuda")


def test_cuda_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    with pytest.raises(DataError, match="sees no GPU"):
        build_index("ivf", dimension=DIMENSION, device="cuda")


@pytest.mark.parametrize("kind", ["flat", "ivf", "pq"])
def test_another_device_is_refused(kind):
    with pytest.raises(DataError, match="device 'tpu'; expected one of cpu, cuda"):
        build_index(kind, dimension=DIMENSION, device="tpu", **({"parts": 8} if kind == "pq" else {}))


def test_a_gpu_build_of_faiss_is_asked_to_move_the_index_there_and_back(monkeypatch):
    moves = []

    def record(name):
        def move(*arguments):
            moves.append(name)
            return arguments[-1]

        return move

    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", record("there"), raising=False)
    monkeypatch.setattr(faiss, "index_gpu_to_cpu", record("back"), raising=False)
    assert faiss_index.has_faiss_cuda()
    index = build_index("flat", dimension=DIMENSION, device="cuda")
    index.add(make_features(3))
    assert index.on_cpu.ntotal == 3
    assert moves == ["there", "back"]


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["flat", "ivf", "pq"])
def test_faiss_on_cuda_finds_what_it_finds_on_the_cpu(kind):
    if not faiss_index.has_faiss_cuda():
        pytest.skip("no FAISS with GPU support")
    options = {"flat": {}, "ivf": {"lists": 8, "probes": 8}, "pq": {"lists": 4, "probes": 4, "parts": 8}}[kind]
    rows, found = make_features(2000), []
    for device in ("cpu", "cuda"):
        index = build_index(kind, dimension=DIMENSION, device=device, **options)
        index.add(rows)
        found.append(index.search(rows[:50], 5)[1])
    # Quantized distances tie, and the two break ties differently.
    assert np.mean(found[0] == found[1]) > (0.7 if kind == "pq" else 0.99)
