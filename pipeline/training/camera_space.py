"""The camera-standardised embedding space in which target images are compared during adaptation."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.models.camera_statistics import CameraStatistics
from pipeline.types import Taps


@dataclass(frozen=True)
class CameraSpace:
    """Fixed statistics of one network for one round, as tensors.

    Args:
        mean: (C + 1, D); the last row stands for unknown cameras.
        std: (C + 1, D), above 0.
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, statistics: CameraStatistics, device: torch.device) -> "CameraSpace":
        """Take the statistics to a device."""
        return cls(torch.from_numpy(statistics.mean).to(device), torch.from_numpy(statistics.std).to(device))

    def columns(self, chosen: slice) -> "CameraSpace":
        """Return the statistics of some columns of the embedding."""
        return CameraSpace(self.mean[:, chosen], self.std[:, chosen])

    def standardised(self, taps: Taps, cameras: Tensor) -> Taps:
        """Return the taps with (e - mean_c) / std_c in place of the BNNeck embedding e.

        Args:
            taps: of target images.
            cameras: (B,) int64 positions, -1 = unknown.
        """
        rows = torch.where(cameras >= 0, cameras, len(self.mean) - 1)
        return replace(taps, bn_embedding=(taps.bn_embedding - self.mean[rows]) / self.std[rows])
