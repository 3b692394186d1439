"""Write tracklets to a folder while footage is cut: crops, a table that only grows, and how far each camera has come.

    ROOT/crops/CAMERA/TRACKLET_FRAME.jpg    ROOT/tracklets.csv    ROOT/progress.json

    writer = TrackletWriter(root, made_by={...})
    skip = writer.progress(camera).frames      # of this camera's frames, begin with this one
    writer.add(camera, tracklet)               # as often as there is one
    writer.commit(camera, frames=number + 1)   # now and then: a restart goes on from here

What was added after the last commit is taken back when the folder is opened again, so that nothing is written twice. A
restart ends exactly as if there had been none where everything else begins anew at a commit too: close all tracklets,
commit, and take a fresh Tracker and TrackletCutter.
"""

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.errors import DataError
from pipeline.tracking.cutting import Tracklet
from pipeline.tracking.stay import Crop
from pipeline.tracking.tracklet_progress import FolderProgress, Progress, load_progress

COLUMNS = ("path", "camera", "tracklet", "frame", "seconds", "left", "top", "right", "bottom", "score", "clock")
# What the column `clock` holds where the cameras share one; else it holds the camera's name.
ONE_CLOCK = "site"
TABLE, CROPS = "tracklets.csv", "crops"
_HEADER = (",".join(COLUMNS) + "\n").encode()
_JPEG_QUALITY = 95


class TrackletWriter:
    """Appends the tracklets of any number of cameras; between two commits of one camera only.

    Args:
        root: the folder; made where it is missing.
        made_by: what decides which tracklets come out (detector, settings, footage), as JSON values; a folder that was
            begun with something else is refused.

        has_clock: whether the times of all cameras count on one clock; else each counts on a clock of its own name.

    Raises:
        DataError: the folder holds something else, was begun with other settings, or its table has been shortened.
    """

    def __init__(self, root: str | Path, *, made_by: Mapping[str, Any], has_clock: bool = True) -> None:
        self._has_clock = has_clock
        self._root = Path(root)
        self._root.mkdir(parents=True, exist_ok=True)
        self._done = load_progress(self._root, made_by=made_by) or self._start(made_by)
        self._take_back()
        self._open: tuple[str, int] | None = None  # the camera that is being written, and its new tracklets

    def progress(self, camera: str) -> Progress:
        """Return how far a camera had come at its last commit."""
        return self._done.cameras.get(camera, Progress())

    def add(self, camera: str, tracklet: Tracklet) -> str:
        """Write a tracklet's crops and then their rows, and return the name that it has in the folder.

        Args:
            camera: a name that can be that of a folder.
            tracklet: of this camera; they are numbered in the order in which they come.
        """
        is_name = camera.isprintable() and not set(camera) & set("/\\") and not camera.startswith(".")
        assert is_name, f"camera {camera!r}"
        known, count = self._open or (camera, 0)
        assert known == camera, f"tracklets of {known!r} wait for their commit, not of {camera!r}"
        self._open = (camera, count + 1)
        name = f"{camera}-{self.progress(camera).tracklets + count + 1:05d}"
        folder = self._root / CROPS / camera
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO(newline="")
        clock = ONE_CLOCK if self._has_clock else camera
        rows = csv.writer(text, lineterminator="\n")
        for crop in tracklet.crops:
            file = f"{name}_{crop.frame:07d}.jpg"
            _write_image(folder / file, crop.pixels)
            rows.writerow((f"{CROPS}/{camera}/{file}", camera, name, *_fields(crop), clock))
        with (self._root / TABLE).open("ab") as table:
            table.write(text.getvalue().encode())
        return name

    def commit(
        self, camera: str, *, frames: int, is_complete: bool = False, notes: Mapping[str, Any] | None = None
    ) -> None:
        """Note how far a camera has come; a restart goes on from here.

        Args:
            camera: the camera.
            frames: so many of its frames are done, and none of its tracklets is open.
            is_complete: there are no further frames.
            notes: what is wanted again after a restart, as JSON values; `progress(camera).notes` has them.
        """
        before = self.progress(camera)
        known, count = self._open or (camera, 0)
        assert known == camera, f"tracklets of {known!r} wait for their commit, not of {camera!r}"
        assert frames >= before.frames, f"{frames} frames after {before.frames}"
        with (self._root / TABLE).open("ab") as table:
            os.fsync(table.fileno())
            size = table.tell()
        now = Progress(frames, before.tracklets + count, is_complete, dict(notes or {}))
        self._done = replace(self._done, size=size, cameras={**self._done.cameras, camera: now})
        self._done.save(self._root)
        self._open = None

    def _start(self, made_by: Mapping[str, Any]) -> FolderProgress:
        table = self._root / TABLE
        # A kill during the very start leaves a part of the header, or a table without a row.
        if table.exists() and not _HEADER.startswith(table.read_bytes()):
            raise DataError(
                f"{str(self._root)!r} holds a {TABLE} of unknown origin", "an empty folder", "Name another folder."
            )
        table.write_bytes(_HEADER)
        begun = FolderProgress(dict(made_by), len(_HEADER))
        begun.save(self._root)
        return begun

    def _take_back(self) -> None:
        """Cut off rows after the last commit, and delete crops without a row: nobody would look for them again."""
        table = self._root / TABLE
        held = table.stat().st_size if table.exists() else 0
        if held < self._done.size:
            raise DataError(
                f"{str(table)!r} has {held} bytes", f"at least the {self._done.size} written", "Delete the folder."
            )
        os.truncate(table, self._done.size)
        with table.open(newline="", encoding="utf-8") as file:
            known = {row["path"] for row in csv.DictReader(file)}
        for path in sorted((self._root / CROPS).rglob("*.jpg")):
            if path.relative_to(self._root).as_posix() not in known:
                path.unlink()


def _fields(crop: Crop) -> tuple[str, ...]:
    corners = (f"{float(corner):.2f}" for corner in crop.box)
    return (str(crop.frame), f"{crop.seconds:.4f}", *corners, f"{crop.score:.4f}")


def _write_image(path: Path, pixels: np.ndarray) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    is_done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    assert is_done, f"a crop of shape {pixels.shape}"
    path.write_bytes(data.tobytes())
