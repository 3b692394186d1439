"""Per-camera standardisation of embeddings: it takes out what a camera adds to everyone it sees."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
EPS = 1e-6


@dataclass(frozen=True)
class CameraStatistics:
    """Mean and standard deviation of the embeddings of each camera.

    Args:
        names: C camera names in the order of the camera positions.
        mean: (C + 1, D) float32; the last row is taken over all images and stands for unknown cameras.
        std: (C + 1, D) float32, above 0.
    """

    names: tuple[str, ...]
    mean: FloatArray
    std: FloatArray

    def __post_init__(self) -> None:
        """Check that there is one row a camera and one for all."""
        rows = len(self.names) + 1
        assert self.mean.shape == self.std.shape, f"mean is {self.mean.shape}, std is {self.std.shape}"
        assert len(self.mean) == rows, f"{len(self.names)} cameras need {rows} rows, got {len(self.mean)}"

    def standardise(self, features: FloatArray, cameras: IntArray) -> FloatArray:
        """Return ``(f - mean_c) / std_c``, scaled to length one.

        Args:
            features: (N, D) embeddings.
            cameras: (N,) positions in ``names``; -1 or a position beyond the last camera means unknown.

        Returns:
            (N, D) float32.

        Raises:
            DataError: the widths differ.
        """
        if features.ndim != 2 or features.shape[1] != self.mean.shape[1]:
            raise DataError(f"embeddings of shape {features.shape}", f"(N, {self.mean.shape[1]}) for these statistics")
        rows = np.where((cameras >= 0) & (cameras < len(self.names)), cameras, len(self.names))
        centred = (features.astype(np.float32) - self.mean[rows]) / self.std[rows]
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        return (centred / np.maximum(lengths, EPS)).astype(np.float32)


def fit_camera_statistics(
    features: FloatArray, cameras: IntArray, *, names: tuple[str, ...], shrinkage: float = 20.0
) -> CameraStatistics:
    """Estimate mean and standard deviation of every camera, drawn towards the global ones where images are few.

    ``mean_c = w m_c + (1 - w) m`` with ``w = n_c / (n_c + shrinkage)``; the same for the variances.

    Args:
        features: (N, D) embeddings, N at least 1; the order of the rows does not matter.
        cameras: (N,) positions in ``names``; -1 (unknown) counts only for the global row.
        names: camera names.
        shrinkage: number of images at which a camera's own statistics weigh one half; 0 switches shrinkage off.

    Returns:
        The statistics; a camera without images gets the global row.

    Raises:
        DataError: there is no image, or a camera position is not in ``names``.
    """
    if len(features) == 0 or len(features) != len(cameras):
        raise DataError(f"{len(features)} embeddings with {len(cameras)} cameras", "one camera for each, at least one")
    if cameras.max(initial=-1) >= len(names):
        raise DataError(f"camera position {int(cameras.max())}", f"less than {len(names)}, the number of camera names")
    values = features.astype(np.float64)
    global_mean, global_variance = values.mean(0), values.var(0)
    means, variances = [], []
    for camera in range(len(names)):
        own = values[cameras == camera]
        weight = len(own) / (len(own) + shrinkage) if len(own) else 0.0
        mean = own.mean(0) if len(own) else global_mean
        variance = own.var(0) if len(own) else global_variance
        means.append(weight * mean + (1.0 - weight) * global_mean)
        variances.append(weight * variance + (1.0 - weight) * global_variance)
    mean = np.stack([*means, global_mean]).astype(np.float32)
    std = np.sqrt(np.stack([*variances, global_variance])).astype(np.float32)
    return CameraStatistics(names=names, mean=mean, std=np.maximum(std, np.float32(EPS)))
