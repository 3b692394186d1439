"""The part of a camera's full frame that a picture of some height and width shows."""

from dataclasses import dataclass

from datasets.world.cameras import FRAME
from datasets.world.draw import Box


@dataclass(frozen=True)
class Screen:
    """A picture in the middle of the full frame, as large as its proportions allow.

    Args:
        rows: height, pixels.
        columns: width, pixels.
    """

    rows: int
    columns: int

    @property
    def scale(self) -> float:
        """Return pixels for each pixel of the full frame."""
        return max(self.rows / FRAME[0], self.columns / FRAME[1])

    @property
    def corner(self) -> tuple[float, float]:
        """Return column and row of the left upper corner, pixels of the full frame."""
        return (FRAME[1] - self.columns / self.scale) / 2, (FRAME[0] - self.rows / self.scale) / 2

    def point(self, column: float, row: float) -> tuple[float, float]:
        """Return where a point of the full frame lies on the picture."""
        left, top = self.corner
        return (column - left) * self.scale, (row - top) * self.scale

    def is_near(self, box: Box, margin: float = 0.0) -> bool:
        """Return whether a box, grown by a part of its height on all sides, touches the picture."""
        grown = margin * (box[3] - box[1])
        return (
            box[0] - grown < self.columns and box[2] + grown > 0 and box[1] - grown < self.rows and box[3] + grown > 0
        )
