"""Chooses the frames of a camera that a detector learns from, while the footage passes by once."""

import cv2
import numpy as np

from pipeline.footage.motion import motion_share, thumbnail
from pipeline.footage.records import VideoFrame
from pipeline.footage.spread_choice import Moment, SpreadChoice

_JPEG_QUALITY = 92


class FrameSampler:
    """Looks at frames of one camera in the order of time and keeps a bounded number of them as JPEG.

    Args:
        limit: most frames kept.
        interval: seconds; no two frames are kept of one interval.
        kept: what was kept earlier, to go on with.
        before: thumbnail of the frame looked at last, to go on with.
    """

    def __init__(
        self, limit: int, interval: float, *, kept: list[Moment] | None = None, before: np.ndarray | None = None
    ) -> None:
        self._choice = SpreadChoice(limit, interval, kept)
        self.before = before

    @property
    def moments(self) -> list[Moment]:
        """Return what is kept, in the order of time; the content is the frame as JPEG."""
        return self._choice.moments

    def look(self, frame: VideoFrame) -> None:
        """Take one frame into account."""
        now = thumbnail(frame.image)
        motion = motion_share(self.before, now)
        self.before = now
        if self._choice.wants(frame.seconds, motion):
            self._choice.offer(Moment(frame.seconds, motion, frame.number, encode_jpeg(frame.image)))


def encode_jpeg(image: np.ndarray) -> bytes:
    """Return (H, W, 3) uint8 RGB pixels as a JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    is_done, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    assert is_done, f"a frame of shape {image.shape}"
    return bytes(content.tobytes())
