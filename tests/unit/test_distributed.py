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
