"""Embeddings of a network that rests: made once, and never taken for those of other weights, crops or settings."""

import logging

import numpy as np
import pytest
import torch

from pipeline.checkpoint_file import load_tensors, save_tensors
from pipeline.training import embedding_cache as module
from pipeline.training.embedding_cache import EmbeddingCache
from pipeline.training.extraction import extract_embeddings
from pipeline.training.precision import Precision
from tests.unit.training.make_parts import make_crops, make_model


@pytest.fixture
def made(monkeypatch):
    """Count how often crops are embedded."""
    calls = []

    def counted(*arguments, **settings):
        calls.append(arguments)
        return extract_embeddings(*arguments, **settings)

    monkeypatch.setattr(module, "extract_embeddings", counted)
    return calls


def ask(cache, model, crops, **precision):
    return cache.embeddings(model, crops, precision=Precision(**precision))


def test_a_network_that_rests_is_embedded_once(made):
    cache, model, crops = EmbeddingCache(), make_model(), make_crops()
    first = ask(cache, model, crops)
    assert np.array_equal(first, extract_embeddings(model, crops))
    assert ask(cache, model, crops) is first
    assert len(made) == 1
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_whatever_embeddings_depend_on_makes_them_anew(made):
    cache, model, crops = EmbeddingCache(), make_model(), make_crops()
    before = ask(cache, model, crops)
    with torch.no_grad():
        model.trunk.norm.running_mean[0] += 1.0
    assert not np.array_equal(ask(cache, model, crops), before)
    model.mean[0, 0] += 0.1
    ask(cache, model, crops)
    model.size = (8, 8)
    ask(cache, model, crops)
    ask(cache, model, crops, amp="bf16")
    ask(cache, model, make_crops(seed=1))
    assert len(made) == 6


def test_the_two_latest_are_kept(made):
    cache, crops = EmbeddingCache(), make_crops()
    teacher, students = make_model(1), [make_model(seed) for seed in (2, 3, 4)]
    for student in students:
        ask(cache, student, crops)
        ask(cache, teacher, crops)
    assert len(made) == 4
    ask(cache, students[0], crops)
    assert len(made) == 5


def test_large_tables_are_not_kept_in_memory(made, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_KEPT_BYTES", 100)
    cache, model, crops = EmbeddingCache(), make_model(), make_crops()
    ask(cache, model, crops)
    ask(cache, model, crops)
    assert len(made) == 2


def test_another_process_reads_what_was_written(made, tmp_path):
    model, crops = make_model(), make_crops()
    first = ask(EmbeddingCache(tmp_path / "cache"), model, crops)
    again = ask(EmbeddingCache(tmp_path / "cache"), model, crops)
    assert np.array_equal(first, again)
    assert len(made) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1


def change(path, **changed):
    save_tensors(path, {**load_tensors(path), **changed})


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(b"not a file of tensors"),
    lambda path: path.write_bytes(path.read_bytes()[:-20]),
    lambda path: change(path, embeddings=load_tensors(path)["embeddings"] + 1e-7),
    lambda path: change(path, document=torch.frombuffer(bytearray(b"{}"), dtype=torch.uint8)),
    lambda path: save_tensors(path, {"embeddings": torch.zeros(24, 5)}),
])  # fmt: skip
def test_a_damaged_or_foreign_file_is_refused(made, tmp_path, caplog, damage):
    model, crops = make_model(), make_crops()
    first = ask(EmbeddingCache(tmp_path), model, crops)
    (path,) = tmp_path.iterdir()
    damage(path)
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(ask(EmbeddingCache(tmp_path), model, crops), first)
    assert "is refused" in caplog.text
    assert len(made) == 2
    assert np.array_equal(ask(EmbeddingCache(tmp_path), model, crops), first), "it was written anew"
    assert len(made) == 2


def test_other_pictures_under_the_same_names_are_noticed(made, tmp_path, caplog):
    model, crops = make_model(), make_crops()
    ask(EmbeddingCache(tmp_path), model, crops)
    crops.cache.pixels[:] = 255 - crops.cache.pixels
    with caplog.at_level(logging.WARNING):
        found = ask(EmbeddingCache(tmp_path), model, crops)
    assert "is stale" in caplog.text
    assert np.array_equal(found, extract_embeddings(model, crops))
