"""What all tests of the runner share."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    # Forcing data out protects from a power cut, which no test can bring about; a killed process loses nothing by it.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
