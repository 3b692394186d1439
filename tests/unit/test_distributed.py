"""In one process nothing is gathered, waited for or divided."""

import pytest
import torch

from pipeline import distributed
from pipeline.errors import PipelineError


def test_one_process_is_alone():
    assert (distributed.rank(), distributed.world_size(), distributed.is_distributed()) == (0, 1, False)
    rows = torch.ones(2, 3)
    assert distributed.gather_rows(rows) is rows
    marker = object()
    assert distributed.broadcast_object(marker) is marker
    assert distributed.gather_objects(marker) == [marker]
    distributed.barrier()
    distributed.stop()


def test_without_torchrun_no_group_is_joined(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    distributed.start("cpu")
    monkeypatch.setenv("WORLD_SIZE", "1")
    distributed.start("cpu")
    assert not distributed.is_distributed()


def test_half_an_environment_is_refused_with_a_sentence(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(PipelineError, match="WORLD_SIZE is set but RANK or MASTER_ADDR is not; expected the environ"):
        distributed.start("cpu")


def test_a_lost_peer_is_told_in_words_and_other_errors_stay(monkeypatch):
    monkeypatch.setattr(distributed, "is_distributed", lambda: True)
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    monkeypatch.setattr(distributed, "world_size", lambda: 4)
    lost = "[enforce fail at pair.cc:1] Connection closed by peer [10.0.0.1]:29500. This is typically a bug"
    with (
        pytest.raises(PipelineError, match=r"process 1 of 4 has lost the others \(.*by peer.*29500\)\. Look"),
        distributed.lost_peer_in_words(),
    ):
        raise RuntimeError(lost)
    with pytest.raises(RuntimeError, match="shape"), distributed.lost_peer_in_words():
        raise RuntimeError("shape mismatch")


def test_one_process_has_nobody_to_lose():
    with pytest.raises(RuntimeError, match="Connection closed"), distributed.lost_peer_in_words():
        raise RuntimeError("Connection closed by peer")


def test_the_first_process_works_and_its_error_arrives():
    assert distributed.by_first(lambda: 3) == 3
    with pytest.raises(PipelineError, match="no clusters"):
        distributed.by_first(_fail)


def _fail():
    raise PipelineError("no clusters")
