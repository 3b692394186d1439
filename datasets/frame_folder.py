"""Reader for a bare folder of street frames: no labels, cameras guessed as for crops."""

import re

from datasets.box_rows import FrameRows
from datasets.frame_files import frame_data
from datasets.frame_records import FrameData
from datasets.image_folder import list_samples
from datasets.image_lookup import stem_of

_LAST_DIGITS = re.compile(r"(\d{1,18})$")


def read_frame_folder(root: str, camera: str = "auto") -> FrameData:
    """Read every image below a folder; the frame number is the last number of its name.

    Args:
        root: the folder; sub-folders are read too.
        camera: where cameras come from: 'auto' (a camera token in the names, else sub-folders that look like cameras,
            else unknown; the log says which), 'names', 'folder' (first sub-folder), 'unknown', or a regular expression
            with the group camera.

    Raises:
        DataError: there is no image, or nothing fits the expression.
        ConfigError: the expression is wrong.
    """
    base, samples, skipped = list_samples(root, camera)
    frames = [FrameRows(s.path, None, None, s.camera_id, _frame_of(s.path, s.frame)) for s in samples]
    return frame_data(base, frames, skipped=skipped, part="frames")


def _frame_of(path: str, known: int | None) -> int | None:
    match = _LAST_DIGITS.search(stem_of(path))
    return known if known is not None or match is None else int(match[1])
