import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.models.camera_statistics import fit_camera_statistics
from tests.references import camera_statistics as twin


def make_features(count: int = 30, width: int = 4) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(count, width)).astype(np.float32)


@pytest.mark.parametrize("shrinkage", [0.0, 20.0])
def test_standardise_equals_its_loop_twin(shrinkage: float) -> None:
    features, cameras = make_features(), np.arange(30) % 3 - (np.arange(30) % 10 == 9) * 5
    cameras = np.maximum(cameras, -1)
    statistics = fit_camera_statistics(features, cameras, names=("a", "b", "c"), shrinkage=shrinkage)
    expected = twin.standardise(features.tolist(), cameras.tolist(), 3, shrinkage)
    np.testing.assert_allclose(statistics.standardise(features, cameras), expected, atol=2e-5)


def test_what_a_camera_adds_to_everyone_is_taken_out() -> None:
    people = make_features(20)
    features = np.concatenate([people, 3.0 * people + 5.0])
    cameras = np.repeat([0, 1], 20)
    statistics = fit_camera_statistics(features, cameras, names=("a", "b"), shrinkage=0.0)
    result = statistics.standardise(features, cameras)
    np.testing.assert_allclose(result[:20], result[20:], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1.0, atol=1e-5)


def test_few_images_are_drawn_towards_the_whole() -> None:
    features = np.concatenate([make_features(40), make_features(1) + 100.0])
    cameras = np.array([0] * 40 + [1])
    statistics = fit_camera_statistics(features, cameras, names=("many", "one"), shrinkage=20.0)
    weight = 1 / 21
    expected = weight * features[40].astype(np.float64) + (1 - weight) * features.mean(0, dtype=np.float64)
    np.testing.assert_allclose(statistics.mean[1], expected, rtol=1e-5)


def test_unknown_new_and_empty_cameras_use_the_row_of_all_images() -> None:
    features, cameras = make_features(), np.zeros(30, dtype=np.int64)
    statistics = fit_camera_statistics(features, cameras, names=("seen", "empty"))
    for camera in (-1, 1, 7):
        np.testing.assert_allclose(
            statistics.standardise(features, np.full(30, camera)), statistics.standardise(features, np.full(30, -1))
        )


def test_constant_embeddings_stay_finite() -> None:
    features = np.ones((4, 3), dtype=np.float32)
    statistics = fit_camera_statistics(features, np.zeros(4, dtype=np.int64), names=("a",))
    assert np.isfinite(statistics.standardise(features, np.zeros(4, dtype=np.int64))).all()


def test_impossible_inputs_are_refused() -> None:
    with pytest.raises(DataError, match="0 embeddings"):
        fit_camera_statistics(np.zeros((0, 3), np.float32), np.zeros(0, np.int64), names=("a",))
    with pytest.raises(DataError, match="camera position 3"):
        fit_camera_statistics(make_features(), np.full(30, 3), names=("a",))
    statistics = fit_camera_statistics(make_features(), np.zeros(30, np.int64), names=("a",))
    with pytest.raises(DataError, match=r"\(N, 4\)"):
        statistics.standardise(make_features(width=5), np.zeros(30, np.int64))
