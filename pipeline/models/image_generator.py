"""A small generator of normalised images from noise."""

import torch.nn.functional as F
from torch import Tensor, nn

# Two enlargements by two.
_SCALE = 4


class ImageGenerator(nn.Module):
    """Noise in, images with mean 0 and deviation 1 out: a linear layer, then two enlargements with convolutions.

    Args:
        latent: width of the noise.
        size: (height, width) of the images.
        width: channels of the finest layer; the coarser one has twice as many.

    Reference:
        The generator of Chen et al. Data-free learning of student networks. ICCV 2019. A re-implementation for images
        of any height and width; the last norm, without scale and shift, is theirs.
    """

    def __init__(self, latent: int, *, size: tuple[int, int], width: int = 32) -> None:
        super().__init__()
        self.latent, self.size, self.coarse = latent, size, (-(-size[0] // _SCALE), -(-size[1] // _SCALE))
        self.linear = nn.Linear(latent, 2 * width * self.coarse[0] * self.coarse[1])
        self.norm = nn.BatchNorm2d(2 * width)
        self.middle = _block(2 * width, 2 * width)
        self.fine = _block(2 * width, width)
        self.colours = nn.Sequential(nn.Conv2d(width, 3, 3, padding=1), nn.BatchNorm2d(3, affine=False))

    def forward(self, noise: Tensor) -> Tensor:
        """Return normalised images.

        Args:
            noise: (B, latent), standard normal.

        Returns:
            (B, 3, *size).
        """
        maps = self.norm(self.linear(noise).view(len(noise), -1, *self.coarse))
        maps = self.middle(F.interpolate(maps, scale_factor=2.0))
        return self.colours(self.fine(F.interpolate(maps, size=self.size)))


def _block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)
    )  # fmt: skip
