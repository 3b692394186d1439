"""Reader for the Caltech pedestrians, whose boxes come as .vbb files of whole videos or as one text a frame.

Label 'person' is valid; 'people', 'person?' and 'ignore' are ignored regions. Coordinates stay as the files have them.
The rules that replace widths and ignore boxes near the border belong to the evaluation.

Reference: Dollar et al., "Pedestrian Detection: An Evaluation of the State of the Art", PAMI 2012.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from datasets.box_rows import BoxRow, FrameRows
from datasets.caltech_text import parse_bbgt
from datasets.caltech_vbb import parse_vbb
from datasets.frame_files import frame_data
from datasets.frame_records import FrameData
from datasets.frame_text import read_text
from datasets.image_lookup import images_by
from datasets.listing import open_root
from datasets.matlab_files import read_matlab
from pipeline.errors import ConfigError, DataError

# set06/V000/I00029.jpg, set06_V000_I00029.jpg and set06_V000_00029.jpg
_NAME = re.compile(r"set(\d{2})[/_](V\d{3})[/_]I?(\d{5,6})(?=\.|$)", re.IGNORECASE)
_FRAMES_A_VIDEO = 10**6


def read_caltech(root: str, sets: Sequence[str | int] | None = None, annotations: str = "annotations") -> FrameData:
    """Read the frames that are there as images; a set is one camera.

    Args:
        root: folder with the annotations and, anywhere below it, images named by set, video and frame.
        sets: such as ['06', '07']; None takes all.
        annotations: sub-folder with setNN/VNNN.vbb or, for each frame, setNN_VNNN_INNNNN.txt or setNN/VNNN/INNNNN.txt.

    Raises:
        DataError: there are no images or annotations, both forms at once, or a file has another form.
        ConfigError: `sets` names something that is no set.
    """
    base = open_root(root)
    chosen = None if sets is None else {_set_name(name) for name in sets}
    images = {key: path for key, path in images_by(base, frame_key).items() if chosen is None or key[:5] in chosen}
    if not images:
        raise DataError(f"{root!r} holds no image of {sorted(chosen or ()) or 'any set'}", "setNN/VNNN/INNNNN.jpg")
    folder = base / annotations
    videos, texts = sorted(folder.rglob("*.vbb")), sorted(folder.rglob("*.txt"))
    if bool(videos) == bool(texts):
        found = "both .vbb and .txt files" if videos else "neither .vbb nor .txt files"
        raise DataError(f"{str(folder)!r} holds {found}", "one of the two", "Name the folder in `annotations`.")
    skipped: Counter[str] = Counter()
    frames = _from_videos(videos, images, skipped) if videos else _from_texts(texts, images, skipped)
    skipped["image without an annotation"] += len(images) - len(frames)
    return frame_data(base, frames, skipped=skipped, part=", ".join(sorted({key[:5] for key in images})))


def frame_key(path: str) -> str | None:
    """Return 'set06_V000_00029' of the name of an image or annotation, None where it has no such name."""
    match = _NAME.search(path)
    return f"set{match[1]}_{match[2].upper()}_{int(match[3]):05d}" if match else None


def _from_videos(files: Sequence[Path], images: dict[str, str], skipped: Counter[str]) -> list[FrameRows]:
    frames = []
    for file in files:
        video = f"{file.parent.name.lower()}_{file.stem.upper()}"
        wanted = {int(key[len(video) + 1 :]): path for key, path in images.items() if key.startswith(f"{video}_")}
        if not wanted:
            continue
        place = f"{file.parent.name}/{file.name}"
        parsed, left_out = parse_vbb(read_matlab(file, expected="a .vbb file"), sorted(wanted), place=place)
        skipped.update(left_out)
        frames += [_to_frame(wanted[number], f"{video}_{number:05d}", rows) for number, rows in parsed.items()]
    return frames


def _from_texts(files: Sequence[Path], images: dict[str, str], skipped: Counter[str]) -> list[FrameRows]:
    frames: dict[str, FrameRows] = {}
    for file in files:
        key = frame_key(file.as_posix())
        if key is None or key not in images:
            skipped["text of a frame without an image"] += 1
            continue
        if key in frames:
            raise DataError(f"frame {key} has two texts, one of them {str(file)!r}", "one a frame")
        rows, left_out = parse_bbgt(read_text(file, expected="a bbGt text"), place=file.name)
        skipped.update(left_out)
        frames[key] = _to_frame(images[key], key, rows)
    return list(frames.values())


def _to_frame(path: str, key: str, rows: Sequence[BoxRow]) -> FrameRows:
    camera, video, frame = key.split("_")
    return FrameRows(path, tuple(rows), None, camera, int(video[1:]) * _FRAMES_A_VIDEO + int(frame))


def _set_name(name: str | int) -> str:
    match = re.fullmatch(r"(?:set)?0*(\d{1,2})", str(name).lower())
    if match is None:
        raise ConfigError(f"sets: {name!r}", "names such as '06'")
    return f"set{int(match[1]):02d}"
