"""What is true about one split of a site's recordings: crops in Market-1501 layout, and frames with boxes."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from datasets.coco_writer import write_coco
from datasets.frame_records import FrameData, FrameSample
from datasets.images import load_image
from datasets.world.frames.street import Street
from datasets.world.sheet import encode_image
from datasets.world.video.complete_file import named_errors
from datasets.world.video.crop_picking import Crop, CropPicker
from datasets.world.video.recording import Recording, Shot

FOLDERS = ("crops/bounding_box_train", "crops/query", "crops/bounding_box_test", "frames/train", "frames/test")
# Near enough that most people are on several frames, far enough that two frames of somebody differ.
_SECONDS_BETWEEN_FRAMES = 3.0
_CANDIDATES_A_SECOND = 2


def crop_stride(fps: int) -> int:
    """Return after how many frames people are looked at for a crop."""
    return max(1, round(fps / _CANDIDATES_A_SECOND))


class SplitTruth:
    """Writes crops and frames while the shots come, camera after camera.

    Args:
        root: folder with FOLDERS in it.
        split: "train" or "test"; of the latter some crops become queries.
        shots: crops of each tracklet.
    """

    def __init__(self, root: Path, *, split: str, shots: int) -> None:
        self._root, self._split, self._shots = root, split, shots
        self._samples: list[FrameSample] = []
        self._crops: list[tuple[int, int, str]] = []

    def camera(self, street: Street, recording: Recording) -> "CameraTruth":
        """Return what takes the shots of one camera."""
        return CameraTruth(self, street, CropPicker(shots=self._shots, fps=recording.fps), crop_stride(recording.fps))

    def write_crops(self, camera: int, tracklets: Iterable[list[Crop]]) -> None:
        """Write the crops of tracklets.

        Args:
            camera: number of the camera.
            tracklets: crops of each.
        """
        folder = self._root / ("crops/bounding_box_train" if self._split == "train" else "crops/bounding_box_test")
        for crops in tracklets:
            for index, crop in enumerate(crops):
                name = f"{crop.person:04d}_c{camera}s1_{crop.frame:06d}_{index:02d}.jpg"
                _write_jpeg(folder / name, crop.image)
                self._crops.append((crop.person, camera, name))

    def write_frame(self, street: Street, shot: Shot) -> None:
        """Write a frame and remember its boxes.

        Args:
            street: what the camera looks at.
            shot: the frame.
        """
        name = f"c{street.number:02d}_{shot.number:07d}.jpg"
        _write_jpeg(self._root / "frames" / self._split / name, shot.image)
        size = shot.image.shape[0], shot.image.shape[1]
        camera, domain = str(street.number), street.domain.name
        self._samples.append(FrameSample(name, size, camera, domain, shot.number, shot.boxes))

    def finish(self) -> None:
        """Write the boxes, and move the queries out of the gallery."""
        folder = self._root / "frames"
        samples = tuple(sorted(self._samples, key=lambda sample: sample.path))
        images = folder / self._split
        data = FrameData(self._split, samples, lambda sample: load_image(images / sample.path), digest="")
        write_coco(folder / "annotations" / f"{self._split}.json", data)
        for name in choose_queries(self._crops) if self._split == "test" else ():
            (self._root / "crops/bounding_box_test" / name).replace(self._root / "crops/query" / name)


class CameraTruth:
    """Takes the shots of one camera.

    Args:
        truth: writes them.
        street: what the camera looks at.
        picker: chooses crops.
        stride: frames from one look at the people to the next.
    """

    def __init__(self, truth: SplitTruth, street: Street, picker: CropPicker, stride: int) -> None:
        self._truth, self._street, self._picker, self._stride = truth, street, picker, stride
        self._between = stride * round(_SECONDS_BETWEEN_FRAMES * _CANDIDATES_A_SECOND)

    def add(self, shot: Shot) -> None:
        """Take a frame."""
        if shot.number % self._stride == 0:
            self._truth.write_crops(self._street.number, self._picker.add(shot))
        if shot.number % self._between == 0:
            self._truth.write_frame(self._street, shot)

    def finish(self) -> None:
        """Write the crops of everybody who was still in view."""
        self._truth.write_crops(self._street.number, self._picker.finish())


def _write_jpeg(path: Path, image: np.ndarray) -> None:
    with named_errors(path):
        path.write_bytes(encode_image(image, ".jpg"))


def choose_queries(crops: Iterable[tuple[int, int, str]]) -> list[str]:
    """Return the names of the crops to ask with: the first of each person and camera with another in the gallery.

    Whoever only one camera saw is never asked for, and a camera's only crop of somebody stays in the gallery, so that
    every query has an answer in another camera.

    Args:
        crops: person, camera and name of each.
    """
    names: dict[tuple[int, int], list[str]] = {}
    cameras: defaultdict[int, set[int]] = defaultdict(set)
    for person, camera, name in crops:
        names.setdefault((person, camera), []).append(name)
        cameras[person].add(camera)
    return [found[0] for (person, _), found in names.items() if len(cameras[person]) > 1 and len(found) > 1]
