"""Footage as a kind of data that a configuration can name."""

from datasets.records import normalise_camera_name
from pipeline.errors import DataError
from pipeline.footage.listing import list_footage
from pipeline.footage.records import Footage


def footage(
    *, root: str, files: list[str] | None = None, cameras: str | None = None, sequence_rate: float = 25.0
) -> Footage:
    """List the recordings of cameras.

    Args:
        root: a folder with videos and folders of images, or one of these itself.
        files: names of files and folders relative to it; null takes all.
        cameras: CSV file with the columns file, camera and, if known, start.
        sequence_rate: images a second of folders of images that have no seqinfo.ini.

    Raises:
        DataError: there is no recording, or two cameras would be taken for one.
    """
    found = list_footage(root, files=files, cameras=cameras, rate=sequence_rate)
    spelt: dict[str, str] = {}
    for camera in found.cameras:
        other = spelt.setdefault(normalise_camera_name(camera), camera)
        if other != camera:
            raise DataError(
                f"footage {root!r}: cameras {other!r} and {camera!r} are one name to the readers of crops",
                "names that differ by more than case and the word camera", "Name them apart in a camera table.",
            )  # fmt: skip
    return found
