"""Standardisation of target embeddings by camera, inside a step."""

import numpy as np
import torch

from pipeline.models.camera_statistics import fit_camera_statistics
from pipeline.training.camera_space import CameraSpace
from pipeline.types import Taps


def test_taps_are_standardised_as_retrieval_does_it():
    rng = np.random.default_rng(0)
    features = rng.normal(3.0, 2.0, (60, 4)).astype(np.float32)
    cameras = np.arange(60) % 3
    statistics = fit_camera_statistics(features, cameras, names=("a", "b", "c"))
    space = CameraSpace.of(statistics, torch.device("cpu"))
    asked = np.where(np.arange(60) % 5 == 0, -1, cameras)
    taps = Taps(torch.zeros(60, 4), torch.from_numpy(features))
    found = space.standardised(taps, torch.from_numpy(asked)).bn_embedding.numpy()
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, statistics.standardise(features, asked), atol=1e-5)


def test_slow_twin_and_gradient():
    space = CameraSpace(torch.tensor([[1.0], [2.0], [5.0]]), torch.tensor([[2.0], [4.0], [10.0]]))
    rows = torch.tensor([[3.0], [3.0], [3.0]], requires_grad=True)
    taps = Taps(torch.ones(3, 1), rows)
    said = space.standardised(taps, torch.tensor([0, 1, -1]))
    expected = [(3.0 - mean) / std for mean, std in ((1.0, 2.0), (2.0, 4.0), (5.0, 10.0))]
    assert said.bn_embedding.flatten().tolist() == [np.float32(value) for value in expected]
    said.bn_embedding.sum().backward()
    assert rows.grad.flatten().tolist() == [0.5, 0.25, np.float32(0.1)]
    assert said.embedding is taps.embedding
