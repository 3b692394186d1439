"""What all smoke tests share."""

import os

import pytest
import torch


@pytest.fixture(autouse=True)
def _is_quick(monkeypatch):
    # A measurement of speed takes a second a network; forcing data out protects from power cuts only.
    monkeypatch.setattr("stages.evaluate.images_per_second", lambda model: 1.0)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
