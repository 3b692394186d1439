"""What footage is: recordings of cameras, on one clock where they have one, and frames that are read from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class FootageFile:
    """One recording: a video file, or a folder with the images of a sequence.

    Args:
        path: the file or folder.
        camera: name of the camera that filmed it.
        start_seconds: when its first frame was filmed, on the clock that the cameras share; None = when the camera's
            recording before it ended, and 0 for its first one.
        name: '/'-separated name inside the footage, shown in messages.
        rate: images a second of a sequence, which no image tells; not used for a video.
    """

    path: Path
    camera: str
    start_seconds: float | None = None
    name: str = ""
    rate: float = 25.0


@dataclass(frozen=True)
class VideoFrame:
    """One frame.

    Args:
        number: how many frames of its camera lie before it, over all of the camera's recordings.
        seconds: when it was filmed, on the clock of `FootageFile.start_seconds`.
        image: (H, W, 3) uint8 RGB, upright and without the combs of interlaced video.
    """

    number: int
    seconds: float
    image: np.ndarray


@dataclass(frozen=True)
class Footage:
    """Recordings, each camera's in the order of time.

    Args:
        name: shown in messages.
        files: sorted by camera.
        digest: hexadecimal SHA-256 over names, cameras, starts, sizes and both ends of every file.
        has_clock: whether the cameras' times can be compared with one another.
    """

    name: str
    files: tuple[FootageFile, ...]
    digest: str
    has_clock: bool

    @property
    def cameras(self) -> tuple[str, ...]:
        """Return the names of the cameras, sorted."""
        return tuple(sorted({file.camera for file in self.files}))

    def of_camera(self, camera: str) -> Sequence[FootageFile]:
        """Return the recordings of one camera in the order of time."""
        return [file for file in self.files if file.camera == camera]

    def facts(self) -> dict[str, Any]:
        """Return what a manifest says about this footage; there is nothing in it that could be read as a label."""
        return {
            "digest": self.digest, "labels_read": False, "files": len(self.files), "cameras": len(self.cameras),
            "has_clock": self.has_clock,
        }  # fmt: skip
